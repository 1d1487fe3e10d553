"""Usage as a table for the terminal. Rows come as `GET /api/usage` gives them; text with aligned columns goes out.

Knows columns. Does not know where the rows are from, nor how wide the terminal is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.usage import figures

Row = Mapping[str, Any]

LONGEST = 40
GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, its cell of a row, and on which side it is aligned."""

    title: str
    cell: Callable[[Row], str]
    is_number: bool = True


def _text(name: str) -> Callable[[Row], str]:
    return lambda row: _safe(row.get(name))


def _figure(name: str, show: Callable[[int], str]) -> Callable[[Row], str]:
    return lambda row: figures.NOTHING if row.get(name) is None else show(row[name])


def _safe(value: object) -> str:
    """Names come from clients: nothing in them may steer the terminal or break the table."""
    text = figures.NOTHING if value is None else str(value)
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def _time(row: Row) -> str:
    """`2026-11-21T04:09:00.123456Z` without the fraction."""
    return str(row["started_at"])[:19].replace("T", " ")


def _model(row: Row) -> str:
    return f"{_safe(row['provider'])}/{_safe(row['model'])}" if row.get("model") else _safe(row.get("requested_model"))


REQUEST_COLUMNS = (
    Column("time (UTC)", _time, is_number=False),
    Column("key", _text("key"), is_number=False),
    Column("model", _model, is_number=False),
    Column("status", _text("status")),
    Column("input", _figure("input_tokens", figures.count)),
    Column("output", _figure("output_tokens", figures.count)),
    Column("cost", _figure("cost_nano_usd", figures.money)),
    Column("first byte", _figure("first_byte_us", figures.duration)),
    Column("total", _figure("total_us", figures.duration)),
    Column("error", _text("error"), is_number=False),
)

GROUP_COLUMNS = (
    Column("requests", _figure("requests", figures.exact_count)),
    Column("errors", lambda row: figures.share(row["errors"], row["requests"])),
    Column("input", _figure("input_tokens", figures.count)),
    Column("cached", _figure("cache_read_tokens", figures.count)),
    Column("output", _figure("output_tokens", figures.count)),
    Column("reasoning", _figure("reasoning_tokens", figures.count)),
    Column("cost", _figure("cost_nano_usd", figures.money)),
    Column("first byte p50", _figure("p50_first_byte_us", figures.duration)),
    Column("p95", _figure("p95_first_byte_us", figures.duration)),
    Column("total p50", _figure("p50_total_us", figures.duration)),
    Column("p95", _figure("p95_total_us", figures.duration)),
)


def render(rows: Sequence[Row], *, by: str | None = None) -> str:
    """The table, without a line feed at its end; one sentence when there are no rows."""
    if not rows:
        return "No requests in this time."
    columns = REQUEST_COLUMNS if by is None else (Column(by, _text("name"), is_number=False), *GROUP_COLUMNS)
    cells = [[column.title for column in columns], *([column.cell(row) for column in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(_line(line, columns, widths) for line in cells)


def lacks(answer: Mapping[str, Any], *, by: str | None = None) -> list[str]:
    """What the rows of an answer of `GET /api/usage` lack, in sentences."""
    missing, untimed = (answer.get(name, ()) for name in ("not_in_rows", "not_in_times"))
    said = []
    if missing:
        what = f"These sums lack some of {_days(missing)}" if by else f"There are none of {_days(missing)}"
        said.append(f"{what}: requests of then are not kept any longer.")
    if by and (others := [day for day in untimed if day not in missing]):
        said.append(f"Times are without {_days(others)}: of these days they are not known for each {by}.")
    return said


def _days(days: Sequence[str]) -> str:
    return f"{days[0]} (UTC)" if len(days) == 1 else f"{len(days)} days from {days[0]} to {days[-1]} (UTC)"


def _line(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    aligned = (
        cell.rjust(width) if column.is_number else cell.ljust(width)
        for cell, column, width in zip(cells, columns, widths, strict=True)
    )
    return GAP.join(aligned).rstrip()
