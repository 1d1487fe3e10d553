from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.usage import figures
from gateway.usage.figures import DAY, HOUR
from web import charts
from web.charts import PLOT_HEIGHT, PLOT_WIDTH, Frame, Mark, Series, lined, ranked, stacked
from web.span import SPANS, Span, span_of

NOW = 1_795_324_830_000_000
THREE = Span("custom", "", 0, 3 * HOUR, (0, HOUR, 2 * HOUR), HOUR, {})
FRAME = Frame(THREE, UTC, 5 * HOUR // 2)


def test_bars_stand_on_each_other_and_none_is_higher_than_the_plot() -> None:
    chart = stacked("Spend", FRAME, [Series("a", "series-1", [1, 0, 3]), Series("b", "series-2", [2, 0, 5])], str)
    assert [bar.x for bar in chart.bars] == [36.67, 703.33]
    first, last = chart.bars
    assert [(part.tint, part.y, part.height) for part in last.parts] == [
        ("series-1", 62.5, 37.5),
        ("series-2", 0.0, 62.5),
    ]
    assert not first.is_partial
    assert last.is_partial
    assert chart.scale == ("8", "6", "4", "2", "0")
    assert last.title == "02:00\nb: 5\na: 3"


def test_what_is_missing_is_not_drawn_through() -> None:
    chart = lined("p50", FRAME, [Series("p50", "series-1", [10, None, 30])], str)
    (line,) = chart.lines
    assert len(line.runs) == 2
    assert [spot.title for spot in chart.spots] == ["00:00\np50: 10", "02:00\np50: 30"]
    assert [row.cells for row in chart.rows] == [("30",), ("10",)]


def test_a_lone_point_is_drawn_as_a_dot() -> None:
    (line,) = lined("p50", FRAME, [Series("p50", "series-1", [None, 5, None])], str).lines
    begin, end = line.runs[0].split()
    assert begin == end


def test_nothing_at_all_is_told_from_something() -> None:
    assert stacked("x", FRAME, [], str).is_empty
    assert stacked("x", FRAME, [Series("a", "series-1", [0, 0, 0])], str).is_empty
    assert lined("x", FRAME, [Series("a", "series-1", [None] * 3)], str).is_empty
    assert not lined("x", FRAME, [Series("a", "series-1", [None, 1, None])], str).is_empty


@pytest.mark.parametrize("name", SPANS)
def test_words_below_stand_at_equal_distances(name: str) -> None:
    span = span_of({"range": name}, NOW, UTC)
    chart = stacked("x", Frame(span, UTC, NOW), [Series("a", "series-1", [1] * len(span.starts))], str)
    assert 4 <= len(chart.ticks) <= 9
    assert len({later.place - earlier.place for earlier, later in pairwise(chart.ticks)}) == 1
    assert len({tick.word for tick in chart.ticks}) == len(chart.ticks)


def test_changes_stand_where_they_were_and_those_of_one_piece_together() -> None:
    marks = (Mark(HOUR // 2, "price a changed"), Mark(9 * HOUR // 4, "b made"), Mark(10 * HOUR // 4, "c deleted"))
    frame = Frame(THREE, UTC, 5 * HOUR // 2, marks)
    chart = stacked("x", frame, [Series("a", "series-1", [1, 1, 1])], str)
    assert [(sign.x, sign.title) for sign in chart.signs] == [
        (166.67, "Thu 01 Jan 00:30: price a changed"),
        (750.0, "Thu 01 Jan 02:15: b made\nThu 01 Jan 02:30: c deleted"),
    ]
    assert chart.changes == 3
    assert chart.changed == {"from": "1970-01-01T00:00", "to": "1970-01-01T03:00"}
    began = stacked("x", replace(frame, marks=(Mark(HOUR, "it began", is_logged=False),)), [], str)
    assert (began.changes, began.changed) == (1, {})


def test_labels_say_what_is_needed() -> None:
    labels = {name: Frame(span_of({"range": name}, NOW, UTC), UTC, NOW).label(0) for name in ("1h", "24h", "7d", "30d")}
    assert labels == {"1h": "04:21", "24h": "05:30", "7d": "Sun 15 Nov 06:00", "30d": "Sat 24 Oct"}
    weeks = Span("custom", "", 0, 14 * DAY, (0, 7 * DAY), 7 * DAY, {})
    assert Frame(weeks, UTC, NOW).label(1) == "08 Jan to 14 Jan"


@given(
    st.lists(st.lists(st.floats(0, 1e15) | st.none(), min_size=3, max_size=3), min_size=1, max_size=9),
    st.sampled_from([stacked, lined]),
)
def test_whatever_is_drawn_stays_within_the_plot(values: list[list[float | None]], draw: object) -> None:
    series = [Series(str(number), "series-1", each) for number, each in enumerate(values)]
    chart = draw(FRAME.label(0), FRAME, series, figures.count)  # type: ignore[operator] # one of two functions
    for bar in chart.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= PLOT_WIDTH
        assert all(-0.02 <= part.y <= part.y + part.height <= PLOT_HEIGHT + 0.02 for part in bar.parts)
    for line in chart.lines:
        for run in line.runs:
            assert all(-0.02 <= float(point.split(",")[1]) <= PLOT_HEIGHT for point in run.split())


def test_a_ranking_has_shares_of_all_and_bars_of_the_largest() -> None:
    rows = ranked([("a", 30, "/a"), ("b", 10, "")], figures.count, figures.exact_count, lambda name: f"tint-{name}")
    assert [(row.name, row.length, row.share, row.tint, row.link) for row in rows] == [
        ("a", 100.0, "75 %", "tint-a", "/a"),
        ("b", 33.3, "25 %", "tint-b", ""),
    ]
    assert charts.ranked([], figures.count, figures.count, str) == []
    assert [row.length for row in ranked([("free", 0, "")], figures.count, figures.count, str)] == [0.0]
