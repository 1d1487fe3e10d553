"""Which time a page looks at, given how far back requests reach: where days of it are sums alone by now it is cut into
days UTC, as those are; and what its figures lack all the same, in words.

Where there are many requests, days come from sums before they have to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from types import MappingProxyType

from gateway.usage.chosen import Filter
from gateway.usage.figures import DAY, HOUR, SECOND
from gateway.usage.reach import Gone, Lack, Source, Time, known_days, lack_of, whole_days
from web.filters import FIELDS
from web.page import Site, Visit
from web.span import USUAL, Span, days_of

LABELS: Mapping[str, str] = MappingProxyType({each.target: each.label.lower() for each in FIELDS})
"""What is filtered by, in words, by the field of `Filter`; whose keys somebody sees has none."""

SLACK = 20
"""A time whose first twentieth has no record is known as a whole: nobody may have asked then."""

RETENTION, ROLLUP = "usage.retention_days", "usage.rollup_days"


@dataclass(frozen=True, slots=True)
class Note:
    """What the figures of a page lack, and why."""

    text: str
    link: str = ""
    action: str = ""
    """What the link is called."""


@dataclass(frozen=True, slots=True)
class Reach:
    """A time as a page shows it, and where its figures come from."""

    span: Span
    zone: tzinfo
    """Of its days."""
    gone: Gone
    """Days of it, and of the time before it, whose requests are gone."""
    rolled_until_us: int
    """Up to when days come from sums although there are requests, as statements take it; 0 where those are few."""
    in_days: bool
    """Whether its pieces are days UTC, so that sums know them."""
    known_since_us: int | None
    """Since when there are records, or sums of such; None for none at all."""

    @property
    def takes_sums(self) -> bool:
        """Whether anything of it, or of the time before it, comes from sums."""
        return bool(self.rolled_until_us) or any(
            whole_days(self.gone.summed, since, until) for since, until in _times(self.span)
        )

    @property
    def buckets(self) -> Mapping[str, int]:
        """Parameters of a statement that counts in pieces and may take sums."""
        if not self.in_days:
            return self.span.buckets
        return {"origin_us": self.span.since_us // DAY * DAY, "step_us": self.span.step_us}

    def place(self, piece: int) -> int:
        """The piece of the span to which one of such a statement belongs, by its number."""
        return self.span.place_at(self.buckets["origin_us"] + piece * self.buckets["step_us"])

    def lack(self, asked: Filter, source: Source) -> Lack:
        """What figures of the time lack."""
        return lack_of(self.gone, asked.at(self.span.since_us, self.span.until_us), source)

    def compares(self, asked: Filter, source: Source) -> bool:
        """Whether the time before is known as a whole, so that figures can be compared with it."""
        begins_us, _ = self.span.before
        if self.known_since_us is None or self.known_since_us > begins_us + self.span.length_us // SLACK:
            return False
        return not lack_of(self.gone, asked.at(*self.span.before), source)

    def now(self, asked: Filter) -> Mapping[str, object]:
        """The filter's parameter for the time."""
        return asked.at(self.span.since_us, self.span.until_us).parameter()

    def before(self, asked: Filter) -> Mapping[str, object]:
        """The same for the time before it."""
        return asked.at(*self.span.before).parameter()


async def reach_of(site: Site, visit: Visit, usual: str = USUAL) -> Reach:
    """The time that an address asks for, or the usual. Raises ControlUnavailable."""
    span, days = visit.span_or(usual), days_of(visit.query, visit.now_us, visit.zone, usual)
    # In days UTC it may begin up to a day earlier, and the time before it two.
    known, beginnings = await asyncio.gather(
        known_days(site.read, span.before[0] - 2 * DAY, span.until_us + DAY), site.read("usage/since", {})
    )
    since_us = next((row["since_us"] for row in beginnings), None)
    if days is not None:
        sums = known.sums_until(site.around.rolled_until_us, *_times(days))
        if _is_of_sums(span, known.gone) or (sums and span.step_us >= DAY):
            return Reach(days, UTC, known.gone.within(days.before[0], days.until_us), sums, True, since_us)
    # Histograms are of hours: where pieces begin within one, they would not know to which it belongs.
    in_hours = all(start % HOUR == 0 for start in span.starts)
    sums = known.sums_until(site.around.rolled_until_us, *_times(span)) if in_hours else 0
    return Reach(span, visit.zone, known.gone.within(span.before[0], span.until_us), sums, False, since_us)


def _times(span: Span) -> tuple[Time, Time]:
    return (span.since_us, span.until_us), span.before


def _is_of_sums(span: Span, gone: Gone) -> bool:
    """Whether a time can be told better by days: some of them are sums, or some of those it is compared with."""
    since = span.before[0] if span.length_us > 2 * DAY else span.since_us
    return bool(gone.within(since, span.until_us).summed)


# In words


def notes_of(lack: Lack, what: str = "") -> tuple[Note, ...]:
    """What figures lack; `what` is asked of all of them and not known to sums, besides what is filtered by."""
    found = []
    if lack.cut:
        text = f"Of {_said(lack.cut)} only sums of whole days are left ({RETENTION}): the parts of them that this time"
        found.append(Note(f"{text} covers are in none of these figures."))
    if lack.unknown:
        text = f"The requests of {_said(lack.unknown)} are not kept any longer ({RETENTION}), and their sums do not"
        found.append(Note(f"{text} know {what or _filtered(lack.fields)}: these days are in none of these figures."))
    if lack.lost:
        found.append(Note(f"Of {_said(lack.lost)} nothing is kept any longer ({ROLLUP}): these figures lack them."))
    return tuple(found)


def times_note(lack: Lack) -> tuple[Note, ...]:
    """What figures of how long requests took lack where others have it."""
    if not lack.unknown:
        return ()
    text = f"How long requests took is not known of {_said(lack.unknown)}, whose requests are not kept any longer"
    return (Note(f"{text} ({RETENTION}): of these days times are kept for all keys together."),)


def hours_note(lack: Lack) -> str:
    """What a map of hours lacks; empty for nothing."""
    return f"Of {_said(lack.days)} hours are not known any longer: they are not in this map." if lack else ""


def unlisted(lack: Lack, link: str) -> tuple[Note, ...]:
    """What a list of requests lacks; `link` leads to the sums of what is not in it."""
    if not lack:
        return ()
    text = f"The requests of {_said(lack.days)} are not kept any longer ({RETENTION}): they are not listed here."
    return (Note(text, link, "Their sums") if lack.unknown else Note(text),)


def _filtered(fields: Iterable[str]) -> str:
    """What of a filter is not known."""
    return ", ".join(dict.fromkeys(LABELS.get(name, "whose they were") for name in fields))


def _said(days: tuple[int, ...]) -> str:
    """`2026-03-01 (UTC)`, or `40 days from 2026-03-01 to 2026-04-09 (UTC)`."""
    first, last = (f"{datetime.fromtimestamp(day // SECOND, UTC):%Y-%m-%d}" for day in (days[0], days[-1]))
    return f"{first} (UTC)" if len(days) == 1 else f"{len(days)} days from {first} to {last} (UTC)"
