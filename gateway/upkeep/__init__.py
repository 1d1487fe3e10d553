"""What becomes of usage records in the end: summed up by day, copied to files, deleted; and the file they are in."""
