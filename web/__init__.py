"""The dashboard: pages rendered here, made livelier by htmx, working without it."""
