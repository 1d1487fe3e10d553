"""Tables of pages as files: which columns they have, said once, and the values in them. Pure.

Values are raw: tokens and microseconds are whole numbers, money is nano-USD with US dollars beside it, moments are
instants. How any of it is shown is not known here, nor how a file is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from gateway.store.asking import cells
from gateway.store.asking.exports import Format
from gateway.usage import figures

MEDIA_TYPES: Mapping[Format, str] = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}

Kind = Literal["text", "texts", "whole", "wholes", "number", "flag", "moment", "money"]

TYPES: Mapping[Kind, str] = {
    "text": "VARCHAR",
    "texts": "VARCHAR[]",
    "whole": "BIGINT",
    "wholes": "BIGINT[]",
    "number": "DOUBLE",
    "flag": "BOOLEAN",
    "moment": "TIMESTAMP WITH TIME ZONE",
}
"""As DuckDB has them; money is two columns."""

NANO_USD, USD = "_nano_usd", "_usd"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Value = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One thing that a table says of each of its rows."""

    name: str
    """In the file: with its unit, as in `total_us`; of money without, as in `cost`."""
    kind: Kind = "text"
    head: str = ""
    """What stands above it on the page; nothing where only the file has it, as an id."""
    value: Value | None = None
    """Of a row; what the row has by this name where nothing else is said. Moments are Unix microseconds, money is
    nano-USD."""

    def of(self, row: Any) -> Any:
        """The value of a row."""
        if self.value is not None:
            return self.value(row)
        return getattr(row, self.name + (NANO_USD if self.kind == "money" else ""))


def written_columns(columns: Iterable[Column]) -> tuple[cells.Column, ...]:
    """The columns of a file."""
    return tuple(cells.Column(name, type_) for each in columns for name, type_ in _named(each))


def written_rows(columns: Sequence[Column], rows: Iterable[Any]) -> list[tuple[object, ...]]:
    """The rows of a file."""
    return [tuple(value for each in columns for value in _values(each, each.of(row))) for row in rows]


def _named(each: Column) -> tuple[tuple[str, str], ...]:
    if each.kind == "money":
        return (each.name + NANO_USD, TYPES["whole"]), (each.name + USD, TYPES["number"])
    return ((each.name, TYPES[each.kind]),)


def _values(each: Column, value: Any) -> tuple[object, ...]:
    if each.kind == "money":
        return (None, None) if value is None else (round(value), float(figures.plain_money(round(value))))
    return (None if value is None else MADE[each.kind](value),)


def _text(value: str) -> str | None:
    return value or None


def _instant(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)


MADE: Mapping[Kind, Callable[[Any], object]] = {
    "text": _text,
    "texts": list,
    "whole": round,
    "wholes": list,
    "number": float,
    "flag": bool,
    "moment": _instant,
}
"""What is made of a value before it is written; a text of no characters is none."""
