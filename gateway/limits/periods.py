"""Calendar periods of quotas and budgets: which one an instant is in, and when the next begins. Pure.

Knows days, weeks, months and time zones. Does not know the time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, tzinfo
from typing import Literal, NamedTuple

Kind = Literal["day", "week", "month", "total"]

KINDS: tuple[Kind, ...] = ("day", "week", "month", "total")

ENDLESS = 2**53
"""The end of what has none, in seconds."""

_DAY = timedelta(days=1)


class Period(NamedTuple):
    """A period in a time zone. Times are Unix seconds."""

    kind: Kind
    id: int
    """One more than that of the period before it; the same in every time zone."""
    starts: int
    """The first second of it."""
    ends: int
    """The first second after it."""


TOTAL = Period("total", 1, 0, ENDLESS)


def period_of(kind: Kind, unix_seconds: int, zone: tzinfo) -> Period:
    """The period that an instant is in; weeks begin on Monday."""
    if kind == "total":
        return TOTAL
    period = _period(kind, datetime.fromtimestamp(unix_seconds, zone).date(), zone)
    # Where a clock is put back over midnight, the evening comes twice: the second time belongs to the new day.
    while period.ends <= unix_seconds:
        period = _period(kind, datetime.fromtimestamp(period.ends, zone).date(), zone)
    return period


def _period(kind: Kind, day: date, zone: tzinfo) -> Period:
    first, following = _BOUNDS[kind](day)
    return Period(kind, _IDS[kind](first), _midnight(first, zone), _midnight(following, zone))


def _midnight(day: date, zone: tzinfo) -> int:
    """The first second of a day. One that a clock skips is the moment of the skip; of two, the first."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def _day(day: date) -> tuple[date, date]:
    return day, day + _DAY


def _week(day: date) -> tuple[date, date]:
    monday = day - day.weekday() * _DAY
    return monday, monday + 7 * _DAY


def _month(day: date) -> tuple[date, date]:
    first = day.replace(day=1)
    return first, (first + 31 * _DAY).replace(day=1)


_BOUNDS: dict[Kind, Callable[[date], tuple[date, date]]] = {"day": _day, "week": _week, "month": _month}

_IDS: dict[Kind, Callable[[date], int]] = {
    "day": lambda first: first.toordinal(),
    "week": lambda first: (first.toordinal() - 1) // 7,
    "month": lambda first: first.year * 12 + first.month - 1,
}
