"""Which answers can be drawn, and what is drawn of them: nothing is made up between what is known."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.store.asking.cells import Column
from gateway.store.asking.queries import Result
from web.answers import number, table_of
from web.drawing import MANY_OF_ONE_TIME, UNDRAWABLE, Drawing, drawing_of

NOW = 1_800_000_000_000_000


def drawn(types: tuple[str, ...], *rows: list[Any]) -> Drawing:
    columns = tuple(Column(f"c{place}", kind) for place, kind in enumerate(types))
    return drawing_of(Result(columns=columns, rows=list(rows), is_cut=False, microseconds=1), NOW)


def test_even_times_are_lines_with_gaps_where_nothing_is_known() -> None:
    hours = ([f"2026-11-20 {hour:02}:00:00", hour, hour * 2] for hour in (0, 1, 2, 5))
    chart = drawn(("TIMESTAMP", "BIGINT", "BIGINT"), *hours).chart
    assert chart is not None
    assert [each.name for each in chart.series] == ["c1", "c2"]
    assert [len(line.runs) for line in chart.lines] == [2, 2]
    assert [value is None for value in chart.series[0].values] == [False, False, False, True, True, False]


def test_one_number_is_bars_and_so_are_uneven_times() -> None:
    one = drawn(("DATE", "DOUBLE"), ["2026-11-20", 0.5], ["2026-11-21", 0.25]).chart
    assert one is not None
    assert [bar.title for bar in one.bars] == ["Fri 20 Nov\nc1: 0.5", "Sat 21 Nov\nc1: 0.25"]
    months = drawn(("DATE", "BIGINT", "BIGINT"), *([f"2026-{month:02}-01", month, 1] for month in (1, 2, 3, 5))).chart
    assert months is not None
    assert (len(months.bars), len(months.lines)) == (4, 0)


def test_times_in_any_order_and_zone_are_put_in_order() -> None:
    kind = "TIMESTAMP WITH TIME ZONE"
    chart = drawn((kind, "BIGINT"), ["2026-11-20 02:00:00+02", 2], ["2026-11-19 23:00:00+00", 1], [None, 7]).chart
    assert chart is not None
    assert list(chart.series[0].values) == [1000, 2000]


def test_small_numbers_keep_what_can_be_seen_of_them() -> None:
    chart = drawn(("DATE", "DOUBLE"), ["2026-11-20", 0.00031], ["2026-11-21", 0.0002]).chart
    assert chart is not None
    assert chart.scale[0] == "0.0004"
    assert "c1: 0.00031" in chart.bars[0].title


def test_names_are_ranked_in_their_order_without_those_that_have_no_number() -> None:
    drawing = drawn(("VARCHAR", "BOOLEAN", "BIGINT"), ["b", True, 2], [None, True, 4], ["c", False, None])
    assert [(each.name, each.value, each.length, each.share) for each in drawing.ranks] == [
        ("b", "2", 50.0, ""),
        ("null", "4", 100.0, ""),
    ]
    assert drawing.title == "c2"


@pytest.mark.parametrize(
    ("types", "rows", "why"),
    [
        (("BIGINT",), [[1]], UNDRAWABLE),
        (("VARCHAR", "BIGINT"), [], UNDRAWABLE),
        (("VARCHAR", "BIGINT"), [["a", -1]], UNDRAWABLE),
        (("VARCHAR", "BIGINT"), [["a", None]], UNDRAWABLE),
        (("VARCHAR", "HUGEINT"), [["a", "123456789012345678901"]], UNDRAWABLE),
        (("VARCHAR", "DOUBLE"), [["a", "nan"]], UNDRAWABLE),
        (("BIGINT", "BIGINT"), [[1, 2]], UNDRAWABLE),
        (("TIMESTAMP", "BIGINT"), [["infinity", 2]], UNDRAWABLE),
        (("TIMESTAMP", "BIGINT"), [[None, 2]], UNDRAWABLE),
        (("DATE", "BIGINT"), [["2026-11-20", 2], ["2026-11-20", 3]], MANY_OF_ONE_TIME),
    ],
)
def test_what_cannot_be_drawn_says_why(types: tuple[str, ...], rows: list[list[Any]], why: str) -> None:
    assert drawn(types, *rows) == Drawing(why_not=why)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (2026, "2026"),
        (-12_345, "-12,345"),
        (0.1 + 0.2, "0.3"),
        (1e-7, "1e-07"),
        (12_345.5, "12,345.5"),
        (3.0, "3"),
        (1e300, "1e+300"),
    ],
)
def test_numbers_are_shown_as_people_read_them(value: float, shown: str) -> None:
    assert number(value) == shown


def test_a_table_says_how_much_there_is() -> None:
    columns = (Column("n", "BIGINT"),)
    assert table_of(Result(columns=columns, rows=[[1]], is_cut=False, microseconds=4000)).told == "1 row in 4.0 ms"
    assert table_of(Result(columns=columns, rows=[], is_cut=False, microseconds=4000)).told == "0 rows in 4.0 ms"
