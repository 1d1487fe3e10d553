"""What a query gives, as a table of texts. Pure.

Knows values of JSON and the types that DuckDB says. A number is shown as people read it, exactly in its tooltip.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from gateway.store.asking.cells import Column
from gateway.store.asking.queries import Result
from gateway.usage import figures

LONGEST_SHOWN = 120
"""Characters of a value in the table."""

LONGEST_TOLD = 2000
"""Characters of it in its tooltip."""

LONGEST_TYPE = 40

REQUEST = ("id", "UUID")
"""Name and type of a column that leads to requests."""

GROUPED = 10_000
"""Numbers from here on have commas: smaller ones may be years."""


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above a column."""

    name: str
    type: str
    exact_type: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """A value."""

    text: str
    exact: str
    is_number: bool
    is_none: bool
    link: str = ""
    """Of the request whose id it is."""


@dataclass(frozen=True, slots=True)
class Table:
    """What a query gave."""

    head: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    told: str
    """How many rows, and how long it took."""
    is_cut: bool
    """Whether there are more rows."""


def table_of(result: Result) -> Table:
    """The answer as it is shown."""
    rows = len(result.rows)
    count = "1 row" if rows == 1 else f"{figures.exact_count(rows)} rows"
    return Table(
        head=tuple(_head(each) for each in result.columns),
        rows=tuple(
            tuple(_cell(value, column) for value, column in zip(row, result.columns, strict=True))
            for row in result.rows
        ),
        told=f"{count} in {figures.duration(result.microseconds)}",
        is_cut=result.is_cut,
    )


def number(value: float) -> str:
    """A number as people read it: six digits behind the point at most, unless it is smaller than these can say."""
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= GROUPED else str(value)
    if value and (abs(value) < 1e-5 or abs(value) >= 1e15):
        return f"{value:.4g}"
    text = f"{value:,.6f}" if abs(value) >= GROUPED else f"{value:.6f}"
    return text.rstrip("0").rstrip(".")


def _head(column: Column) -> Head:
    kind = column.type if len(column.type) <= LONGEST_TYPE else f"{column.type[: LONGEST_TYPE - 1]}…"
    return Head(column.name, kind.lower(), column.type, column.is_number)


def _cell(value: Any, column: Column) -> Cell:
    if value is None:
        return Cell("null", "", column.is_number, is_none=True)
    if isinstance(value, bool):
        return Cell("true" if value else "false", "", column.is_number, is_none=False)
    if isinstance(value, int | float):
        return Cell(number(value), repr(value), column.is_number, is_none=False)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if (column.name, column.type) == REQUEST:
        return Cell(text, text, is_number=False, is_none=False, link=f"/requests/{text}")
    shown = text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"
    return Cell(shown, text[:LONGEST_TOLD], column.is_number, is_none=False)
