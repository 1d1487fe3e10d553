"""The databases: the only door to them."""
