"""How long answered requests took, in the same rows wherever they are from: exact from requests; within 4 % from
histograms, where there are many requests, or those of some days are gone.

Microseconds; three percentiles are 50, 95 and 99.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from gateway.usage.chosen import NOT_IN_HISTOGRAMS, Filter
from gateway.usage.figures import DAY, HOUR
from gateway.usage.reach import Lack
from web.page import Read
from web.reach import Reach

Metric = Literal["first_byte", "total", "overhead"]

METRICS: tuple[Metric, ...] = ("first_byte", "total", "overhead")

WORDS: Mapping[Metric, str] = MappingProxyType({"first_byte": "first", "total": "total", "overhead": "overhead"})
"""As statements about requests call them."""

Row = Mapping[str, Any]
Percentiles = Sequence[float]


@dataclass(frozen=True, slots=True)
class Measured:
    """A time, and how long its requests took."""

    now: Mapping[Metric, Percentiles]
    """Without what nothing is known of."""
    before: Mapping[Metric, Percentiles]
    """The same of the time before; nothing where that cannot be compared with."""
    pieces: Sequence[Sequence[Row]]
    """Of each piece of the span: `requests`, and percentiles by metric, nothing where nothing is known."""
    targets: Sequence[Row]
    """`provider`, `model`, `requests`, percentiles `first_byte_us` and `total_us`, the 95th of `overhead_us`, and
    `tokens_per_second`."""
    hours: Sequence[tuple[int, float, int]]
    """When an hour began, the 95th percentile, and how many requests there were."""
    lack: Lack
    """What is in none of it."""


async def measured(read: Read, reach: Reach, asked: Filter, metric: Metric, most: int) -> Measured:
    """What there is to know of the requests that a filter means, and of so many targets. Raises ControlUnavailable."""
    from_sums = reach.takes_sums and not asked.unknown(NOT_IN_HISTOGRAMS)
    found = await (_from_histograms if from_sums else _from_requests)(read, reach, asked, metric, most)
    compares = reach.compares(asked, "histograms") and not found.lack
    return found if compares else _alone(found)


def _alone(found: Measured) -> Measured:
    return Measured(found.now, {}, found.pieces, found.targets, found.hours, found.lack)


async def _from_requests(read: Read, reach: Reach, asked: Filter, metric: Metric, most: int) -> Measured:
    span, now = reach.span, {"filter": reach.now(asked)}
    both = {"filter": asked.at(span.before[0], span.until_us).parameter(), "middle_us": span.since_us}
    totals, pieces, targets, hours = await asyncio.gather(
        read("latency/totals", both),
        read("latency/over_time", {**now, **span.buckets}),
        read("latency/by_target", {**now, "limit": most}),
        read("latency/by_hour", {**now, "metric": WORDS[metric]}),
    )
    by_time = {row["is_now"]: row for row in totals}
    return Measured(
        now=_percentiles(by_time.get(True, {})),
        before=_percentiles(by_time.get(False, {})),
        pieces=span.folded([(row["bucket"], row) for row in pieces]),
        targets=targets,
        hours=[(row["hour_us"], row["p95_us"], row["requests"]) for row in hours if row["p95_us"] is not None],
        lack=reach.lack(asked, "histograms"),
    )


def _percentiles(row: Row) -> dict[Metric, Percentiles]:
    return {metric: found for metric in METRICS if (found := row.get(f"{metric}_us"))}


async def _from_histograms(read: Read, reach: Reach, asked: Filter, metric: Metric, most: int) -> Measured:
    now = {"filter": reach.now(asked), "rolled_until_us": reach.rolled_until_us}
    before = {**now, "filter": reach.before(asked)}
    pieces, pieces_before, targets, hours = await asyncio.gather(
        read("rollups/percentiles", {**now, **reach.buckets, "metrics": list(METRICS)}),
        read("rollups/percentiles", {**before, **reach.buckets, "metrics": list(METRICS)}),
        read("rollups/percentiles_by", {**now, "metrics": [*METRICS, "pace"], "by": "model"}),
        read("rollups/percentiles", {**now, "metrics": [metric], "origin_us": 0, "step_us": HOUR}),
    )
    # Of days whose requests are gone hours are not known.
    known = [row for row in _of_pieces(hours) if row["piece"] * HOUR // DAY * DAY not in reach.gone.summed]
    return Measured(
        now=_of_all(pieces),
        before=_of_all(pieces_before),
        pieces=_pieces(reach, _of_pieces(pieces)),
        targets=_targets(targets)[:most],
        hours=[(row["piece"] * HOUR, row["p95_us"], row["requests"]) for row in known],
        lack=reach.lack(asked, "histograms"),
    )


def _of_pieces(rows: Sequence[Row]) -> Sequence[Row]:
    return [row for row in rows if row["piece"] is not None]


def _of_all(rows: Sequence[Row]) -> dict[Metric, Percentiles]:
    return {row["metric"]: _three(row) for row in rows if row["piece"] is None}


def _three(row: Row) -> Percentiles:
    return [row["p50_us"], row["p95_us"], row["p99_us"]]


def _pieces(reach: Reach, rows: Sequence[Row]) -> list[list[Row]]:
    """One row for each of the store's pieces, where there are many for each metric."""
    by_piece: dict[int, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        by_piece[row["piece"]][row["metric"]] = row
    pieces: list[list[Row]] = [[] for _ in reach.span.starts]
    for piece, found in sorted(by_piece.items()):
        times = ((metric, _three(found[metric]) if metric in found else None) for metric in METRICS)
        pieces[reach.place(piece)].append({"requests": found["total"]["requests"], **dict[str, Any](times)})
    return pieces


def _targets(rows: Sequence[Row]) -> list[Row]:
    """One row for each target, those with most requests first."""
    by_target: dict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
    for row in rows:
        if row["model"] is not None:
            by_target[row["provider"], row["model"]][row["metric"]] = row
    lines = [_target(target, found) for target, found in by_target.items()]
    return sorted(lines, key=lambda line: (-line["requests"], line["provider"], line["model"]))


def _target(target: tuple[str, str], found: Mapping[str, Row]) -> Row:
    provider, model = target
    return {
        "provider": provider,
        "model": model,
        "requests": found["total"]["requests"],
        "first_byte_us": _three(found["first_byte"]) if "first_byte" in found else None,
        "total_us": _three(found["total"]),
        "overhead_us": found["overhead"]["p95_us"] if "overhead" in found else None,
        "tokens_per_second": 1e6 / found["pace"]["p50_us"] if "pace" in found else None,
    }
