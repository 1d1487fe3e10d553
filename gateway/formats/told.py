"""Values of somebody's JSON, forgiven: of the right kind, or nothing. Refuses to know whose they are.

What clients send is checked where it counts: `values`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .format import Fields
from .values import MOST

WORD_CHARACTERS = 400
"""Most of a word, such as an id, that is told on."""

WORDS = 16
"""Most of a list of them."""


def string_of(value: Any) -> str:
    """A string; empty for anything else."""
    return value if isinstance(value, str) else ""


def object_of(value: Any) -> Fields:
    """An object; empty for anything else."""
    return value if isinstance(value, dict) else {}


def objects_of(value: Any) -> list[Fields]:
    """The objects in a list; none for anything else."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text_in(fields: Fields, name: str) -> str:
    """A string of an object; empty for anything else."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def object_in(fields: Fields, name: str) -> Fields:
    """An object of an object; empty for anything else."""
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def objects_in(fields: Fields, name: str) -> list[Fields]:
    """The objects in a list of an object; none for anything else."""
    return objects_of(fields.get(name))


def number_of(value: Any) -> float | None:
    """A number; None for anything else."""
    return float(value) if value.__class__ in (int, float) else None


def whole_of(value: Any) -> int | None:
    """An integer of 64 bits, 3.0 among them; None for anything else."""
    if value.__class__ is float and value.is_integer():
        value = int(value)
    return value if value.__class__ is int and -MOST <= value < MOST else None


def word_of(value: Any) -> str | None:
    """A string, as far as it is told on; None for an empty one, and for anything else."""
    return (value[:WORD_CHARACTERS] or None) if isinstance(value, str) else None


def words_of(value: Any) -> tuple[str, ...]:
    """A string, or those in a list, as far as they are told on; none for anything else."""
    listed = value if isinstance(value, list) else [value]
    return tuple(word for each in listed[:WORDS] if (word := word_of(each)) is not None)


def some_of(fields: Fields, rows: Mapping[str, tuple[str, Callable[[Any], Any]]]) -> Fields:
    """The members that `rows` have: each as one of them reads it, by the name that it gives."""
    found = {}
    for name in rows.keys() & fields.keys():
        own, read = rows[name]
        found[own] = read(fields[name])
    return found
