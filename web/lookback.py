"""What came of a time, for the overview: asked request by request where that is quick and all of them are there, else
from sums of days and histograms of hours, and requests for the rest. Either way the same comes out, but for times:
those of histograms are within 4 %.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.usage.chosen import Filter
from web.headline import Totals, weighed
from web.page import Read, Site, Visit
from web.reach import Note, Reach, notes_of, reach_of, times_note

MOST_KEYS = 8
MOST_ERRORS = 8

Row = Mapping[str, Any]

COUNTED = ("requests", "ok", "failed", "refused", "gone", "unpriced", "estimated")
SUMMED = ("cost_nano_usd", "input_tokens", "output_tokens", "cache_read_tokens")

PERCENTILES = ("p50", "p95", "p99")

TIMES = ["first_byte", "pace"]
"""What is asked of histograms."""


@dataclass(frozen=True, slots=True)
class Lookback:
    """A time, and what came of it."""

    reach: Reach
    now: Totals
    before: Totals
    """Of the time before it, which is as long; nothing where that is not known as a whole."""
    pieces: Sequence[Sequence[Row]]
    """One row for each piece of the span, none where there was nothing: COUNTED, SUMMED, `keys`, percentiles of the
    time to the first byte as `p50_first_byte_us`, how long a token took as `pace_us`."""
    models: Sequence[tuple[int, str, Row]]
    """Piece, `provider/model`, and what came of it."""
    keys: Sequence[Row]
    providers: Sequence[Row]
    errors: Sequence[Row]
    notes: tuple[Note, ...]
    """What these figures lack."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What the store says, wherever from."""

    now: Totals
    before: Totals
    rows: Sequence[tuple[int, Row]]
    """Place in the span, and what came there of one model."""
    waits: Sequence[tuple[int, Row]]
    """The same of times to the first byte: `requests`, percentiles, `keys` where that is known."""
    provider_waits: Mapping[str, int]


async def look_back(site: Site, visit: Visit, key_ids: tuple[str, ...] | None) -> Lookback:
    """What came of the time that an address asks for. Raises ControlUnavailable."""
    reach = await reach_of(site, visit)
    asked = Filter(since_us=reach.span.since_us, until_us=reach.span.until_us, key_ids=key_ids)
    sums = {"filter": reach.now(asked), "rolled_until_us": reach.rolled_until_us}
    finding = _from_sums if reach.takes_sums else _from_requests
    found, keys, providers, errors = await asyncio.gather(
        finding(site.read, reach, asked),
        site.read("overview/by_key", {**sums, "limit": MOST_KEYS}),
        site.read("overview/by_provider", sums),
        site.read("overview/by_error", {**sums, "limit": MOST_ERRORS}),
    )
    lack = reach.lack(asked, "sums")
    return Lookback(
        reach=reach,
        now=replace(found.now, keys=keys[0]["keys"] if keys else 0),
        before=_comparable(found.before, reach, asked),
        pieces=_pieces(found, len(reach.span.starts)),
        models=[(place, f"{row['provider']}/{row['model']}", row) for place, row in found.rows if row["model"]],
        keys=keys,
        providers=[{**row, "p50_us": found.provider_waits.get(row["name"])} for row in providers],
        errors=errors,
        notes=(*notes_of(lack), *times_note(reach.lack(asked, "histograms"))),
    )


def _comparable(before: Totals, reach: Reach, asked: Filter) -> Totals:
    """What of the time before can be compared with."""
    if not reach.compares(asked, "sums"):
        return Totals()
    if reach.compares(asked, "histograms") and not reach.lack(asked, "histograms"):
        return before
    return replace(before, p50_first_byte_us=None, p95_first_byte_us=None, tokens_per_second=None)


