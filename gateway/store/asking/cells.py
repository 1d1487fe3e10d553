"""How what a statement gives is written: as lines of CSV, and as values that can be shown.

Pure: SQL in, SQL out, around a statement whose columns are known. DuckDB does the writing, which is quick and holds
nobody up; what comes out is text. A result may have any name for a column, and the same one twice.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

LONGEST_CELL = 10_000
"""Characters of a value that are shown."""

CUT = "…"
"""Ends what was cut."""

LARGEST = 2**63
"""Whole numbers from here on are shown as text: readers of JSON have none that large."""

_NUMBER = re.compile(r"BOOLEAN|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(.*\)")
_NESTED = re.compile(r".*\]|(STRUCT|MAP)\(.*\)|JSON", re.S)

FORMULA = "=+-@\t\r\n"
"""What a spreadsheet takes for the beginning of a formula, or skips to find one."""

_FORMULA_CODES = ", ".join(str(ord(each)) for each in FORMULA)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a result."""

    name: str
    type: str
    """As DuckDB writes it."""

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers, or true or false."""
        return _NUMBER.fullmatch(self.type) is not None

    @property
    def is_nested(self) -> bool:
        """Whether there are values in its values."""
        return not self.is_number and _NESTED.fullmatch(self.type) is not None


def columns_of(description: Sequence[Sequence[Any]] | None) -> tuple[Column, ...]:
    """The columns that a cursor has found."""
    return tuple(Column(each[0], str(each[1])) for each in description or ())


def none_of(text: str) -> str:
    """A statement that has the columns of another one, and no rows."""
    return f"select * from (\n{text}\n) limit 0"  # noqa: S608 # what a statement is is judged elsewhere


def csv_header(columns: Sequence[Column]) -> bytes:
    """The first line, with its end."""
    names = ((f"'{each.name}" if each.name[:1] in tuple(FORMULA) else each.name) for each in columns)
    return (",".join('"' + name.replace('"', '""') + '"' for name in names) + "\r\n").encode()


def csv_lines(text: str, columns: Sequence[Column]) -> str:
    """A statement that gives the rows of another one as lines (RFC 4180), without their ends."""
    return _around(text, f"concat_ws(',', {', '.join(_csv_cell(*each) for each in _named(columns))})", columns)


def shown(text: str, columns: Sequence[Column]) -> str:
    """A statement that gives the rows of another one such that `values` can take them."""
    return _around(text, ", ".join(_shown_cell(*each) for each in _named(columns)), columns)


def values(columns: Sequence[Column]) -> Callable[[Sequence[Any]], list[Any]]:
    """What makes of a row of `shown` values of JSON."""
    read = [_read_nested if each.is_nested else _plain for each in columns]
    return lambda row: [one(value) for one, value in zip(read, row, strict=True)]


def _around(text: str, select: str, columns: Sequence[Column]) -> str:
    names = ", ".join(name for name, _ in _named(columns))
    return f"select {select} from (\n{text}\n) as asked({names})"  # noqa: S608


def _named(columns: Sequence[Column]) -> list[tuple[str, Column]]:
    return [(f"c{number}", column) for number, column in enumerate(columns)]


def _text(name: str, column: Column) -> str:
    """A value as text."""
    return f"cast(to_json({name}) as varchar)" if column.is_nested else f"cast({name} as varchar)"


def _csv_cell(name: str, column: Column) -> str:
    text = _text(name, column)
    if column.is_number:
        return f"coalesce({text}, '')"
    opening = f"case when unicode({text}) in ({_FORMULA_CODES}) then '\"''' else '\"' end"
    return f"coalesce({opening} || replace({text}, '\"', '\"\"') || '\"', '')"


def _shown_cell(name: str, column: Column) -> str:
    if column.is_number:
        return name
    text = _text(name, column)
    return f"case when length({text}) > {LONGEST_CELL} then left({text}, {LONGEST_CELL}) || '{CUT}' else {text} end"


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and abs(value) >= LARGEST:
        return str(value)
    return value


def _read_nested(value: str | None) -> Any:
    try:
        return None if value is None else orjson.loads(value)
    except orjson.JSONDecodeError:  # it was cut
        return value
