"""What we know of the world: providers as data."""
