"""How much models were used: by their own names, from requests or from sums of days; by aliases and combos, from
requests alone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.usage.chosen import Filter
from web.page import Read, Site, Visit
from web.reach import Note, Reach, notes_of, reach_of, times_note
from web.seeing import visible_keys

Row = Mapping[str, Any]

NAMES = "by which name of ours a model was asked for"
"""What sums do not know of requests."""


async def models_used(site: Site, visit: Visit, usual: str) -> tuple[Reach, Sequence[Row], tuple[Note, ...]]:
    """The time that an address asks for, how much each model was used in it, and what that lacks. Raises
    ControlUnavailable, StateUnavailable."""
    reach, key_ids = await asyncio.gather(reach_of(site, visit, usual), visible_keys(site, visit))
    asked = Filter(since_us=reach.span.since_us, until_us=reach.span.until_us, key_ids=key_ids)
    rows = await (_from_sums if reach.takes_sums else _from_requests)(site.read, reach, asked)
    return reach, rows, (*notes_of(reach.lack(asked, "sums")), *times_note(reach.lack(asked, "histograms")))


async def names_used(site: Site, visit: Visit, usual: str) -> tuple[Mapping[str, Row], tuple[Note, ...]]:
    """How often each alias and combo was asked for in that time, by its name, and what that lacks. Raises
    ControlUnavailable, StateUnavailable."""
    reach, key_ids = await asyncio.gather(reach_of(site, visit, usual), visible_keys(site, visit))
    asked = Filter(since_us=reach.span.since_us, until_us=reach.span.until_us, key_ids=key_ids)
    rows = await site.read("models/by_name", {"filter": asked.parameter()})
    return {row["name"]: row for row in rows}, notes_of(reach.lack(asked, "requests"), NAMES)


async def _from_requests(read: Read, reach: Reach, asked: Filter) -> Sequence[Row]:
    return await read("models/used", {"filter": reach.now(asked)})


async def _from_sums(read: Read, reach: Reach, asked: Filter) -> Sequence[Row]:
    now = {"filter": reach.now(asked), "rolled_until_us": reach.rolled_until_us}
    rows, waits = await asyncio.gather(
        read("models/summed", now),
        read("rollups/percentiles_by", {**now, "metrics": ["first_byte"], "by": "model"}),
    )
    p50 = {(row["provider"], row["model"]): row["p50_us"] for row in waits}
    return [{**row, "p50_first_byte_us": p50.get((row["provider"], row["model"]))} for row in rows]
