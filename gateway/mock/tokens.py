"""How many tokens something has, by the rule of thumb: one for every four characters. Pure."""

from __future__ import annotations

from typing import Any

MEDIUM = 250
"""Tokens of a picture or a document, whatever its size."""
DEPTH = 100
"""Levels that are looked at."""
_OPAQUE = frozenset(("data", "signature", "thoughtSignature"))


def count(value: Any, depth: int = 0) -> int:
    """Tokens of all texts in a JSON value."""
    if isinstance(value, str):
        return len(value) // 4 + 1
    if depth == DEPTH:
        return 1
    if isinstance(value, list):
        return sum(count(inner, depth + 1) for inner in value)
    if isinstance(value, dict):
        return sum(MEDIUM if name in _OPAQUE else count(inner, depth + 1) for name, inner in value.items())
    return 1 if value is not None else 0
