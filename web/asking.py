"""What a page about SQL has beside the editor: the tables with their columns, and where a text is wrong. Pure.

Does not know how anything is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.store.asking.told import TABLES

LINES_AROUND = 1
"""Of a text, before and behind the line that is wrong."""

LONGEST_LINE = 160
"""Characters of a line that is shown."""


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """A column of a table, or some of one meaning."""

    name: str
    types: str
    """As DuckDB writes it; empty where the store does not say."""
    meaning: tuple[str, ...]
    """Text and code by turns, text first."""


@dataclass(frozen=True, slots=True)
class TableRows:
    """A table that can be asked."""

    name: str
    about: str
    columns: tuple[ColumnRow, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a text that is wrong."""

    number: int
    text: str
    pointer: str
    """What stands below it: spaces and a mark where it is wrong; empty where it is not this line."""


def tables(types: Mapping[tuple[str, str], str]) -> tuple[TableRows, ...]:
    """The tables; `types` are DuckDB's, by table and column."""
    return tuple(
        TableRows(
            each.name,
            each.about,
            tuple(
                ColumnRow(name, types.get((each.name, name), ""), tuple(some.meaning.split("`")))
                for some in each.columns
                for name in some.names
            ),
        )
        for each in TABLES
    )


def excerpt(text: str, line: int | None, column: int | None) -> tuple[Line, ...]:
    """The line of a text that is wrong, both numbers from 1, and those around it; nothing where that is not known."""
    lines = text.split("\n")
    if line is None or column is None or not 1 <= line <= len(lines):
        return ()
    first = max(1, line - LINES_AROUND)
    return tuple(
        _line(number, lines[number - 1], column if number == line else None)
        for number in range(first, min(len(lines), line + LINES_AROUND) + 1)
    )


def _line(number: int, text: str, column: int | None) -> Line:
    # Far to the right the line is shown from shortly before the place on.
    start = 0 if column is None or column <= LONGEST_LINE else column - LONGEST_LINE // 2
    shown = text.replace("\t", " ")[start : start + LONGEST_LINE]
    return Line(number, shown, "" if column is None else f"{' ' * (column - 1 - start)}^")
