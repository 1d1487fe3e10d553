"""Words below a chart: at which of its pieces they stand, and whether they say an hour, a day or a month. Pure.

Where pieces are of equal lengths they stand at full hours and midnights, else at every so many pieces. A day is said
where it begins, so that no two of them are alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import pairwise

from gateway.usage.figures import DAY, HOUR, MINUTE, SECOND
from web.span import Span

MOST = 8
FEWEST = 3
"""Full hours that are fewer are no help."""

DISTANCES = (
    *(minutes * MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * DAY for days in (1, 2, 5, 10, 20, 50, 100)),
)
COUNTS = (1, 2, 3, 4, 5, 7, 10, 14, 20, 28, 50, 100)
"""Every how many pieces, where their beginnings do not tell."""

LAST = 94.0
"""Percent of the width behind which there is no room for a word."""

YEAR = 366 * DAY


@dataclass(frozen=True, slots=True)
class Tick:
    """A word below a chart."""

    place: int
    x: float
    """Percent of the width."""
    word: str


def ticks_of(span: Span, zone: tzinfo) -> tuple[Tick, ...]:
    """The words below a chart of a time, from the left."""
    pieces = len(span.starts)
    every = [datetime.fromtimestamp(start // SECOND, zone) for start in span.starts]
    places = [place for place in _places(span, every) if place == 0 or 100 * place / pieces <= LAST]
    words = _words(span, [every[place] for place in places])
    return tuple(Tick(place, round(100 * place / pieces, 2), word) for place, word in zip(places, words, strict=True))


def _places(span: Span, every: Sequence[datetime]) -> Sequence[int]:
    pieces = len(every)
    is_even = all(later - earlier == span.step_us for earlier, later in pairwise(span.starts))
    if is_even and span.step_us < DAY:
        distance = next((each for each in DISTANCES if span.length_us <= MOST * each), None)
        full = [place for place, at in enumerate(every) if distance and not _by_the_clock(at) % distance]
        if FEWEST <= len(full) <= MOST + 1:
            return full
    return range(0, pieces, next((count for count in COUNTS if pieces <= MOST * count), pieces))


def _by_the_clock(at: datetime) -> int:
    """Microseconds since a midnight long ago."""
    return at.toordinal() * DAY + at.hour * HOUR + at.minute * MINUTE + at.second * SECOND


def _words(span: Span, ticks: Sequence[datetime]) -> list[str]:
    if not ticks:
        return []
    if span.length_us <= DAY + HOUR and span.step_us < DAY:
        return [f"{at:%H:%M}" for at in ticks]
    if len({at.date() for at in ticks}) < len(ticks):
        return [_within_days(at, None if not place else ticks[place - 1]) for place, at in enumerate(ticks)]
    if span.length_us > YEAR:
        months = [f"{at:%b %Y}" for at in ticks]
        return months if len(set(months)) == len(months) else [f"{at:%d %b %y}" for at in ticks]
    return [f"{at:%d %b}" if span.length_us > 8 * DAY else f"{at:%a %d}" for at in ticks]


def _within_days(at: datetime, before: datetime | None) -> str:
    """A time of several days: the day at its midnight, or with its first hour where that is not there."""
    if not _by_the_clock(at) % DAY:
        return f"{at:%a %d}"
    is_new = before is None or before.date() != at.date()
    return f"{at:%a %H:%M}" if is_new else f"{at:%H:%M}"
