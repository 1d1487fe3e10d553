"""The first page: what runs here, how to use it and, for whom it is, what went through it in the last hour."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.settings.demo import DEMO_KEY
from gateway.settings.model import Settings
from gateway.usage import figures
from gateway.usage.figures import HOUR, MINUTE
from web import display
from web.display import Change, State
from web.page import Page, Site, Visit

EVERYBODYS = "usage:read"
"""What one needs to see the live part; whoever may see only their own usage learns how to."""

RECENT = 20
SPARK_WIDTH, SPARK_HEIGHT = 96, 24

OWN_PATHS = ("/v1/models", "/healthz", "/readyz", "/metrics")
"""What else is served besides inference."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One headline number."""

    label: str
    value: str
    exact: str
    """For the tooltip."""
    change: Change
    lines: list[str]
    """Its sparkline over the hour, as points."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute of the chart. Lengths are percent of its height."""

    place: int
    """Minutes from the left."""
    started: str
    requests: int
    errors: int
    good: float
    bad: float


@dataclass(frozen=True, slots=True)
class Recent:
    """One request of the table."""

    id: str
    started_at_us: int
    state: State
    status: int
    error: str | None
    endpoint: str
    model: str
    key: str | None
    input_tokens: int | None
    output_tokens: int | None
    cost_nano_usd: int | None
    first_byte_us: int | None
    total_us: int


