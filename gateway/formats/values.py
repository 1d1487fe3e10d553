"""Values of a client's JSON, checked: of the right kind, or InvalidRequest that names the field. Null is absent (G-1).

`path` is the field as the client sees it (`messages[2].content[0].text`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NoReturn, TypeVar

from gateway.errors import InvalidRequest

Value = TypeVar("Value")

MOST = 2**63

MOST_TOKENS = 2**53
"""More than any provider counts: above it a number is a mistake, and sums of such are more than JSON can say."""

_PLACE = ("city", "country", "region", "timezone")


def an_object(value: Any, path: str) -> dict[str, Any]:
    """An object."""
    if not isinstance(value, dict):
        _refuse(path, "an object")
    return value


def a_list(value: Any, path: str) -> list[Any]:
    """An array."""
    if not isinstance(value, list):
        _refuse(path, "an array")
    return value


def a_text(value: Any, path: str) -> str:
    """A string."""
    if not isinstance(value, str):
        _refuse(path, "a string")
    return value


def a_flag(value: Any, path: str) -> bool:
    """A boolean."""
    if not isinstance(value, bool):
        _refuse(path, "a boolean")
    return value


def a_number(value: Any, path: str) -> float:
    """A number; booleans are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(path, "a number")
    return value


def a_count(value: Any, path: str) -> int:
    """An integer of 64 bits, which is all that JSON's writers write; 3.0 is one, booleans are none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        _refuse(path, "an integer")
    if not -MOST <= value < MOST:
        _refuse(path, "an integer of 64 bits")
    return value


def one_of(value: Any, allowed: Collection[str], path: str) -> str:
    """One of these words."""
    if not isinstance(value, str) or value not in allowed:
        _refuse(path, "one of " + ", ".join(f"'{word}'" for word in sorted(allowed)))
    return value


def maybe(check: Callable[[Any, str], Value], fields: dict[str, Any], name: str, path: str = "") -> Value | None:
    """A member of the object at `path`, checked; None where it is absent or null."""
    value = fields.get(name)
    return None if value is None else check(value, f"{path}.{name}" if path else name)


def a_place(fields: dict[str, Any]) -> dict[str, str] | None:
    """Where a user is, as far as a search can be told; None where nothing of that is known."""
    return {name: fields[name] for name in _PLACE if isinstance(fields.get(name), str)} or None


def _refuse(path: str, kind: str) -> NoReturn:
    raise InvalidRequest(f"{path} must be {kind}.", param=path)
