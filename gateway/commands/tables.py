"""Rows as a table for the terminal: a column each, as wide as what is in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

Columns = Sequence[tuple[str, Callable[[T], str]]]
"""What stands above each column, and what in it."""


def table(columns: Columns[T], rows: Sequence[T]) -> str:
    """The rows under their headings."""
    cells = [[name, *(safe(show(row)) for row in rows)] for name, show in columns]
    widths = [max(map(len, column)) for column in cells]
    lines = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in zip(*cells, strict=True))
    return "\n".join(lines)


def safe(text: str) -> str:
    """Nothing that somebody called something steers the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
