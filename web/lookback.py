"""What came of a time, for the overview: asked request by request, or from the sums of days where there are too many.

Sums are of days UTC, and know no provider's attempts, only its requests. Either way the same rows come out.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import Any

from gateway.usage.chosen import Filter
from gateway.usage.figures import DAY
from web.earlier import is_comparable
from web.headline import Totals, totals_of
from web.page import Read, Site, Visit
from web.span import Span, span_of

MOST_KEYS = 8
MOST_ERRORS = 8
NO_TARGET = ""

Row = Mapping[str, Any]

COUNTED = ("requests", "ok", "failed", "refused", "gone", "unpriced", "estimated")
SUMMED = ("input_tokens", "output_tokens", "cache_read_tokens")

PERCENTILES = (("p50_first_byte_us", 0.5), ("p95_first_byte_us", 0.95), ("p99_first_byte_us", 0.99))


@dataclass(frozen=True, slots=True)
class Lookback:
    """A time, and what came of it."""

    span: Span
    zone: tzinfo
    """Of its days."""
    now: Totals
    before: Totals
    """Of the time before it, which is as long; nothing where that is not known as a whole."""
    pieces: Sequence[Sequence[Row]]
    """Rows of each piece of the span, with the columns of `overview/over_time`."""
    models: Sequence[tuple[int, str, Row]]
    """Piece, `provider/model`, and what came of it."""
    keys: Sequence[Row]
    providers: Sequence[Row]
    errors: Sequence[Row]


async def look_back(site: Site, visit: Visit, key_ids: tuple[str, ...] | None) -> Lookback:
    """What came of the time that an address asks for. Raises ControlUnavailable."""
    rolled_until_us = site.around.rolled_until_us
    if rolled_until_us and visit.span.step_us >= DAY:
        span = span_of(visit.query, visit.now_us, UTC)
        looking = _by_days(site.read, span, key_ids, rolled_until_us)
    else:
        looking = _by_requests(site.read, visit.span, key_ids, visit.zone)
    found, comparable = await asyncio.gather(looking, is_comparable(site.read, visit.span))
    return found if comparable else replace(found, before=Totals())


async def _by_requests(read: Read, span: Span, key_ids: tuple[str, ...] | None, zone: tzinfo) -> Lookback:
    now, both = _filters(span, key_ids)
    totals, pieces, models, keys, providers, errors = await asyncio.gather(
        read("overview/totals", {"filter": both, "middle_us": span.since_us}),
        read("overview/over_time", {"filter": now, **span.buckets}),
        read("overview/by_model", {"filter": now, **span.buckets}),
        read("overview/by_key", {"filter": now, "limit": MOST_KEYS}),
        read("overview/by_provider", {"filter": now}),
        read("overview/by_error", {"filter": now, "limit": MOST_ERRORS}),
    )
    by_time = {row["is_now"]: row for row in totals}
    return Lookback(
        span=span,
        zone=zone,
        now=totals_of(by_time.get(True)),
        before=totals_of(by_time.get(False)),
        pieces=span.folded([(row["bucket"], row) for row in pieces]),
        models=[(span.place(row["bucket"]), row["name"], row) for row in models],
        keys=keys,
        providers=providers,
        errors=errors,
    )


async def _by_days(read: Read, span: Span, key_ids: tuple[str, ...] | None, rolled_until_us: int) -> Lookback:
    now, both = _filters(span, key_ids)
    rolled = {"filter": both, "rolled_until_us": rolled_until_us}
    days, waits, keys, errors = await asyncio.gather(
        read("overview/days", rolled),
        read("overview/day_waits", rolled),
        read("overview/day_keys", {**rolled, "middle_us": span.since_us}),
        read("overview/by_error", {"filter": now, "limit": MOST_ERRORS}),
    )
    recent = [row for row in days if row["day_us"] >= span.since_us]
    places = {start: place for place, start in enumerate(span.starts)}
    return Lookback(
        span=span,
        zone=UTC,
        now=_totals(recent, [row for row in waits if row["day_us"] >= span.since_us], _active(keys, "requests")),
        before=_totals(
            [row for row in days if row["day_us"] < span.since_us],
            [row for row in waits if row["day_us"] < span.since_us],
            _active(keys, "requests_before"),
        ),
        pieces=_pieces(recent, waits, span),
        models=[(places[row["day_us"]], _name(row), row) for row in recent if row["model"] and row["day_us"] in places],
        keys=[{**row, "cost_nano_usd": row["cost_nano_usd"] or 0} for row in keys if row["requests"]][:MOST_KEYS],
        providers=_providers(recent),
        errors=errors,
    )


def _filters(span: Span, key_ids: tuple[str, ...] | None) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """Of the time, and of it with the one before."""
    now = Filter(since_us=span.since_us, until_us=span.until_us, key_ids=key_ids)
    both = Filter(since_us=span.before[0], until_us=span.until_us, key_ids=key_ids)
    return now.parameter(), both.parameter()


def _name(row: Row) -> str:
    return f"{row['provider']}/{row['model']}"


def _active(keys: Sequence[Row], column: str) -> int:
    return sum(1 for row in keys if row[column])


def _totals(days: Sequence[Row], waits: Sequence[Row], keys: int) -> Totals:
    paid = [row["cost_nano_usd"] for row in days if row["cost_nano_usd"]]
    counts = {name: _sum(days, name) for name in (*COUNTED, *SUMMED) if name != "ok"}
    return Totals(
        **counts,
        cost_nano_usd=sum(map(int, paid)) if paid else None,
        keys=keys,
        p50_first_byte_us=_percentile(waits, 0.5),
        p95_first_byte_us=_percentile(waits, 0.95),
    )


def _pieces(days: Sequence[Row], waits: Sequence[Row], span: Span) -> list[list[Row]]:
    """A row for each day of which there is something."""
    by_day: dict[int, list[Row]] = defaultdict(list)
    waited: dict[int, list[Row]] = defaultdict(list)
    for row in days:
        by_day[row["day_us"]].append(row)
    for row in waits:
        waited[row["day_us"]].append(row)
    return [[_piece(by_day[start], waited[start])] if start in by_day else [] for start in span.starts]


def _piece(rows: Sequence[Row], waits: Sequence[Row]) -> Row:
    sums = {name: _sum(rows, name) for name in (*COUNTED, *SUMMED, "cost_nano_usd")}
    return {**sums, "keys": 0, **{column: _percentile(waits, share) for column, share in PERCENTILES}}


def _providers(rows: Sequence[Row]) -> list[Row]:
    by_name: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["provider"]:
            by_name[row["provider"]].append(row)
    found = [
        {"name": name, "attempts": _sum(each, "requests"), "failed": _sum(each, "failed"), "p50_us": None}
        for name, each in by_name.items()
    ]
    return sorted(found, key=lambda row: -row["attempts"])


def _sum(rows: Sequence[Row], column: str) -> int:
    return sum(int(row[column] or 0) for row in rows)


def _percentile(waits: Sequence[Row], share: float) -> int | None:
    """Of a histogram: the time that this share of all stayed below."""
    counted: dict[int, int] = defaultdict(int)
    for row in waits:
        counted[row["us"]] += int(row["n"])
    wanted = share * sum(counted.values())
    for us in sorted(counted):
        wanted -= counted[us]
        if wanted <= 0:
            return us
    return None
