"""Which time a page looks at: as its address says it, in pieces for charts, and the time before it to compare with.

Pure: the present and the viewer's zone are parameters. Instants are Unix microseconds. A piece of a day or longer
begins at midnight where the viewer is; shorter ones are cut from the last midnight on: they begin at whole hours.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cached_property
from typing import TypeVar

from gateway.usage.figures import DAY, HOUR, MINUTE, SECOND

T = TypeVar("T")

SPANS: Mapping[str, tuple[str, int, int]] = {
    "1h": ("Last hour", HOUR, MINUTE),
    "24h": ("Last 24 hours", DAY, 30 * MINUTE),
    "7d": ("Last 7 days", 7 * DAY, 3 * HOUR),
    "30d": ("Last 30 days", 30 * DAY, DAY),
    "90d": ("Last 90 days", 90 * DAY, DAY),
}
"""By the word in an address: how it is called, how long it is, and the length of its pieces."""

USUAL = "24h"

STEPS = (MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, DAY, 7 * DAY)
"""Lengths of pieces of a time that somebody chose."""

MOST_PIECES = 64
LONGEST = 800 * DAY

REFRESHED: Mapping[str, int] = {"1h": 5, "24h": 15}
"""After how many seconds a page of this time is worth looking at again; others after a minute."""

QUARTER = 15 * MINUTE
"""Zones are whole quarters of an hour apart from each other."""

_TYPED = "%Y-%m-%dT%H:%M"
"""How fields for a date and a time write it."""

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d)?", re.ASCII)


@dataclass(frozen=True)
class Span:
    """A time from `since_us` until `until_us`, the latter excluded."""

    name: str
    """As the address says it; `custom` for one that somebody chose."""
    title: str
    since_us: int
    until_us: int
    starts: tuple[int, ...]
    """Where its pieces begin."""
    step_us: int
    """How long a piece is, but for days on which clocks are changed."""
    query: Mapping[str, str]
    """What an address says to mean it again."""

    @property
    def length_us(self) -> int:
        """How long it is."""
        return self.until_us - self.since_us

    @property
    def before(self) -> tuple[int, int]:
        """The time of the same length right before it."""
        return self.since_us - self.length_us, self.since_us

    @cached_property
    def grain_us(self) -> int:
        """The length of the pieces in which the store is asked, from `since_us` on: whole pieces are made of them."""
        return next(
            grain
            for grain in (self.step_us, HOUR, QUARTER, MINUTE)
            if all((start - self.since_us) % grain == 0 for start in self.starts)
        )

    @property
    def refresh_seconds(self) -> int:
        """How soon it is worth looking at again."""
        return REFRESHED.get(self.name, 60)

    @property
    def buckets(self) -> Mapping[str, int]:
        """Parameters of a statement that counts in pieces."""
        return {"origin_us": self.since_us, "step_us": self.grain_us}

    def place(self, bucket: int) -> int:
        """The piece to which one of the store's pieces belongs, by its number."""
        return self.place_at(self.since_us + bucket * self.grain_us)

    def place_at(self, at_us: int) -> int:
        """The piece in which an instant is; the first for what is before it."""
        return max(0, bisect_right(self.starts, at_us) - 1)

    def ends(self, place: int) -> tuple[int, int]:
        """When a piece begins and ends."""
        following = self.starts[place + 1] if place + 1 < len(self.starts) else self.until_us
        return self.starts[place], following

    def folded(self, rows: Sequence[tuple[int, T]]) -> list[list[T]]:
        """What belongs to each piece, of rows with the number of one of the store's pieces."""
        pieces: list[list[T]] = [[] for _ in self.starts]
        for bucket, row in rows:
            if 0 <= bucket * self.grain_us < self.length_us:
                pieces[self.place(bucket)].append(row)
        return pieces


def span_of(query: Mapping[str, str], now_us: int, zone: tzinfo, usual: str = USUAL) -> Span:
    """The time that an address means: `range=7d`, or `from` and `to` as dates or as local times. What cannot be read
    means the usual time."""
    chosen = _chosen(query, now_us, zone)
    if chosen is not None:
        return chosen
    name = query.get("range", usual)
    name = name if name in SPANS else usual
    return _named(name, SPANS[name][2], now_us, zone)


