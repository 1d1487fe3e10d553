"""How far back requests reach: of which days sums alone are left, or nothing, and what figures lack therefore.

Days are those of UTC, and told by the midnight with which they begin, in Unix microseconds. Where a time has many
requests, sums take their place before they have to. Does not know how a page says it. Reading is handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from .chosen import NOT_IN_HISTOGRAMS, NOT_IN_SUMS, Filter
from .figures import DAY
from .paging import Read

Source = Literal["sums", "histograms", "requests"]
"""Where a figure of days whose requests are gone comes from, if from anywhere."""

UNKNOWN: Mapping[Source, tuple[str, ...]] = MappingProxyType({"sums": NOT_IN_SUMS, "histograms": NOT_IN_HISTOGRAMS})
"""Fields of a filter that a source does not know."""

MANY = 500_000
"""Requests from which on it is quicker to ask sums in their place (docs/decisions/0031)."""

Time = tuple[int, int]
"""Since and until, the latter excluded."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Days of a time whose requests are not kept any longer."""

    summed: tuple[int, ...] = ()
    """Their sums are."""
    lost: tuple[int, ...] = ()
    """Nothing of them is."""

    def within(self, since_us: int, until_us: int) -> Gone:
        """Those that a time has a part of."""
        return Gone(_touched(self.summed, since_us, until_us), _touched(self.lost, since_us, until_us))

    def __bool__(self) -> bool:
        return bool(self.summed or self.lost)


@dataclass(frozen=True, slots=True)
class Known:
    """What the store has of the days of a time."""

    gone: Gone
    counts: Mapping[int, int]
    """How many requests are in sums as well, by the day."""

    def sums_until(self, rolled_until_us: int, *times: Time) -> int:
        """Up to when statements about these times take sums although there are requests, as `$rolled_until_us`:
        `rolled_until_us`, a midnight before which all days are rolled up, or 0 where that would spare few."""
        days = {day for since, until in times for day in whole_days(self.counts, since, min(until, rolled_until_us))}
        return rolled_until_us if sum(self.counts[day] for day in days) >= MANY else 0


@dataclass(frozen=True, slots=True)
class Lack:
    """Days that no figure of a filter has, by why that is so."""

    cut: tuple[int, ...] = ()
    """The time covers a part of the day, and sums are of the whole."""
    unknown: tuple[int, ...] = ()
    """Sums do not know what is filtered by, or what is asked."""
    lost: tuple[int, ...] = ()
    """Nothing of them is kept."""
    fields: tuple[str, ...] = ()
    """What is filtered by and not known."""

    def __bool__(self) -> bool:
        return bool(self.cut or self.unknown or self.lost)

    @property
    def days(self) -> tuple[int, ...]:
        """All of them."""
        return tuple(sorted((*self.cut, *self.unknown, *self.lost)))


async def known_days(read: Read, since_us: int, until_us: int) -> Known:
    """What there is of the days that a time has a part of. Raises ControlUnavailable."""
    rows = await read("rollups/known_days", {"since_us": since_us, "until_us": until_us})
    by = {kept: [row for row in rows if row["kept"] == kept] for kept in ("requests", "sums", "nothing")}
    gone = Gone(*(tuple(row["day_us"] for row in by[kept]) for kept in ("sums", "nothing")))
    return Known(gone, {row["day_us"]: row["n"] for row in by["requests"]})


def lack_of(gone: Gone, asked: Filter, source: Source) -> Lack:
    """What figures from this source lack of what is asked."""
    here = gone.within(asked.since_us, asked.until_us)
    if source == "requests":
        return Lack(unknown=here.summed, lost=here.lost)
    if fields := asked.unknown(UNKNOWN[source]):
        return Lack(unknown=here.summed, lost=here.lost, fields=fields)
    whole = whole_days(here.summed, asked.since_us, asked.until_us)
    return Lack(cut=tuple(day for day in here.summed if day not in whole), lost=here.lost)


def whole_days(days: Iterable[int], since_us: int, until_us: int) -> tuple[int, ...]:
    """Those of some days of which a time has all."""
    return tuple(day for day in days if since_us <= day and day + DAY <= until_us)


def _touched(days: tuple[int, ...], since_us: int, until_us: int) -> tuple[int, ...]:
    return tuple(day for day in days if day + DAY > since_us and day < until_us)
