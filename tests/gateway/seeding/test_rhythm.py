"""Hours are as busy as the programs that ask in them, and every request has its place in one."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from gateway.seeding.rhythm import ASKS, HOUR_US, SLOTS, Course, Hour, busy_at, course, rate_at

DAY_US = 24 * HOUR_US
UNTIL_US = round(datetime(2026, 11, 20, 9, 40, tzinfo=UTC).timestamp()) * 1_000_000


def made(requests: int = 100_000, days: float = 28, seed: int = 1) -> Course:
    return course(requests, UNTIL_US - round(days * DAY_US), UNTIL_US, seed=seed)


def at(hour: Hour) -> datetime:
    return datetime.fromtimestamp(hour.starts_us // 1_000_000, UTC)


@pytest.mark.parametrize(("requests", "days"), [(1, 30), (1000, 0.1), (100_000, 28), (7, 3650)])
def test_every_request_is_in_one_hour(requests: int, days: float) -> None:
    hours = made(requests, days).hours
    assert sum(hour.requests for hour in hours) == requests
    numbers = [number for hour in hours for number in (hour.first, hour.first + hour.requests)]
    assert numbers == sorted(numbers)
    assert (numbers[0], numbers[-1]) == (0, requests)


def test_hours_follow_each_other_to_the_very_end() -> None:
    hours = made().hours
    assert all(hour.starts_us + hour.width_us == after.starts_us for hour, after in pairwise(hours))
    assert hours[-1].starts_us + hours[-1].width_us == UNTIL_US
    assert hours[-1].width_us == 40 * HOUR_US // 60, "the last one has only begun"


def test_the_same_seed_makes_the_same_hours_and_another_one_others() -> None:
    assert made() == made()
    assert made(seed=2) != made()


def test_days_have_a_rhythm_weeks_have_an_end_and_everybody_grows() -> None:
    by_hour, by_weekday, by_week = Counter[int](), Counter[int](), Counter[int]()
    for hour in made().hours:
        by_hour[at(hour).hour] += hour.requests
        by_weekday[at(hour).weekday()] += hour.requests
        by_week[(UNTIL_US - hour.starts_us) // (7 * DAY_US)] += hour.requests
    assert by_hour[10] > 2.5 * by_hour[5]
    assert max(by_weekday[5], by_weekday[6]) < 0.9 * min(by_weekday[day] for day in range(5))
    assert by_week[0] > 1.3 * by_week[3]


def test_an_hour_is_dealt_out_to_those_who_are_busy_in_it() -> None:
    found = made()
    (night,) = [hour for hour in found.hours[-48:] if (at(hour).hour, at(hour).weekday()) == (2, 3)]
    deal = found.deals[night.dealt]
    assert len(deal) == SLOTS
    asked = Counter(ASKS[place - 1][0].name for place in deal)
    busy = busy_at(night.starts_us, 0.97)
    for name in ("nightly-evals", "search-service", "ide-alice"):
        share = sum(each for each, (key, _) in zip(busy, ASKS, strict=True) if key.name == name) / sum(busy)
        assert asked[name] / SLOTS == pytest.approx(share, abs=2 / SLOTS)
    assert asked["nightly-evals"] > 20 * asked["ide-alice"]


def test_what_has_not_begun_or_is_over_is_not_asked() -> None:
    places = [place for place, (_, ask) in enumerate(ASKS) if ask.since or ask.until < 1]
    assert places
    noon = UNTIL_US - DAY_US
    for place in places:
        ask = ASKS[place][1]
        assert bool(busy_at(noon, 0.01)[place]) == (ask.since == 0)
        assert bool(busy_at(noon, 0.99)[place]) == (ask.until == 1)
    assert sum(busy_at(noon, 0.01)) == pytest.approx(sum(busy_at(noon, 0.99))), "others take their place"


def test_it_goes_on_as_it_ended() -> None:
    """Of a working day in another time, beside the days' own chance: a tenth more or less."""
    found, since_us = made(), UNTIL_US - 28 * DAY_US
    for hour in found.hours[-25:-1]:
        expected = rate_at(100_000, since_us, UNTIL_US, hour.starts_us)
        assert hour.requests / 3600 == pytest.approx(expected, rel=0.2)
