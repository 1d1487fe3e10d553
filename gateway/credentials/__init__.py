"""Secrets of providers: how they are sealed while they are kept."""