@dataclass(frozen=True, slots=True)
class Live:
    """The last hour."""

    figures: tuple[Figure, ...]
    bars: tuple[Bar, ...]
    most: int
    """Where the chart's axis ends."""
    recent: tuple[Recent, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """What the template shows."""

    now_us: int
    uptime: str
    endpoints: tuple[str, ...]
    curl: str
    live: Live | None
    """None for whoever may not see everybody's usage."""


async def load(site: Site, visit: Visit) -> Overview:
    """The page's context."""
    return Overview(
        now_us=visit.now_us,
        uptime=display.uptime(visit.now_us - site.started_at_us),
        endpoints=(*site.endpoints, *OWN_PATHS),
        curl=curl(site, visit.browser.origin),
        live=await look_back(site, visit.now_us) if visit.person.may(EVERYBODYS) else None,
    )


async def look_back(site: Site, now_us: int) -> Live:
    """The hour until now, beside the one before it."""
    # Whole minutes, the running one included: so every bar of the chart is a minute.
    until_us = (now_us // MINUTE + 1) * MINUTE
    hour = {"since_us": until_us - HOUR, "until_us": until_us}
    before = {"since_us": until_us - 2 * HOUR, "until_us": until_us - HOUR}
    newest = {"since_us": until_us - HOUR, "key": None, "key_ids": None, "limit": RECENT}
    now, then, minutes, rows = await asyncio.gather(
        site.read("usage/totals", hour),
        site.read("usage/totals", before),
        site.read("usage/per_minute", hour),
        site.read("usage/newest", newest),
    )
    by_place = {(row["minute_us"] - hour["since_us"]) // MINUTE: row for row in minutes}
    most = display.ceiling(max((row["requests"] for row in minutes), default=1))
    return Live(
        figures=headline(now[0], then[0], by_place),
        bars=tuple(_bar(place, row, most) for place, row in by_place.items()),
        most=most,
        recent=tuple(_recent(row) for row in rows),
    )


def headline(now: dict[str, Any], then: dict[str, Any], minutes: dict[int, dict[str, Any]]) -> tuple[Figure, ...]:
    """The six numbers on top."""

    def spark(name: str, empty: int | None = 0) -> list[str]:
        values = [minutes[place][name] if place in minutes else empty for place in range(60)]
        return display.sparkline(values, width=SPARK_WIDTH, height=SPARK_HEIGHT)

    return (
        _requests(now, then, spark("requests")),
        _tokens(now, then, spark("tokens")),
        _cost(now, then, spark("cost_nano_usd")),
        _errors(now, then, spark("errors")),
        _wait("First byte, p50", "p50_first_byte_us", (now, then), spark("p50_first_byte_us", None)),
        _wait("First byte, p95", "p95_first_byte_us", (now, then), []),
    )


def curl(site: Site, origin: str) -> str:
    """A line to paste into a shell."""
    settings = site.settings()
    demo = site.demo and _has_demo_key(settings)
    key, model = (DEMO_KEY, "fast") if demo else ("$SLUICEGATE_KEY", "provider/model")
    quote = "'" if demo else '"'  # a variable stands in double quotes
    body = f'{{"model":"{model}","stream":true,"messages":[{{"role":"user","content":"Hello"}}]}}'
    return (
        f"curl -N {origin}/v1/chat/completions \\\n"
        f"  -H {quote}Authorization: Bearer {key}{quote} \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d '{body}'"
    )


def _has_demo_key(settings: Settings) -> bool:
    """Whether the key that everybody knows is in force; any other is nobody's business here."""
    return any(key.key == DEMO_KEY for key in settings.client_keys)


def _requests(now: dict[str, Any], then: dict[str, Any], lines: list[str]) -> Figure:
    count = now["requests"]
    change = display.change(count, then["requests"])
    return Figure("Requests", figures.count(count), figures.exact_count(count), change, lines)


def _tokens(now: dict[str, Any], then: dict[str, Any], lines: list[str]) -> Figure:
    total, before = (row["input_tokens"] + row["output_tokens"] for row in (now, then))
    exact = f"{figures.exact_count(now['input_tokens'])} in, {figures.exact_count(now['output_tokens'])} out"
    return Figure("Tokens", figures.count(total), exact, display.change(total, before), lines)


def _cost(now: dict[str, Any], then: dict[str, Any], lines: list[str]) -> Figure:
    cost = now["cost_nano_usd"]
    if cost is None:
        return Figure("Cost", figures.NOTHING, "no price is known for these models", Change("", "neutral"), lines)
    change = display.change(cost, then["cost_nano_usd"])
    return Figure("Cost", figures.money(cost), figures.exact_money(cost), change, lines)


def _errors(now: dict[str, Any], then: dict[str, Any], lines: list[str]) -> Figure:
    share, before = (row["errors"] / row["requests"] if row["requests"] else None for row in (now, then))
    exact = f"{figures.exact_count(now['errors'])} of {figures.exact_count(now['requests'])}"
    shown = figures.share(now["errors"], now["requests"])
    return Figure("Errors", shown, exact, display.change(share, before, more_is="bad"), lines)


def _wait(label: str, name: str, rows: Sequence[dict[str, Any]], lines: list[str]) -> Figure:
    now, then = (row[name] for row in rows)
    if now is None:
        return Figure(label, figures.NOTHING, "no request had an answer yet", Change("", "neutral"), lines)
    change = display.change(now, then, more_is="bad")
    return Figure(label, figures.duration(now), figures.exact_duration(now), change, lines)


def _bar(place: int, row: dict[str, Any], most: int) -> Bar:
    bad = 100 * row["errors"] / most
    good = 100 * row["requests"] / most - bad
    return Bar(place, display.moment(row["minute_us"])[11:16], row["requests"], row["errors"], good, bad)


def _recent(row: dict[str, Any]) -> Recent:
    model = f"{row['provider']}/{row['model']}" if row["model"] else row["requested_model"] or figures.NOTHING
    same = ("id", "started_at_us", "status", "error", "endpoint", "key", "input_tokens", "output_tokens")
    kept = {name: row[name] for name in (*same, "cost_nano_usd", "first_byte_us", "total_us")}
    return Recent(state=display.ended(row["status"], row["error"]), model=model, **kept)


PAGE = Page(
    path="/",
    title="Overview",
    summary="What runs here and how it is doing.",
    template="overview.html",
    load=load,
    permissions=(EVERYBODYS, "usage:own"),
    group="Watch",
    blocks=("live",),
)
