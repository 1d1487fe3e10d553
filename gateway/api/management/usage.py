"""What happened: usage records and totals, to whoever may see them.

Knows questions and whose answers they are. Does not know SQL, nor how rows got there.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from msgspec import Meta

from gateway.management import keys
from gateway.management.office import Actor
from gateway.settings.instants import Moment, write_instant

from .desk import Desk
from .operation import Asked, Operation
from .schemas import Query, Shown

TAG = "usage"
READ, OWN = "usage:read", "usage:own"

SPANS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}

Group = Literal["model", "key", "provider"]

GROUPS: Mapping[Group, str] = {"model": "usage/by_model", "key": "usage/by_key", "provider": "usage/by_provider"}
"""Statement for each way of adding up."""

LONGEST_LAST = timedelta(days=36_500)
MOST_ROWS = 10_000
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
        list[dict[str, Any]], Meta(description="Tokens, times in microseconds, costs in billionths of a US dollar.")
    ]


async def show_usage(asked: Asked[Desk, None, UsageQuery]) -> UsageRows:
    """Everybody's, or what belongs to whoever asks."""
    query = asked.query
    since_us = max(0, time.time_ns() // 1000 - _span(query.last) // timedelta(microseconds=1))
    parameters = {
        "since_us": since_us,
        "key": query.key,
        "key_ids": await visible_keys(asked.office, asked.actor),
        "limit": query.limit,
    }
    rows = await asked.office.around.read(GROUPS[query.by] if query.by else "usage/newest", parameters)
    return UsageRows(
        last=query.last,
        since=write_instant(since_us),
        by=query.by,
        rows=rows if query.by else [_with_instant(row) for row in rows],
    )


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
