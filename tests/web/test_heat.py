from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from web.heat import SHADES, WEEKDAYS, Heat, Weighed, mapped

MONDAY = int(datetime(2026, 11, 16, tzinfo=UTC).timestamp()) * 1_000_000
HOUR = 3_600_000_000
DAY = 24 * HOUR
MONTH = (MONDAY - 2 * DAY, MONDAY + 28 * DAY)


def of_a_month(*hours: Weighed, zone: str = "UTC") -> Heat:
    return mapped(hours, MONTH, ZoneInfo(zone), str)


@pytest.mark.parametrize(
    ("zone", "day", "hour"),
    [("UTC", "Mon", 0), ("Europe/Berlin", "Mon", 1), ("America/New_York", "Sun", 19)],
)
def test_an_hour_stands_where_it_is_for_the_viewer(zone: str, day: str, hour: int) -> None:
    assert [(day, each.hour) for day, each in of_a_month((MONDAY, 5.0, 1.0), zone=zone).known] == [(day, hour)]


def test_hours_of_the_same_square_are_weighed() -> None:
    ((day, square),) = of_a_month((MONDAY, 10.0, 3.0), (MONDAY + 7 * DAY, 50.0, 1.0)).known
    assert (day, square.value, square.weight, square.title) == ("Mon", "20", 4.0, "Mon 00:00: 20")


def test_the_map_is_whole_whatever_there_is() -> None:
    for hours in ([], [(MONDAY + number * HOUR, float(number), 1.0) for number in range(168)]):
        found = of_a_month(*hours)
        assert [line.day for line in found.lines] == list(WEEKDAYS)
        assert all(len(line.squares) == 24 for line in found.lines)
        assert found.scale == (("0", "167") if hours else ())
    assert {square.shade for _, square in found.known} == {f"h{number}" for number in range(1, SHADES + 1)}


def test_one_that_stands_out_does_not_hide_the_others() -> None:
    hours = [(MONDAY + number * HOUR, float(number), 1.0) for number in range(60)]
    assert len({square.shade for _, square in of_a_month(*hours, (MONDAY + 60 * HOUR, 1e12, 1.0)).known}) == SHADES


@pytest.mark.parametrize(
    ("since", "until", "days"),
    [
        (6 * HOUR, 30 * HOUR, ["Mon 16", "Tue 17"]),
        (23 * HOUR, 24 * HOUR, ["Mon 16"]),
        (0, 7 * DAY, ["Mon 16", "Tue 17", "Wed 18", "Thu 19", "Fri 20", "Sat 21", "Sun 22"]),
        (HOUR, 7 * DAY + HOUR, list(WEEKDAYS)),
    ],
)
def test_a_short_time_has_its_days_and_no_others(since: int, until: int, days: list[str]) -> None:
    found = mapped([(MONDAY + since, 1.0, 1.0)], (MONDAY + since, MONDAY + until), UTC, str)
    assert [line.day for line in found.lines] == days
    assert [day for day, _ in found.known] == [days[0]]
    assert found.is_week == (days == list(WEEKDAYS))
