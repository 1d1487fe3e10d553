"""What goes wrong in translation, line by line of `docs/pitfalls.md`, through the public pure path."""