async def _from_requests(read: Read, reach: Reach, asked: Filter) -> _Found:
    span = reach.span
    now, before = {"filter": reach.now(asked)}, {"filter": reach.before(asked)}
    # Two times are asked for one after the other: together, each row would have to be put with its own.
    (totals,), (totals_before,), (keys_before,), rows, waits, keys, providers = await asyncio.gather(
        read("overview/totals", now),
        read("overview/totals", before),
        read("overview/keys", before),
        read("overview/pieces", {**now, **span.buckets}),
        read("overview/over_time", {**now, **span.buckets}),
        read("overview/keys_over_time", {**now, **span.buckets}),
        read("overview/provider_waits", now),
    )
    used = {row["bucket"]: row["keys"] for row in keys}
    return _Found(
        now=Totals(**totals),
        before=Totals(**totals_before, **keys_before),
        rows=[(span.place(row["bucket"]), row) for row in rows],
        waits=[(span.place(row["bucket"]), {**row, "keys": used.get(row["bucket"], 0)}) for row in waits],
        provider_waits={row["provider"]: row["p50_us"] for row in providers},
    )


async def _from_sums(read: Read, reach: Reach, asked: Filter) -> _Found:
    now = {"filter": reach.now(asked), "rolled_until_us": reach.rolled_until_us}
    before = {"filter": reach.before(asked), "rolled_until_us": reach.rolled_until_us}
    rows, (summed,), waits, waits_before, providers = await asyncio.gather(
        _rows(read, reach, now),
        read("overview/summed", before),
        read("rollups/percentiles", {**now, **reach.buckets, "metrics": TIMES}),
        read("rollups/percentiles", {**before, **reach.buckets, "metrics": TIMES}),
        read("rollups/percentiles_by", {**now, "metrics": TIMES[:1], "by": "provider"}),
    )
    return _Found(
        now=_timed(_totals([row for _, row in rows]), waits),
        before=_timed(Totals(**summed), waits_before),
        rows=rows,
        waits=_waits(reach, waits),
        provider_waits={row["provider"]: row["p50_us"] for row in providers},
    )


def _waits(reach: Reach, rows: Sequence[Row]) -> list[tuple[int, Row]]:
    """Of each piece of the store's what statements about requests say."""
    pieces = [row for row in rows if row["piece"] is not None]
    pace = {row["piece"]: row["p50_us"] for row in pieces if row["metric"] == "pace"}
    return [
        (reach.place(row["piece"]), {**row, "keys": None, "pace_us": pace.get(row["piece"])})
        for row in pieces
        if row["metric"] == "first_byte"
    ]


async def _rows(read: Read, reach: Reach, now: Mapping[str, object]) -> list[tuple[int, Row]]:
    """What came of each model, piece by piece: pieces shorter than a day are known from requests alone."""
    span = reach.span
    if reach.in_days:
        return [(span.place_at(row["day_us"]), row) for row in await read("overview/days", now)]
    rows = await read("overview/pieces", {"filter": now["filter"], **span.buckets})
    return [(span.place(row["bucket"]), row) for row in rows]


def _totals(rows: Sequence[Row]) -> Totals:
    sums = {name: sum(row[name] for row in rows) for name in (*COUNTED, *SUMMED) if name != "ok"}
    return Totals(**{**sums, "cost_nano_usd": sums["cost_nano_usd"] or None})


def _timed(totals: Totals, percentiles: Sequence[Row]) -> Totals:
    """With what is known of times."""
    of = {row["metric"]: row for row in percentiles if row["piece"] is None}
    first, pace = of.get("first_byte"), of.get("pace")
    return replace(
        totals,
        p50_first_byte_us=first["p50_us"] if first else None,
        p95_first_byte_us=first["p95_us"] if first else None,
        tokens_per_second=1e6 / pace["p50_us"] if pace else None,
    )


def _pieces(found: _Found, count: int) -> list[list[Row]]:
    """A row for each piece of which there is something."""
    rows: dict[int, list[Row]] = defaultdict(list)
    waits: dict[int, list[Row]] = defaultdict(list)
    for place, row in found.rows:
        rows[place].append(row)
    for place, row in found.waits:
        waits[place].append(row)
    return [[_piece(rows[place], waits[place])] if place in rows else [] for place in range(count)]


def _piece(rows: Sequence[Row], waits: Sequence[Row]) -> Row:
    """One row for all of a piece."""
    keys = [row["keys"] for row in waits if row["keys"] is not None]
    return {
        **{name: sum(row[name] for row in rows) for name in (*COUNTED, *SUMMED)},
        **{f"{word}_first_byte_us": weighed(waits, f"{word}_us") for word in PERCENTILES},
        "pace_us": weighed(waits, "pace_us"),
        "keys": max(keys, default=None),
    }
