"""How busy each hour is, and with what. Pure: a span of time and a seed in, counts out.

Every program has its hours: offices are empty at night and at weekends, shops are full in the evening, what is run at
night is run at night. All of them grow. What an hour looks like follows from who is busy in it.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, pairwise
from random import Random
from types import MappingProxyType

from .clients import KEYS, Ask, Key

HOUR_US = 3_600_000_000

SLOTS = 400
"""In how many parts an hour is dealt out to those who ask in it."""

BUSY = MappingProxyType(
    {
        "office": (4, 2, 1, 1, 1, 2, 8, 25, 62, 92, 100, 96, 66, 84, 98, 96, 82, 55, 30, 18, 14, 13, 11, 7),
        "shop": (22, 14, 9, 7, 7, 10, 19, 33, 46, 57, 64, 67, 70, 68, 66, 67, 71, 79, 90, 98, 100, 92, 68, 41),
        "night": (30, 96, 100, 98, 60, 12, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 12),
        "steady": (80, 78, 78, 76, 78, 80, 84, 90, 96, 98, 100, 98, 96, 98, 98, 96, 94, 92, 90, 90, 88, 86, 84, 82),
        "builds": (22, 12, 8, 7, 8, 10, 16, 34, 70, 94, 100, 98, 80, 92, 98, 96, 90, 70, 46, 34, 28, 26, 40, 34),
    }
)
"""Percent of its busiest, by hour (UTC)."""

WEEKEND = MappingProxyType({"office": 0.07, "shop": 1.14, "night": 0.85, "steady": 0.82, "builds": 0.22})

SMALLEST, LARGEST = 0.62, 1.38
"""How busy everybody is at the beginning and at the end, beside the middle."""

LATEST = 0.999
"""So much of all the time has passed at its end: what is asked until then is asked yet."""

ASKS: tuple[tuple[Key, Ask], ...] = tuple((key, ask) for key in KEYS for ask in key.asks)
"""Everything that is asked again and again."""


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour, or the part of one with which all time begins or ends."""

    first: int
    """Number of its first request."""
    requests: int
    starts_us: int
    width_us: int
    dealt: int
    """Which deal says who asks in it, from 0."""


@dataclass(frozen=True, slots=True)
class Course:
    """All hours, and how they are dealt out."""

    hours: tuple[Hour, ...]
    deals: tuple[tuple[int, ...], ...]
    """Places in `ASKS`, from 1, `SLOTS` of them in each."""


def course(requests: int, since_us: int, until_us: int, *, seed: int) -> Course:
    """So many requests between two instants (Unix microseconds)."""
    parts = list(_parts(since_us, until_us))
    chance = Random(f"hours {seed}")  # noqa: S311 - the same for the same seed is what is wanted
    days: dict[int, float] = {}
    weights, deals = [], _Deals()
    places = []
    for starts_us, width_us in parts:
        day = starts_us // (24 * HOUR_US)
        if day not in days:
            days[day] = chance.uniform(0.9, 1.1)
        passed = (starts_us - since_us) / (until_us - since_us)
        busy = busy_at(starts_us, passed)
        weights.append(sum(busy) * _grown(passed) * days[day] * chance.uniform(0.96, 1.04) * width_us / HOUR_US)
        places.append(deals.place(busy))
    firsts = _shared_out(requests, weights)
    hours = (
        Hour(first, following - first, starts_us, width_us, place)
        for (first, following), (starts_us, width_us), place in zip(pairwise(firsts), parts, places, strict=True)
    )
    return Course(tuple(hour for hour in hours if hour.requests), tuple(deals.made))


def rate_at(requests: int, since_us: int, until_us: int, at_us: int) -> float:
    """Requests a second at an instant afterwards, as if so many between the two others went on: as busy as everybody is
    then, and grown as they are at the end."""
    hours = 0.0
    for starts_us, width_us in _parts(since_us, until_us):
        passed = (starts_us - since_us) / (until_us - since_us)
        hours += sum(busy_at(starts_us, passed)) * _grown(passed) * width_us / HOUR_US
    return requests / hours * sum(busy_at(at_us, LATEST)) * _grown(LATEST) / 3600


def busy_at(at_us: int, passed: float) -> tuple[float, ...]:
    """How busy everybody in `ASKS` is at an instant, when this part of all the time has passed."""
    at = datetime.fromtimestamp(at_us // 1_000_000, UTC)
    return tuple(_busy(key, ask, at, passed) for key, ask in ASKS)


def _grown(passed: float) -> float:
    return SMALLEST + (LARGEST - SMALLEST) * passed


def _busy(key: Key, ask: Ask, at: datetime, passed: float) -> float:
    if not ask.since <= passed < ask.until:
        return 0.0
    together = sum(each.weight for each in key.asks if each.since <= passed < each.until)
    day = WEEKEND[key.rhythm] if at.weekday() >= 5 else 1.0
    return key.weight * BUSY[key.rhythm][at.hour] * day * ask.weight / together


def _parts(since_us: int, until_us: int) -> Iterator[tuple[int, int]]:
    """Beginning and length of every hour, the first and the last as far as they are within."""
    at = since_us
    while at < until_us:
        end = min(until_us, (at // HOUR_US + 1) * HOUR_US)
        yield at, end - at
        at = end


def _shared_out(whole: int, weights: Sequence[float]) -> list[int]:
    """Where each share of a whole begins, and the end of the last."""
    sums = [0.0, *accumulate(weights)]
    return [round(whole * each / sums[-1]) for each in sums]


class _Deals:
    """The deals that were made, each once."""

    def __init__(self) -> None:
        self.made: list[tuple[int, ...]] = []
        self._places: dict[tuple[float, ...], int] = {}

    def place(self, busy: tuple[float, ...]) -> int:
        """Which deal is that of an hour so busy."""
        if busy not in self._places:
            self._places[busy] = len(self.made)
            self.made.append(_dealt(busy))
        return self._places[busy]


def _dealt(busy: Sequence[float]) -> tuple[int, ...]:
    """`SLOTS` places, each as often as it is busy."""
    sums = list(accumulate(busy))
    return tuple(bisect(sums, (slot + 0.5) * sums[-1] / SLOTS) + 1 for slot in range(SLOTS))
