"""Limits: who may ask how much, how much of it is left, and what a client hears of that."""
