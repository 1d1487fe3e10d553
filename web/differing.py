"""What differs between a thing before a change and after it, line by line. Pure.

Knows nested values as JSON has them. Does not know what any of them means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

MISSING = object()

NOTHING: tuple[object, ...] = (None, "", [], {})
"""What says no more about a new thing than leaving it out."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not what it was."""

    name: str
    """Where it stands, with points: `limits.budget_usd`."""
    before: str
    """Empty where there was none."""
    after: str
    """Empty where there is none any more."""


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> tuple[Difference, ...]:
    """In the order of the values' names. Of a thing that was made or deleted, or that something was done with: all that
    is said of it."""
    was, now = dict(_flat(before or {})), dict(_flat(after or {}))
    is_change = before is not None and after is not None
    names = sorted({*was, *now})
    return tuple(
        Difference(name, _text(was.get(name, MISSING)), _text(now.get(name, MISSING)))
        for name in names
        if (was.get(name) != now.get(name) if is_change else was.get(name, now.get(name)) not in NOTHING)
    )


def _flat(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Values by their path; lists are values."""
    for name, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield from _flat(inner, f"{path}{name}.")
        else:
            yield f"{path}{name}", inner


def _text(value: object) -> str:
    if value is MISSING or value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value) or "none"
    return orjson.dumps(value).decode()
