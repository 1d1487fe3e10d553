"""Tables of pages as files: raw values of their kinds, and what a chart is as rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from gateway.usage import figures
from gateway.usage.figures import HOUR
from web.charted import Point, points_of
from web.charts import Frame, Series, stacked
from web.page import Page
from web.pages import PAGES
from web.span import span_of
from web.tables import TYPES, Column, Kind, written_columns, written_rows

PAGES_WITH_TABLES = [page for page in PAGES if page.tables]


@dataclass
class Row:
    """Of a page."""

    name: str = "a"
    cost_nano_usd: int | None = 1_500_000_001


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("text", "a", "a"),
        ("text", "", None),
        ("texts", ("a", "b"), ["a", "b"]),
        ("whole", 12, 12),
        ("whole", 12.5, 12),
        ("wholes", (1, None), [1, None]),
        ("number", 1, 1.0),
        ("flag", 0, False),
        ("moment", 1_795_219_200_123_456, datetime(2026, 11, 21, 0, 0, 0, 123_456, tzinfo=UTC)),
        ("text", None, None),
        ("moment", None, None),
    ],
)
def test_a_value_is_written_as_its_kind(kind: Kind, value: object, written: object) -> None:
    columns = (Column("x", kind, value=lambda row: value),)
    assert written_rows(columns, [Row()]) == [(written,)]
    assert [(each.name, each.type) for each in written_columns(columns)] == [("x", TYPES[kind])]


def test_money_is_exact_and_in_dollars() -> None:
    columns = (Column("name"), Column("cost", "money"))
    assert [(each.name, each.type) for each in written_columns(columns)] == [
        ("name", "VARCHAR"),
        ("cost_nano_usd", "BIGINT"),
        ("cost_usd", "DOUBLE"),
    ]
    rows = written_rows(columns, [Row(), Row(cost_nano_usd=None), Row(cost_nano_usd=0)])
    assert rows == [("a", 1_500_000_001, 1.500000001), ("a", None, None), ("a", 0, 0.0)]


def test_a_chart_is_what_its_table_shows() -> None:
    now_us = 1_795_219_200_000_000
    span = span_of({"range": "1h"}, now_us, UTC)
    values = [0.0] * len(span.starts)
    series = [
        Series("a", "series-1", [*values[:-2], 3.0, 4.0]),
        Series("b", "series-2", [None, *values[:-2], 5.0]),
    ]
    chart = stacked("A chart", Frame(span, UTC, now_us), series, figures.count)
    last, one = span.starts[-1], span.starts[-2]
    assert points_of(chart) == [Point(last, "a", 4), Point(last, "b", 5), Point(one, "a", 3), Point(one, "b", 0)]
    assert len(points_of(chart)) == sum(len(row.cells) for row in chart.rows)
    assert span.step_us < HOUR


@pytest.mark.parametrize("page", PAGES_WITH_TABLES, ids=lambda page: page.path)
def test_no_two_tables_of_a_page_or_columns_of_a_table_have_the_same_name(page: Page) -> None:
    names = [table.name for table in page.tables]
    assert len(names) == len(set(names))
    for table in page.tables:
        columns = [each.name.lower() for each in written_columns(table.columns)]
        assert len(columns) == len(set(columns)), table.name
