"""Who may call: client keys now."""
