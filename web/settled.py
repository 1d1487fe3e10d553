"""Configured things as pages show them: who said them, and their values as texts. Pure.

Knows where things are said. No secret comes here: of each there is a fingerprint.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import orjson

from gateway.management.configured import Managed
from gateway.settings.origins import DEMO

Source = Literal["default", "file", "environment", "command line", "database", "demo"]

SOURCES: Mapping[Source, str] = MappingProxyType(
    {
        "default": "nobody: as by default",
        "file": "the configuration file",
        "environment": "an environment variable",
        "command line": "an option of the command line",
        "database": "the database",
        "demo": "the demo",
    }
)
"""Who can say a thing, and in words."""

NOTHING: tuple[object, ...] = ("", None, [], (), {})
"""What says no more than leaving it out."""


def source_of(managed: Managed) -> Source:
    """Who says what holds."""
    if managed.by == "database":
        return "database"
    origin = managed.origin or ""
    if not origin:
        return "default"
    if origin == DEMO:
        return "demo"
    if origin.startswith("--"):
        return "command line"
    return "environment" if origin.startswith(("SLUICEGATE_", "environment variable ")) else "file"


def said(value: Any) -> str:
    """A value as the configuration file would have it; empty for nothing."""
    if value in NOTHING:
        return ""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name} = {said(inner)}' for name, inner in value.items() if inner not in NOTHING)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(said, value))}]"
    return orjson.dumps(value).decode()
