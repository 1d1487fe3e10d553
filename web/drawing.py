"""What a query gives, as a chart: numbers over time where the first column is a time, bars where it is a text. Pure.

Knows which answers can be drawn. Times without a zone are UTC, as everywhere in the store.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from gateway.store.asking.queries import Result
from gateway.usage.figures import SECOND
from web.answers import number
from web.charts import Chart, Frame, Rank, Series, lined, ranked, stacked
from web.span import Span

MOST_SERIES = 8
MOST_BARS = 50
MOST_PIECES = 800

UNDRAWABLE = (
    "This answer cannot be drawn: a chart needs a time or a text in the first column, and a number from 0 on in "
    "another one."
)
MANY_OF_ONE_TIME = "This answer cannot be drawn: it has more than one row of the same time."

_TIME = re.compile(r"DATE|TIMESTAMP.*")
_TEXT = re.compile(r"VARCHAR|UUID|ENUM\(.*\)", re.S)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Drawing:
    """One of these, or why there is none."""

    chart: Chart | None = None
    ranks: tuple[Rank, ...] = ()
    title: str = ""
    """Of the ranks."""
    why_not: str = ""


def drawing_of(result: Result, now_us: int) -> Drawing:
    """The answer as a chart, as far as it can be one."""
    numbers = [place for place, column in enumerate(result.columns) if place and _is_drawable(result, place)]
    if not result.rows or not numbers:
        return Drawing(why_not=UNDRAWABLE)
    kind = result.columns[0].type
    if _TEXT.fullmatch(kind):
        return _ranked(result, numbers[0])
    return _over_time(result, numbers[:MOST_SERIES], now_us) if _TIME.fullmatch(kind) else Drawing(why_not=UNDRAWABLE)


def _is_drawable(result: Result, place: int) -> bool:
    """Whether a column has nothing but numbers from 0 on, and is not all nothing."""
    if not result.columns[place].is_number or result.columns[place].type == "BOOLEAN":
        return False
    values = [row[place] for row in result.rows if row[place] is not None]
    return bool(values) and all(isinstance(value, int | float) and value >= 0 for value in values)


def _ranked(result: Result, place: int) -> Drawing:
    known = [row for row in result.rows if row[place] is not None]
    scale, show = _scale([row[place] for row in known])
    rows = [("null" if row[0] is None else str(row[0]), round(row[place] * scale), "") for row in known[:MOST_BARS]]
    ranks = ranked(rows, show, show, lambda name: "series-1")
    # What all of them come to together means nothing of percentiles and shares.
    return Drawing(ranks=tuple(replace(each, share="") for each in ranks), title=result.columns[place].name)


def _over_time(result: Result, places: Sequence[int], now_us: int) -> Drawing:
    try:
        rows = sorted(((_instant(row[0]), row) for row in result.rows if row[0] is not None), key=lambda pair: pair[0])
    except ValueError:  # DuckDB has times before the first and behind the last of our calendar
        return Drawing(why_not=UNDRAWABLE)
    at = [each for each, _ in rows]
    if len(set(at)) < len(at):
        return Drawing(why_not=MANY_OF_ONE_TIME)
    if not at or len(at) > MOST_PIECES:
        return Drawing(why_not=UNDRAWABLE)
    step = min((later - earlier for earlier, later in pairwise(at)), default=3600 * SECOND)
    is_even = all((each - at[0]) % step == 0 for each in at) and (at[-1] - at[0]) // step < MOST_PIECES
    starts = tuple(range(at[0], at[-1] + 1, step)) if is_even else tuple(at)
    span = Span("custom", "", at[0], at[-1] + step, starts, step, {})
    scale, show = _scale([row[place] for _, row in rows for place in places])
    found = dict(rows)
    series = [
        Series(
            result.columns[place].name,
            f"series-{index}",
            [_scaled(found[start][place], scale) if start in found else None for start in starts],
        )
        for index, place in enumerate(places, 1)
    ]
    frame, title = Frame(span, UTC, now_us), ", ".join(each.name for each in series)
    if len(series) > 1 and is_even:
        return Drawing(chart=lined(title, frame, series, show))
    # One number a piece is a bar. So are pieces of unlike lengths, such as months: nothing is drawn between them.
    return Drawing(chart=stacked(series[0].name, frame, series[:1], show))


def _instant(text: str) -> int:
    """Unix microseconds. ValueError for what is no time of the calendar."""
    at = datetime.fromisoformat(text)
    return round(((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH).total_seconds()) * SECOND


def _scaled(value: float | None, scale: int) -> float | None:
    return None if value is None else value * scale


def _scale(values: Sequence[Any]) -> tuple[int, Callable[[int], str]]:
    """By what numbers are multiplied so that charts, which know whole ones, lose nothing that could be seen; and how
    the products are shown."""
    most = max((value for value in values if value is not None), default=0)
    scale = 1
    while 0 < most * scale < 1000 and scale < 10**12:
        scale *= 10
    return scale, lambda product: number(product if scale == 1 else product / scale)
