"""What pages tell of a client key: its rules in words, how it stands with its limits, what came of its requests.

Knows no page. Whose key somebody may look at is decided by who calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from types import MappingProxyType

import orjson

from gateway.management.keys import KeyStatus, KeyView
from gateway.management.limited import LimitStanding
from gateway.management.models import endpoint_for
from gateway.records import ClientKey, Limits
from gateway.settings.instants import read_instant
from gateway.store.keys import ID_PREFIX
from gateway.usage import figures, paging
from gateway.usage.chosen import Filter
from web import headline
from web.burning import WARNED
from web.charts import Chart, Frame
from web.display import Meaning, State
from web.headline import Figure
from web.lookback import look_back
from web.page import Site, Visit
from web.pages.overview import Recent, recent_of, traffic_over_time
from web.reach import Note
from web.shell import CHAT, Ask, curl, model_among
from web.spenders import spend_over_time

SPAN = "30d"
"""The time that pages about one key usually show."""

LATEST = 10
"""Requests shown."""

EVERY = ("*",)

STATES: Mapping[KeyStatus, State] = MappingProxyType(
    {
        "active": State("active", "good"),
        "paused": State("paused", "warning"),
        "expired": State("expired", "warning"),
        "suspended": State("suspended", "warning"),
        "revoked": State("revoked", "bad"),
    }
)

BUDGET = "budget_nano_usd"

LIMITS: Mapping[str, str] = MappingProxyType(
    {
        "requests_per_minute": "requests a minute",
        "tokens_per_minute": "tokens a minute",
        "max_parallel": "requests at once",
        "requests_per_month": "requests a month",
        "tokens_per_month": "tokens a month",
        BUDGET: "budget",
    }
)
"""Limits by name, in words."""

PERIODS = frozenset(("requests_per_month", "tokens_per_month", BUDGET))
"""Limits that begin anew when a period does, whatever is used."""

BUDGETS: Mapping[str, str] = MappingProxyType({"day": "a day", "week": "a week", "month": "a month", "total": "in all"})
"""What a budget is for, by its period."""

OF_ONE_KEY = frozenset(("Requests", "Spend", "Errors", "First byte, p50", "Cache read"))
"""Headline numbers that say something of one key."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with one limit."""

    subject: str
    what: str
    used: str
    most: str
    left: str
    share: float
    label: str
    meaning: Meaning
    resets_at_us: int | None
    counted: LimitStanding


@dataclass(frozen=True, slots=True)
class KeyUse:
    """What came of the requests of a key."""

    figures: tuple[Figure, ...]
    spend: Chart
    traffic: Chart
    recent: tuple[Recent, ...]
    is_empty: bool
    notes: tuple[Note, ...]
    """What the figures lack."""
    is_utc: bool
    """Whether their days are days UTC, not the viewer's."""


def said_patterns(patterns: Sequence[str], everything: str = "all") -> str:
    """What a key may use, in words."""
    return everything if tuple(patterns) == EVERY else ", ".join(patterns) or "none"


def limits_in_words(limits: Limits | None, *, budget: bool = True) -> tuple[str, ...]:
    """`60 requests/min`, `$50.00 a month`; without the budget where that is shown beside them."""
    if limits is None:
        return ()
    wanted = [name for name in LIMITS if budget or name != BUDGET]
    return tuple(_in_words(name, most, limits) for name in wanted if (most := getattr(limits, name)) is not None)


def _in_words(name: str, most: int, limits: Limits) -> str:
    if name == BUDGET:
        return f"{figures.money(most)} {BUDGETS[limits.budget_period]}"
    return f"{figures.count(most)} {LIMITS[name]}".replace(" a minute", "/min").replace(" a month", "/month")


def standings_of(items: Iterable[LimitStanding]) -> tuple[Standing, ...]:
    """Limits as rows."""
    return tuple(map(standing_of, items))


def standing_of(one: LimitStanding) -> Standing:
    """A limit as a row."""
    show = figures.money if one.limit == BUDGET else figures.count
    share = one.used / one.most if one.most else 1.0
    used, most = show(one.used), show(one.most)
    return Standing(
        subject=one.subject.replace("`", ""),
        what=LIMITS[one.limit],
        used=used,
        most=most,
        left=show(max(0, one.left)),
        share=share,
        label=f"{used} of {most} used",
        meaning="bad" if share >= 1 else "warning" if share >= WARNED else "good",
        resets_at_us=read_instant(one.resets_at) if one.resets_at and (one.used or one.limit in PERIODS) else None,
        counted=one,
    )


async def use_of(site: Site, visit: Visit, key_id: str) -> KeyUse:
    """What came of the requests of one key in the time that the address asks for. Raises ControlUnavailable."""
    # A page about one key shows another time than others where the address says none.
    asked = replace(visit, query={"range": SPAN, **visit.query})
    found, recent, colours = await asyncio.gather(
        look_back(site, asked, (key_id,)), _newest(site, asked, key_id), site.colours.of("model")
    )
    frame = Frame(found.reach.span, found.reach.zone, visit.now_us)
    every = headline.figures_of(found.now, found.before, found.pieces)
    return KeyUse(
        figures=tuple(figure for figure in every if figure.label in OF_ONE_KEY),
        spend=_unlinked(spend_over_time(frame, found.models, colours)),
        traffic=traffic_over_time(frame, found.pieces),
        recent=recent,
        is_empty=not found.now.requests,
        notes=found.notes,
        is_utc=found.reach.in_days and visit.zone is not UTC,
    )


def _unlinked(chart: Chart) -> Chart:
    """Where the links lead is everybody's."""
    return replace(chart, series=tuple(replace(each, link="") for each in chart.series))


async def _newest(site: Site, visit: Visit, key_id: str) -> tuple[Recent, ...]:
    asked = Filter(since_us=visit.span.since_us, until_us=visit.span.until_us, key_ids=(key_id,))
    return tuple(map(recent_of, (await paging.newest(site.read, asked, rows=LATEST)).rows))


def curl_of(site: Site, visit: Visit, key: ClientKey, secret: str = "") -> str:
    """A line to paste into a shell; without the secret the shell is to know it."""
    endpoint = endpoint_for(key, site.endpoints)
    return curl(visit.browser.origin, Ask(endpoint, model_for(site, key, endpoint)), secret)


def sdk_of(site: Site, visit: Visit, key: ClientKey) -> str:
    """The same for a program with the SDK of OpenAI."""
    origin, model = visit.browser.origin, orjson.dumps(model_for(site, key, CHAT)).decode()
    return (
        "import os\n"
        "from openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{origin}/v1", api_key=os.environ["SLUICEGATE_KEY"])\n'
        "answer = client.chat.completions.create(\n"
        f"    model={model},\n"
        '    messages=[{"role": "user", "content": "Hello"}],\n'
        ")\n"
        "print(answer.choices[0].message.content)"
    )


def relayed(key: KeyView) -> ClientKey:
    """A key as requests go by it, as far as it says what they may ask for."""
    return ClientKey(
        key.name,
        id=f"{ID_PREFIX}{key.id}",
        models=key.models,
        providers=key.providers,
        credentials=key.credentials,
        endpoints=key.endpoints,
    )


def model_for(site: Site, key: ClientKey, endpoint: str) -> str:
    """A model that a key may ask for, at this endpoint as far as names tell."""
    return model_among(site.around.foresight.names(key), endpoint)
