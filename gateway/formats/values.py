"""Values of a client's JSON, checked: of the right kind, or InvalidRequest that names the field. Null is absent (G-1).

`path` is the field as the client sees it (`messages[2].content[0].text`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from gateway.errors import InvalidRequest


def an_object(value: Any, path: str) -> dict[str, Any]:
    """An object."""
    return value if isinstance(value, dict) else _refuse(path, "an object")


def a_list(value: Any, path: str) -> list[Any]:
    """An array."""
    return value if isinstance(value, list) else _refuse(path, "an array")


def a_text(value: Any, path: str) -> str:
    """A string."""
    return value if isinstance(value, str) else _refuse(path, "a string")


def a_flag(value: Any, path: str) -> bool:
    """A boolean."""
    return value if isinstance(value, bool) else _refuse(path, "a boolean")


def a_number(value: Any, path: str) -> float:
    """A number; booleans are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(path, "a number")
    return value


def a_count(value: Any, path: str) -> int:
    """An integer; 3.0 is one, booleans are none."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        _refuse(path, "an integer")
    return value


def one_of(value: Any, allowed: Collection[str], path: str) -> str:
    """One of these words."""
    if not isinstance(value, str) or value not in allowed:
        _refuse(path, "one of " + ", ".join(f"'{word}'" for word in sorted(allowed)))
    return value


def _refuse(path: str, kind: str) -> Any:
    raise InvalidRequest(f"{path} must be {kind}.", param=path)
