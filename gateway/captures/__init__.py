"""What was said on all sides of exchanges: redacted, sealed, kept for a while as files, and read again."""
