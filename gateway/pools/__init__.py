"""What the workers know together about credentials, targets and sessions."""
