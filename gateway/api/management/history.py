"""What happened over longer times than usage records are kept, over HTTP: by day, from sums and histograms.

Knows questions and whose answers they are. Does not know which of it the store still has one by one.
"""

from __future__ import annotations

import time
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from msgspec import Meta

from gateway.settings.instants import Moment, write_instant
from gateway.upkeep.days import DAY_US, begin_us, day_of
from gateway.usage.chosen import Filter
from gateway.usage.reach import known_days

from .desk import Desk
from .operation import Asked, Operation
from .schemas import Query, Shown
from .usage import OWN, READ, visible_keys

TAG = "usage"

HOUR_US = DAY_US // 24

Metric = Literal["total", "first_byte", "overhead"]
Group = Literal["key", "user", "team", "provider", "model", "credential"]
Step = Literal["hour", "day"]

MOST_DAYS = 36_500
MOST_ROWS = 100_000

Named = Annotated[str, Meta(min_length=1, max_length=400)]


class Chosen(Query, frozen=True, kw_only=True):
    """Which requests are meant."""

    days: Annotated[
        int, Meta(ge=0, le=MOST_DAYS, description="Whole days (UTC) before today, which comes with them.")
    ] = 30
    provider: Annotated[Named | None, Meta(description="Of one provider.")] = None
    model: Annotated[Named | None, Meta(description="Of one model, as the provider knows it.")] = None


class DaysQuery(Chosen, frozen=True, kw_only=True):
    """What is asked of the days."""

    by: Annotated[Group | None, Meta(description="What to add up by, besides the day.")] = None
    key: Annotated[Named | None, Meta(description="Of one client key, by its id.")] = None
    user: Annotated[Named | None, Meta(description="Of one user, by their id.")] = None
    team: Annotated[Named | None, Meta(description="Of one team, by its id.")] = None
    credential: Annotated[Named | None, Meta(description="Of one credential, by its name.")] = None
    limit: Annotated[int, Meta(ge=1, le=MOST_ROWS, description="Most rows.")] = 10_000


class LatencyQuery(Chosen, frozen=True, kw_only=True):
    """What is asked of times."""

    metric: Annotated[
        Metric, Meta(description="To the last byte, to the first, or what we added before the first.")
    ] = "first_byte"
    step: Annotated[Step, Meta(description="What one row is of; days whose records are gone come as one.")] = "day"


class DayRow(Shown, frozen=True, kw_only=True):
    """What happened on a day."""

    day: date
    name: Annotated[str | None, Meta(description="What it was added up by.")]
    requests: int
    ok: int
    refused: Annotated[int, Meta(description="By us or a provider.")]
    failed: int
    client_left: int
    unpriced: Annotated[int, Meta(description="Requests of which nobody knows the price.")]
    estimated: Annotated[int, Meta(description="Requests whose tokens are estimated.")]
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_nano_usd: Annotated[int, Meta(description="Billionths of a US dollar.")]


class LatencyRow(Shown, frozen=True, kw_only=True):
    """How long answered requests of an hour or day took, in microseconds, to within 4 %."""

    at: Moment
    requests: int
    p50_us: int
    p90_us: int
    p95_us: int
    p99_us: int


class Days(Shown, frozen=True, kw_only=True):
    """Days, the first first; within a day what cost most first."""

    since: date
    rows: list[DayRow]


class Latency(Shown, frozen=True, kw_only=True):
    """Hours or days in which requests were answered, the first first."""

    since: date
    metric: Metric
    rows: list[LatencyRow]


async def show_days(asked: Asked[Desk, None, DaysQuery]) -> Days:
    """Everybody's, or what belongs to whoever asks."""
    query, around = asked.query, asked.office.around
    keys = await visible_keys(asked.office, asked.actor)
    of = {"key": query.key, "user": query.user, "team": query.team, "credential": query.credential}
    meant = _filter(query, key_ids=None if keys is None else tuple(keys), **of)
    parameters = {"by": query.by, "limit": query.limit, **await _parameters(asked, meant)}
    rows = await around.read("rollups/by_day", parameters)
    return Days(since=day_of(meant.since_us), rows=[DayRow(**row) for row in rows])


async def show_latency(asked: Asked[Desk, None, LatencyQuery]) -> Latency:
    """Of all requests: histograms do not know whose one was."""
    query, meant = asked.query, _filter(asked.query)
    step = HOUR_US if query.step == "hour" else DAY_US
    sums = await _parameters(asked, meant)
    parameters = {**sums, "metrics": [query.metric], "step_us": step, "origin_us": meant.since_us}
    found = await asked.office.around.read("rollups/percentiles", parameters)
    rows = [
        LatencyRow(
            at=write_instant(meant.since_us + row["piece"] * step),
            **{name: row[name] for name in LatencyRow.__struct_fields__ if name != "at"},
        )
        for row in found
        if row["piece"] is not None
    ]
    return Latency(since=day_of(meant.since_us), metric=query.metric, rows=rows)


def _filter(query: Chosen, **more: Any) -> Filter:
    now_us = time.time_ns() // 1000
    today = day_of(now_us)
    since = today - timedelta(days=min(query.days, (today - date(1970, 1, 1)).days))
    return Filter(since_us=begin_us(since), until_us=now_us + 1, provider=query.provider, model=query.model, **more)


async def _parameters(asked: Asked[Desk, None, Any], meant: Filter) -> dict[str, object]:
    around, time = asked.office.around, (meant.since_us, meant.until_us)
    known = await known_days(around.read, *time)
    return {"filter": meant.parameter(), "rolled_until_us": known.sums_until(around.upkeep.rolled_until_us, time)}


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/usage/days",
        id="show_days",
        summary="Usage and cost by day",
        description="In days of UTC, as far back as `usage.rollup_days` says. A client key sees its own requests, a "
        "member those of their keys and teams.",
        tag=TAG,
        permission=f"{READ}|{OWN}",
        query=DaysQuery,
        answer=Days,
        run=show_days,
    ),
    Operation(
        method="GET",
        path="/api/usage/latency",
        id="show_latency",
        summary="How long requests took",
        description="Percentiles of answered requests, as far back as `usage.rollup_days` says.",
        tag=TAG,
        permission=READ,
        query=LatencyQuery,
        answer=Latency,
        run=show_latency,
    ),
)
