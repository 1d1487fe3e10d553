"""Runs exchanges: from an admitted request to its answer and its usage record."""
