"""Values of a provider's JSON, forgiven: of the right kind, or nothing. Refuses to know whose they are.

What clients send is checked instead: `values`.
"""

from __future__ import annotations

from typing import Any

from .format import Fields


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
