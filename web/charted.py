"""A chart as a table of files: a row for each piece of time and series. Pure.

Not a column for each series: these are named by whatever there is, and others come and go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from web.charts import Chart
from web.page import Table
from web.tables import Column, Kind


@dataclass(frozen=True, slots=True)
class Point:
    """What a series says of a piece of time."""

    since_us: int
    series: str
    value: float | None


def points_of(chart: Chart) -> list[Point]:
    """Every cell of the table that stands below a chart, in its order."""
    return [
        Point(chart.starts[place], each.name, each.values[place]) for place in chart.places for each in chart.series
    ]


def chart_table(name: str, pick: Callable[[Any], Chart], series: str, value: str, kind: Kind) -> Table:
    """A chart of a page's context: what its series are, what its values are called in a file, and of which kind."""
    columns = (
        Column("since", "moment", "Time", lambda point: point.since_us),
        Column(series, value=lambda point: point.series),
        Column(value, kind, value=lambda point: point.value),
    )
    return Table(name=name, columns=columns, rows=lambda context: points_of(pick(context)))
