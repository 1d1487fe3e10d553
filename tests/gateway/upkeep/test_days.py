from __future__ import annotations

from datetime import date, datetime

import pytest

from gateway.upkeep.days import DAY_US, begin_us, day_of, first_kept, moment_of


@pytest.mark.parametrize("day", [date(1970, 1, 1), date(2024, 2, 29), date(2026, 12, 31), date(2100, 1, 1)])
def test_a_day_is_from_midnight_to_midnight(day: date) -> None:
    begin = begin_us(day)
    assert begin % DAY_US == 0
    assert day_of(begin) == day_of(begin + DAY_US - 1) == day
    assert day_of(begin - 1) < day < day_of(begin + DAY_US)


def test_instants_are_exact() -> None:
    assert moment_of(1_795_219_200_123_457) == datetime(2026, 11, 21, 0, 0, 0, 123_457)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("count", "first"),
    [(1, date(2026, 2, 28)), (90, date(2025, 12, 1)), (0, date.min), (36_500, date(1926, 3, 26)), (10**6, date.min)],
)
def test_so_many_whole_days_are_kept_or_all(count: int, first: date) -> None:
    assert first_kept(date(2026, 3, 1), count) == first
