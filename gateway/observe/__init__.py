"""What the relay tells about itself: metrics of all workers in one answer, and one line an exchange."""
