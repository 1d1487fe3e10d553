"""The first page: is it healthy, what does it cost, who uses it, what happened last. All of it leads to its details."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from gateway.management import rests
from gateway.records import Provider
from gateway.settings.demo import DEMO_KEY
from gateway.settings.model import Settings
from gateway.usage import figures, paging
from gateway.usage.chosen import Filter
from web import display, headline, shell, spenders
from web.changes import marks_of
from web.charts import Chart, Frame, Rank, Series, lined, ranked, stacked
from web.display import State
from web.filters import address
from web.headline import Figure
from web.health import Count, Sign, is_whole, state_of, wholly_resting
from web.lookback import look_back
from web.page import Page, Read, Site, Visit
from web.pages.overview_tables import TABLES
from web.reach import Note
from web.seeing import EVERYBODYS, OWN, visible_keys
from web.shell import ANYBODY, CHAT, Ask, model_among
from web.span import Span

RECENT = 12
CONFIGURED = "configuration:read"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that needs somebody."""

    text: str
    meaning: str
    link: str
    action: str


@dataclass(frozen=True, slots=True)
class Light:
    """A provider, in one line."""

    name: str
    state: State
    attempts: int
    failures: int
    failed: str
    """The share of these."""
    p50_us: int | None
    link: str


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
    is_estimate: bool
    first_byte_us: int | None
    total_us: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What the template shows."""

    curl: str
    is_everybodys: bool
    """Whether the figures are of everybody's requests, or of one's own keys."""
    is_empty: bool
    remarks: tuple[Remark, ...]
    notes: tuple[Note, ...]
    """What the figures lack."""
    is_utc: bool
    """Whether its days are days UTC, not the viewer's."""
    figures: tuple[Figure, ...]
    spend: Chart
    traffic: Chart
    waiting: Chart
    models: tuple[Rank, ...]
    keys: tuple[Rank, ...]
    errors: tuple[Rank, ...]
    lights: tuple[Light, ...] | None
    """None for somebody who may not see what is configured."""
    recent: tuple[Recent, ...]
    more: Mapping[str, str]
    """Addresses of the pages that say more."""


async def load(site: Site, visit: Visit) -> Overview:
    """The page's context."""
    key_ids = await visible_keys(site, visit)
    found, recent = await asyncio.gather(look_back(site, visit, key_ids), _newest(site.read, visit.span, key_ids))
    span, zone, now = found.reach.span, found.reach.zone, found.now
    colours = {kind: await site.colours.of(kind) for kind in ("model", "key")}
    frame = Frame(span, zone, visit.now_us, await marks_of(site, visit, span))
    return Overview(
        curl=curl(site, visit.browser.origin),
        is_everybodys=key_ids is None,
        is_empty=not now.requests,
        remarks=_remarks(site, visit, now),
        notes=found.notes,
        is_utc=found.reach.in_days and visit.zone is not UTC,
        figures=headline.figures_of(now, found.before, found.pieces),
        spend=spenders.spend_over_time(frame, found.models, colours["model"]),
        traffic=traffic_over_time(frame, found.pieces),
        waiting=_waiting(frame, found.pieces),
        models=spenders.models(found.models, colours["model"], span),
        keys=spenders.keys(found.keys, colours["key"], span),
        errors=_errors(found.errors, span),
        lights=_lights(site, visit, found.providers) if visit.person.may(CONFIGURED) else None,
        recent=tuple(map(recent_of, recent)),
        more={"requests": address("/requests", span.query), "spend": address("/spend", span.query)},
    )


async def _newest(read: Read, span: Span, key_ids: tuple[str, ...] | None) -> Sequence[Row]:
    chosen = Filter(since_us=span.since_us, until_us=span.until_us, key_ids=key_ids)
    return (await paging.newest(read, chosen, rows=RECENT)).rows


def _remarks(site: Site, visit: Visit, now: headline.Totals) -> tuple[Remark, ...]:
    """What is wrong at the moment, worst first."""
    actor, found = visit.person, []
    if actor.may("system:read") and (trouble := site.around.ingest_state()["trouble"]):
        text = f"Usage records are not taken into the analytics store: {trouble}. They wait, none is lost."
        found.append(Remark(text, "bad", "/system", "System"))
    if actor.may("system:read") and (standing := site.around.alerts.open_now):
        said = "1 alert is open." if standing == 1 else f"{standing} alerts are open."
        found.append(Remark(said, "warning", "/alerts", "Alerts"))
    if actor.may(CONFIGURED):
        resting = rests.list_rests(actor, site.around.providers, site.around.pools, visit.now_us)
        if hard := [each for each in resting if each.hard]:
            said = "1 credential or model rests" if len(hard) == 1 else f"{len(hard)} credentials or models rest"
            found.append(Remark(f"{said} after failures; others answer.", "warning", "/providers", "Providers"))
    if now.unpriced:
        several = "" if now.unpriced == 1 else "s"
        count = figures.exact_count(now.unpriced)
        text = f"{count} request{several} went to models without a price: their cost is not known."
        found.append(Remark(text, "warning", "/models", "Prices"))
    return tuple(found)


