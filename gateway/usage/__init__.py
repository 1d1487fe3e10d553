"""What every exchange used and cost: measured, spooled, ingested."""
