"""Sluicegate: one HTTP endpoint in front of every model a team uses."""

__version__ = "0.1.0"
