"""Secrets of providers: how they are sealed while they are kept, and what is made of those not sent as they are."""
