"""Mock providers."""
