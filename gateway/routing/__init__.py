"""Which provider, model and credential a request goes to, and what a failure means. Pure."""
