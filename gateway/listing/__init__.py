"""Which models providers serve, as they say themselves: asked for, kept in a file of this machine, followed."""