def days_of(query: Mapping[str, str], now_us: int, zone: tzinfo, usual: str = USUAL) -> Span | None:
    """The same in pieces of whole days UTC, as sums of days know them: dates are those of UTC, and so is today; local
    times stay what they are. None where too little of a day is meant for that."""
    span = span_of(query, now_us, UTC, usual)
    if span.name != "custom":
        return _named(span.name, max(span.step_us, DAY), now_us, UTC) if span.length_us > DAY else None
    has_times = any("T" in query.get(name, "") for name in ("from", "to"))
    if has_times:
        span = span_of(query, now_us, zone, usual)
        if span.length_us < DAY:
            return None
    step = max(span.step_us, DAY)
    return replace(span, starts=_starts(span.since_us, span.until_us, step, UTC), step_us=step)


def _named(name: str, step: int, now_us: int, zone: tzinfo) -> Span:
    title, length, _ = SPANS[name]
    until = _next_start(now_us, step, zone)
    since = until - length if step < DAY else _midnight(until, zone, days=-(length // DAY))
    return Span(name, title, since, until, _starts(since, until, step, zone), step, {"range": name})


def _chosen(query: Mapping[str, str], now_us: int, zone: tzinfo) -> Span | None:
    since, until = (_instant(query.get(name, ""), zone) for name in ("from", "to"))
    if since is None:
        return None
    if until is None:
        until = now_us
    elif "T" not in query["to"]:
        until = _midnight(until, zone, days=1)  # the last day is meant as a whole
    if until - since < MINUTE or since < 0:
        return None
    since = max(since, until - LONGEST)
    step = next(step for step in (*STEPS, LONGEST) if (until - since) / step <= MOST_PIECES or step == LONGEST)
    said = {name: query[name] for name in ("from", "to") if query.get(name)}
    return Span("custom", _title(since, until, zone), since, until, _starts(since, until, step, zone), step, said)


def typed_time(span: Span, zone: tzinfo) -> tuple[str, str]:
    """A time that somebody chose, as the two fields hold it in which one chooses it; empty where there is none. One
    that goes on until now ends with nothing."""
    if span.name != "custom":
        return "", ""
    until = f"{_local(span.until_us, zone):{_TYPED}}" if span.query.get("to") else ""
    return f"{_local(span.since_us, zone):{_TYPED}}", until


def between(since_us: int, until_us: int, zone: tzinfo) -> Mapping[str, str]:
    """The words of an address that mean this time, to whoever looks from that zone."""
    return {"from": f"{_local(since_us, zone):{_TYPED}}", "to": f"{_local(until_us, zone):{_TYPED}}"}


def _title(since: int, until: int, zone: tzinfo) -> str:
    """In days where it is of whole ones."""
    if since == _midnight(since, zone) and until == _midnight(until, zone):
        first, last = _local(since, zone), _local(_midnight(until, zone, days=-1), zone)
        return f"{first:%Y-%m-%d}" if first == last else f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
    return f"{_local(since, zone):%Y-%m-%d %H:%M} to {_local(until, zone):%Y-%m-%d %H:%M}"


def instant_said(text: str, zone: tzinfo, *, is_end: bool = False) -> int | None:
    """A date or a local time of an address as an instant; a date that ends something is meant as a whole. None for what
    cannot be read."""
    at = _instant(text, zone)
    return _midnight(at, zone, days=1) if at is not None and is_end and "T" not in text else at


def _starts(since: int, until: int, step: int, zone: tzinfo) -> tuple[int, ...]:
    if step < DAY:
        return tuple(range(since, until, step))
    days, starts, at = step // DAY, [since], since
    while (at := _midnight(at, zone, days=days)) < until:
        starts.append(at)
    return tuple(starts)


def _next_start(now_us: int, step: int, zone: tzinfo) -> int:
    """Where the piece that is running ends."""
    if step >= DAY:
        return _midnight(now_us, zone, days=1)
    midnight = _midnight(now_us, zone)
    return midnight + ((now_us - midnight) // step + 1) * step


def _midnight(at_us: int, zone: tzinfo, *, days: int = 0) -> int:
    """The beginning of a local day, so many days from that of an instant."""
    day = _local(at_us, zone).date() + timedelta(days=days)
    return _unix(datetime(day.year, day.month, day.day, tzinfo=zone))


def _instant(text: str, zone: tzinfo) -> int | None:
    if not _INSTANT.fullmatch(text):
        return None
    try:
        if "T" in text:
            return _unix(datetime.fromisoformat(text).replace(tzinfo=zone))
        day = date.fromisoformat(text)
        return _unix(datetime(day.year, day.month, day.day, tzinfo=zone))
    except (ValueError, OverflowError):
        return None


def _local(at_us: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at_us // SECOND, zone)


def _unix(at: datetime) -> int:
    return round(at.timestamp()) * SECOND
