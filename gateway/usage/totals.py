"""What each key, model or provider did in a time, with how long its answered requests took: as pages have it.

Sums of days take the place of requests that are gone, or where there are many; times are exact where they can be, else
within 4 %. Reading is handed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .chosen import NOT_IN_HISTOGRAMS, Filter
from .paging import Read
from .reach import Lack, known_days, lack_of, whole_days

Group = Literal["model", "key", "provider"]

TIMES = ("p50_total_us", "p95_total_us", "p50_first_byte_us", "p95_first_byte_us")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked."""

    by: Group
    filter: Filter
    key: str | None = None
    """Name of one key; of several with that name, all."""
    limit: int
    rolled_until_us: int
    """A midnight before which all days are rolled up."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What came of it: rows with `name`, sums and TIMES; those of keys have `id`, too."""

    rows: list[Row]
    lack: Lack
    """What sums lack."""
    times_lack: Lack
    """What times lack."""


async def totals_of(read: Read, asked: Question) -> Totals:
    """Rows, those with most requests first. Raises ControlUnavailable."""
    of = asked.filter
    known = await known_days(read, of.since_us, of.until_us)
    rolled_until_us = known.sums_until(asked.rolled_until_us, (of.since_us, of.until_us))
    takes_sums = rolled_until_us or whole_days(known.gone.summed, of.since_us, of.until_us)
    from_histograms = bool(takes_sums) and _are_in_histograms(asked)
    sums = {"filter": of.parameter(), "rolled_until_us": rolled_until_us, "by": asked.by}
    rows, times = await asyncio.gather(
        read("usage/summed", {**sums, "key": asked.key, "limit": asked.limit}),
        _from_histograms(read, sums) if from_histograms else _from_requests(read, asked),
    )
    return Totals(
        rows=[_row(row, times.get(row["what"], {}), asked.by) for row in rows],
        lack=lack_of(known.gone, of, "sums"),
        times_lack=lack_of(known.gone, of, "histograms" if from_histograms else "requests"),
    )


def _are_in_histograms(asked: Question) -> bool:
    """Whether histograms could say how long it took: they know no keys."""
    return asked.by != "key" and asked.key is None and not asked.filter.unknown(NOT_IN_HISTOGRAMS)


async def _from_requests(read: Read, asked: Question) -> Mapping[str, Row]:
    parameters = {"filter": asked.filter.parameter(), "by": asked.by, "key": asked.key}
    return {row["what"]: row for row in await read("usage/times", parameters)}


async def _from_histograms(read: Read, sums: Mapping[str, object]) -> Mapping[str, Row]:
    found: dict[str, Row] = {}
    for row in await read("rollups/percentiles_by", {**sums, "metrics": ["total", "first_byte"]}):
        what = f"{row['provider']}/{row['model']}" if row["model"] is not None else row["provider"]
        times = {f"{word}_{row['metric']}_us": row[f"{word}_us"] for word in ("p50", "p95")}
        found[what] = {**found.get(what, {}), **times}
    return found


def _row(row: Row, times: Row, by: Group) -> Row:
    sums = {name: value for name, value in row.items() if name != "what"}
    known = {"id": row["what"]} if by == "key" else {}
    return {**known, **sums, **{name: times.get(name) for name in TIMES}}
