from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from web.heat import DAYS, SHADES, mapped

MONDAY = int(datetime(2026, 11, 16, tzinfo=UTC).timestamp()) * 1_000_000
HOUR = 3_600_000_000


@pytest.mark.parametrize(
    ("zone", "day", "hour"),
    [("UTC", "Mon", 0), ("Europe/Berlin", "Mon", 1), ("America/New_York", "Sun", 19)],
)
def test_an_hour_stands_where_it_is_for_the_viewer(zone: str, day: str, hour: int) -> None:
    lines = mapped([(MONDAY, 5.0, 1.0)], ZoneInfo(zone), str)
    found = [(line.day, number) for line in lines for number, square in enumerate(line.squares) if square.shade]
    assert found == [(day, hour)]


def test_hours_of_the_same_square_are_weighed() -> None:
    week = 7 * 24 * HOUR
    (square,) = (
        square
        for line in mapped([(MONDAY, 10.0, 3.0), (MONDAY + week, 50.0, 1.0)], UTC, str)
        for square in line.squares
        if square.shade
    )
    assert square.value == "20"
    assert square.title == "Mon 00:00: 20"


def test_the_map_is_whole_whatever_there_is() -> None:
    for hours in ([], [(MONDAY + number * HOUR, float(number), 1.0) for number in range(168)]):
        lines = mapped(hours, UTC, str)
        assert [line.day for line in lines] == list(DAYS)
        assert all(len(line.squares) == 24 for line in lines)
    shades = {square.shade for line in lines for square in line.squares}
    assert shades == {f"h{number}" for number in range(1, SHADES + 1)}


def test_one_that_stands_out_does_not_hide_the_others() -> None:
    hours = [(MONDAY + number * HOUR, float(number), 1.0) for number in range(60)]
    lines = mapped([*hours, (MONDAY + 60 * HOUR, 1e12, 1.0)], UTC, str)
    assert len({square.shade for line in lines for square in line.squares if square.shade}) == SHADES
