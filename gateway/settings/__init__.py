"""One frozen `Settings` from a TOML file and `SLUICEGATE_*` variables."""