OUTCOMES = (
    ("ok", "answered", "series-1"),
    ("gone", "client left", "series-0"),
    ("refused", "refused", "warning"),
    ("failed", "failed", "bad"),
)
"""Column, word and tint of how requests ended."""


def traffic_over_time(frame: Frame, pieces: Sequence[Sequence[Row]]) -> Chart:
    """How requests ended."""
    series = []
    for column, word, tint in OUTCOMES:
        values = [float(sum(row[column] for row in rows)) for rows in pieces]
        total = round(sum(values))
        series.append(Series(word, tint, values, figures.count(total), figures.exact_count(total)))
    return stacked("Requests by outcome", frame, series, figures.count)


WAITS = (
    ("p50_first_byte_us", "p50", "series-1"),
    ("p95_first_byte_us", "p95", "series-2"),
    ("p99_first_byte_us", "p99", "series-0"),
)


def _waiting(frame: Frame, pieces: Sequence[Sequence[Row]]) -> Chart:
    series = [
        Series(word, tint, [headline.weighed(rows, column) for rows in pieces], "") for column, word, tint in WAITS
    ]
    return lined("First byte, percentiles", frame, series, figures.duration)


def _errors(rows: Sequence[Row], span: Span) -> tuple[Rank, ...]:
    lines = [(row["name"], row["requests"], address("/requests", span.query, {"error": row["name"]})) for row in rows]
    return tuple(ranked(lines, figures.count, figures.exact_count, lambda name: "bad"))


def _lights(site: Site, visit: Visit, rows: Sequence[Row]) -> tuple[Light, ...]:
    """Every provider that is configured, and how it did."""
    resting = rests.list_rests(visit.person, site.around.providers, site.around.pools, visit.now_us)
    by_name = {row["name"]: row for row in rows}
    return tuple(_light(each, by_name.get(each.id), [rest for rest in resting if rest.provider == each.id])
                 for each in site.around.providers)  # fmt: skip


def _light(provider: Provider, row: Row | None, resting: Sequence[rests.RestView]) -> Light:
    count = Count(row["attempts"], row["failed"]) if row else Count()
    hard = [rest for rest in resting if rest.hard]
    # One that is paused serves no model.
    in_use = sum(1 for each in provider.credentials if each.models) if provider.credentials else 1
    others = sum(1 for rest in hard if not is_whole(rest))
    sign = Sign(in_use=in_use, resting=wholly_resting(hard), others=others, day=count)
    return Light(
        name=provider.id,
        state=state_of(sign),
        attempts=count.attempts,
        failures=count.failed,
        failed=figures.share(count.failed, count.attempts),
        p50_us=row["p50_us"] if row else None,
        link=f"/providers/{provider.id}",
    )


def recent_of(row: Row) -> Recent:
    """A request of the statement `requests/listed`, as a row."""
    model = f"{row['provider']}/{row['model']}" if row["model"] else row["requested_model"] or figures.NOTHING
    same = ("id", "started_at_us", "status", "error", "endpoint", "key", "input_tokens", "output_tokens")
    kept = {name: row[name] for name in (*same, "cost_nano_usd", "first_byte_us", "total_us")}
    state = display.ended(row["status"], row["error"])
    return Recent(state=state, model=model, is_estimate=row["usage_source"] == "estimated", **kept)


def curl(site: Site, origin: str) -> str:
    """A line to paste into a shell."""
    settings = site.settings()
    demo = site.demo and _has_demo_key(settings)
    secret, model = (DEMO_KEY, "fast") if demo else ("", model_among(site.around.foresight.names(ANYBODY), CHAT))
    return shell.curl(origin, Ask(CHAT, model, is_streamed=True), secret)


def _has_demo_key(settings: Settings) -> bool:
    """Whether the key that everybody knows is in force; any other is nobody's business here."""
    return any(key.key == DEMO_KEY for key in settings.client_keys)


PAGE = Page(
    path="/",
    title="Overview",
    summary="Whether all is well, what it costs, and who uses it.",
    template="overview.html",
    load=load,
    permissions=(EVERYBODYS, OWN),
    group="Watch",
    icon="overview",
    letter="o",
    span="24h",
    refreshes=True,
    blocks=("figures",),
    tables=TABLES,
)
