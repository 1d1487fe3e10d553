"""What happened: usage records and totals, to whoever may see them.

Knows questions and whose answers they are. Does not know SQL, nor how rows got there.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any

from msgspec import Meta

from gateway.management import keys
from gateway.management.office import Actor
from gateway.settings.instants import Moment, write_instant
from gateway.upkeep.days import DAY_US, day_of
from gateway.usage.chosen import Filter
from gateway.usage.reach import Lack, known_days, lack_of
from gateway.usage.totals import Group, Question, Totals, totals_of

from .desk import Desk
from .operation import Asked, Operation
from .schemas import Query, Shown

TAG = "usage"
READ, OWN = "usage:read", "usage:own"

SPANS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}

LONGEST_LAST = timedelta(days=36_500)
MOST_ROWS = 10_000

AHEAD_US = 366 * DAY_US
"""Machines whose clocks are ahead have requests, too."""

_LAST = re.compile(r"([1-9][0-9]{0,8})([smhd])", re.ASCII)


class UsageQuery(Query, frozen=True, kw_only=True):
    """What is asked of the usage records."""

    last: Annotated[
        str,
        Meta(
            pattern=r"^[1-9][0-9]{0,8}[smhd]$(?!\n)",
            max_length=10,
            description="How far back: `90s`, `30m`, `1h`, `7d`.",
        ),
    ] = "1h"
    by: Annotated[Group | None, Meta(description="What to add up by; the latest records where unset.")] = None
    key: Annotated[str, Meta(min_length=1, max_length=200, description="Name of one client key.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST_ROWS, description="Most rows.")] = 50


class UsageRows(Shown, frozen=True, kw_only=True):
    """Usage records, latest first, or sums of them."""

    last: str
    since: Moment
    by: Group | None
    rows: Annotated[
        list[dict[str, Any]],
        Meta(
            description="Tokens, times in microseconds, costs in billionths of a US dollar. Percentiles of sums are of "
            "requests that were answered, and within 4 % where days are only known by their sums."
        ),
    ]
    not_in_rows: Annotated[
        list[date],
        Meta(
            description="Days (UTC) that are missing, or a part of them: their requests are not kept any longer, and "
            "sums do not know what is asked."
        ),
    ]
    not_in_times: Annotated[list[date], Meta(description="Days (UTC) that percentiles do not know, likewise.")]


async def show_usage(asked: Asked[Desk, None, UsageQuery]) -> UsageRows:
    """Everybody's, or what belongs to whoever asks."""
    query = asked.query
    now_us, key_ids = time.time_ns() // 1000, await visible_keys(asked.office, asked.actor)
    since_us = max(0, now_us - _span(query.last) // timedelta(microseconds=1))
    meant = Filter(since_us=since_us, until_us=now_us + AHEAD_US, key_ids=None if key_ids is None else tuple(key_ids))
    found = await (_listed(asked, meant) if query.by is None else _totals(asked, meant, query.by))
    return UsageRows(
        last=query.last,
        since=write_instant(since_us),
        by=query.by,
        rows=found.rows,
        not_in_rows=_days(found.lack),
        not_in_times=_days(found.times_lack),
    )


async def _listed(asked: Asked[Desk, None, UsageQuery], meant: Filter) -> Totals:
    """The latest records, and the days that there are none of any longer."""
    read, query = asked.office.around.read, asked.query
    key_ids = meant.parameter()["key_ids"]
    parameters = {"since_us": meant.since_us, "key": query.key, "key_ids": key_ids, "limit": query.limit}
    days = known_days(read, meant.since_us, meant.until_us)
    rows, known = await asyncio.gather(read("usage/newest", parameters), days)
    lack = lack_of(known.gone, meant, "requests")
    return Totals([_with_instant(row) for row in rows], lack, lack)


async def _totals(asked: Asked[Desk, None, UsageQuery], meant: Filter, by: Group) -> Totals:
    around, query = asked.office.around, asked.query
    rolled_until_us = around.upkeep.rolled_until_us
    question = Question(by=by, filter=meant, key=query.key, limit=query.limit, rolled_until_us=rolled_until_us)
    return await totals_of(around.read, question)


def _days(lack: Lack) -> list[date]:
    return [day_of(day) for day in lack.days]


async def visible_keys(desk: Desk, actor: Actor) -> list[str] | None:
    """Ids of the keys whose records the actor sees; None for all."""
    if actor.may(READ):
        return None
    if actor.kind == "key":
        return [actor.id or ""]
    return await keys.ids_of(desk, actor)


def _with_instant(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with `started_at` as an instant, in place of microseconds."""
    said = {name: value for name, value in row.items() if name != "started_at_us"}
    return {"started_at": write_instant(row["started_at_us"]), **said}


def _span(last: str) -> timedelta:
    found = _LAST.fullmatch(last)
    assert found is not None  # the question was checked
    return min(LONGEST_LAST, int(found[1]) * SPANS[found[2]])


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/usage",
        id="show_usage",
        summary="Usage and cost",
        description="The latest records, or sums by model, key or provider. A client key sees its own records, a "
        "member those of their keys and teams.",
        tag=TAG,
        permission=f"{READ}|{OWN}",
        query=UsageQuery,
        answer=UsageRows,
        run=show_usage,
    ),
)
