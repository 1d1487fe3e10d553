"""The models there are: whose, what they can do, what they cost and by which row, how much they are used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from gateway.errors import UnknownResource
from gateway.management import configuration, models
from gateway.management.models import ModelView
from gateway.records import RegistryState
from gateway.usage import figures
from web.around import Foresight
from web.filters import MOST_CHARACTERS, Chip, address
from web.frame import Choice
from web.page import Action, Page, Sent, Site, Table, Visit
from web.reach import Note
from web.seeing import EVERYBODYS
from web.tables import Column
from web.used import models_used

PATH = "/models"
ROWS = 50
SUSPICIOUS = 100
"""Prices that are shown of those that are not believed."""

JOB, RUNS_JOBS = "refresh-prices", "system:write"

TABS: Mapping[str, str] = {
    PATH: "Models",
    "/models/aliases": "Aliases",
    "/models/combos": "Combos",
    "/models/prices": "Prices",
    "/models/where": "Where would this go?",
}
"""The pages about models, by path."""

ABILITIES: Mapping[str, str] = {
    "images": "images",
    "audio": "audio",
    "documents": "documents",
    "tools": "tools",
    "thinking": "thinking",
}
PRICED: Mapping[str, str] = {"none": "no price", "override": "by an override", "list": "by the registry"}
SAID_BY: Mapping[str | None, str] = {
    "settings": "the configuration",
    "provider": "the provider's list",
    "catalogue": "the catalogue",
    None: "requests only",
}

OVERRIDE, REGISTRY = "override ", "models.dev "
"""How the words begin that say where a price is from."""

USUAL_SORT = "-requests"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A model of a provider."""

    name: str
    provider: str
    model: str
    said_by: str
    context: int | None
    most_output: int | None
    can: tuple[str, ...]
    rates: tuple[tuple[str, int | None], ...]
    """Nano-USD for a million tokens of input, output and cache, with words that say more."""
    source: str
    """The row of which list, or the override, that says what it costs; empty where none does."""
    row: str
    """The same in short."""
    is_override: bool
    requests: int
    cost_nano_usd: int | None
    is_estimate: bool
    """Whether the use of any of its requests is an estimate."""
    unpriced: int
    first_byte_us: int | None
    link: str
    where: str
    pricing: str
    """Where one can say what it costs."""

    @property
    def is_priced(self) -> bool:
        """Whether anybody says what it costs."""
        return bool(self.source)


@dataclass(frozen=True, slots=True)
class Models:
    """What the template shows."""

    tabs: tuple[Choice, ...]
    lines: tuple[Line, ...]
    found: int
    """How many there are with these filters, and without any."""
    known: int
    chips: tuple[Chip, ...]
    kept: Mapping[str, str]
    """Words of the address that a filter leaves as they are."""
    asked: Mapping[str, str]
    providers: tuple[str, ...]
    abilities: Mapping[str, str]
    priced: Mapping[str, str]
    unpriced: int
    """How many that were asked have no price."""
    without_price: str
    newer: str
    older: str
    registry: RegistryState
    suspicious: tuple[str, ...]
    may_refresh: bool
    may_price: bool
    is_everybodys: bool
    is_utc: bool
    """Whether the days are days UTC, not the viewer's."""
    notes: tuple[Note, ...]
    """What the figures lack."""


def tabs_at(path: str) -> tuple[Choice, ...]:
    """The pages about models; the one at this path is shown."""
    return tuple(Choice(each.rpartition("/")[2], title, each, each == path) for each, title in TABS.items())


async def load(site: Site, visit: Visit) -> Models:
    """The page's context."""
    foresight = site.around.foresight
    views, (reach, used, notes) = await asyncio.gather(
        foresight.models(visit.person), models_used(site, visit, PAGE_SPAN)
    )
    every = _lines(_with_asked(foresight, visit, views, used), used, reach.span.query)
    asked = {word: text for word in FILTERS if (text := visit.query.get(word, "").strip()[:MOST_CHARACTERS])}
    lines = _sorted([line for line in every if _matches(line, asked)], visit.query.get("sort", USUAL_SORT))
    shown, newer, older = _cut(lines, visit)
    state = site.around.registry_state()
    return Models(
        tabs=tabs_at(PATH),
        lines=shown,
        found=len(lines),
        known=len(every),
        chips=_chips(asked, visit.query),
        kept={word: text for word, text in visit.query.items() if word in ("range", "from", "to", "sort")},
        asked=asked,
        providers=tuple(sorted({line.provider for line in every})),
        abilities=ABILITIES,
        priced=PRICED,
        unpriced=sum(not line.is_priced and line.requests > 0 for line in every),
        without_price=address(PATH, reach.span.query, {"price": "none"}),
        newer=newer,
        older=older,
        registry=state,
        suspicious=state.suspicious[:SUSPICIOUS],
        may_refresh=visit.person.may(RUNS_JOBS),
        may_price=visit.person.may(configuration.WRITE),
        is_everybodys=visit.person.may(EVERYBODYS),
        is_utc=reach.in_days and visit.zone is not UTC,
        notes=notes,
    )


async def refresh(site: Site, visit: Visit) -> Sent:
    """The registry is fetched anew."""
    visit.person.require(RUNS_JOBS)
    site.around.run_job(JOB)
    return Sent(f"{PATH}?said=refreshing")


def _with_asked(foresight: Foresight, visit: Visit, views: Sequence[ModelView], used: Sequence[Row]) -> list[ModelView]:
    """Those that somebody mentions, and those that nobody does and that were asked for all the same."""
    named = {(view.provider, view.model) for view in views}
    found = list(views)
    for row in used:
        if (row["provider"], row["model"]) not in named:
            try:
                found.append(foresight.model(visit.person, row["provider"], row["model"]))
            except UnknownResource:
                continue  # nobody serves it any more
    return found


def _lines(views: Sequence[ModelView], used: Sequence[Row], span: Mapping[str, str]) -> list[Line]:
    by_name = {(row["provider"], row["model"]): row for row in used}
    return [_line(view, by_name.get((view.provider, view.model)), span) for view in views]


def _line(view: ModelView, row: Row | None, span: Mapping[str, str]) -> Line:
    facts, price, name = view.facts, view.price, f"{view.provider}/{view.model}"
    source = price.source if price is not None else ""
    return Line(
        name=name,
        provider=view.provider,
        model=view.model,
        said_by=SAID_BY[view.said_by],
        context=facts.context or facts.max_input,
        most_output=facts.max_output,
        can=tuple(word for field, word in ABILITIES.items() if getattr(facts, field) not in (None, False, "none")),
        rates=tuple(_rate(view, field, usual) for field, usual in RATES),
        source=source,
        row=_row(source, view.model),
        is_override=source.startswith(OVERRIDE),
        requests=row["requests"] if row else 0,
        cost_nano_usd=row["cost_nano_usd"] if row else None,
        is_estimate=bool(row and row["estimated"]),
        unpriced=row["unpriced"] if row else 0,
        first_byte_us=row["p50_first_byte_us"] if row else None,
        link=address("/requests", span, {"provider": view.provider, "model": view.model}) if row else "",
        where=address("/models/where", {"model": name}),
        pricing=address("/models/prices", {"model": name}),
    )


def _row(source: str, model: str) -> str:
    """A source in short: the pattern of an override, or a row of the registry that goes by another name."""
    if source.startswith(OVERRIDE):
        return source.removeprefix(OVERRIDE)
    row, _, _ = source.removeprefix(REGISTRY).partition(" of ")
    return "registry" if row.rpartition("/")[2] == model.rpartition("/")[2] else row


RATES = (("input", ""), ("output", ""), ("cache_read", "as input"))
"""Rates that are shown, and what holds where one is not said."""


def _rate(view: ModelView, field: str, usual: str) -> tuple[str, int | None]:
    if view.price is None:
        return "", None
    value: float | None = getattr(view.price, field)
    tiers = [f"{figures.money(nano_usd(rate))} above {tier.above:,} tokens of prompt"
             for tier in view.price.tiers if (rate := getattr(tier, field)) is not None]  # fmt: skip
    return "; ".join(tiers) if value is not None else usual, None if value is None else nano_usd(value)


def nano_usd(usd: float) -> int:
    """Dollars as we count them."""
    return round(usd * 10**9)


# Which of them

FILTERS = ("search", "provider", "can", "price", "used")


def _matches(line: Line, asked: Mapping[str, str]) -> bool:
    return all(TESTS[word](line, text) for word, text in asked.items())


def _priced(line: Line, text: str) -> bool:
    held = "none" if not line.is_priced else "override" if line.is_override else "list"
    return text == held


TESTS: Mapping[str, Callable[[Line, str], bool]] = {
    "search": lambda line, text: text.lower() in line.name.lower(),
    "provider": lambda line, text: text == line.provider,
    "can": lambda line, text: text in line.can,
    "price": _priced,
    "used": lambda line, text: (line.requests > 0) == (text == "yes"),
}

LABELS = {"search": "Search", "provider": "Provider", "can": "Can", "price": "Price", "used": "Asked for"}


def _chips(asked: Mapping[str, str], query: Mapping[str, str]) -> tuple[Chip, ...]:
    kept = {word: text for word, text in query.items() if word not in ("before", "after", "said")}
    return tuple(
        Chip(word, LABELS[word], PRICED.get(text, text) if word == "price" else text, address(PATH, kept, {word: ""}))
        for word, text in asked.items()
    )


def _sorted(lines: Sequence[Line], by: str) -> list[Line]:
    """What has nothing to sort by comes last, whichever way."""
    column, falling = by.removeprefix("-"), by.startswith("-")
    key = KEYS.get(column, KEYS["requests"])
    named = sorted(lines, key=lambda line: line.name)
    known = [line for line in named if key(line) is not None]
    return sorted(known, key=key, reverse=falling) + [line for line in named if key(line) is None]


KEYS: Mapping[str, Callable[[Line], Any]] = {
    "name": lambda line: line.name.lower(),
    "context": lambda line: line.context,
    "output": lambda line: line.most_output,
    "input_price": lambda line: line.rates[0][1],
    "output_price": lambda line: line.rates[1][1],
    "cache_price": lambda line: line.rates[2][1],
    "requests": lambda line: line.requests or None,
    "cost": lambda line: line.cost_nano_usd,
    "first": lambda line: line.first_byte_us,
}


def _cut(lines: Sequence[Line], visit: Visit) -> tuple[tuple[Line, ...], str, str]:
    """Those of this page, and where those before and after it are: a page begins behind a name, or ends before one."""
    query, rows = visit.query, visit.most(ROWS)
    places = {line.name: place for place, line in enumerate(lines)}
    begin = places.get(query.get("after", ""), -1) + 1
    if query.get("before", "") in places:
        begin = max(places[query["before"]] - rows, 0)
    shown = tuple(lines[begin : begin + rows])
    newer = address(PATH, query, {"before": shown[0].name, "after": "", "said": ""}) if begin and shown else ""
    more = begin + rows < len(lines)
    return shown, newer, address(PATH, query, {"after": shown[-1].name, "before": "", "said": ""}) if more else ""


def _rates(place: int, name: str, head: str) -> Column:
    return Column(name, "money", head, lambda line: line.rates[place][1])


COLUMNS = (
    Column("provider"),
    Column("model"),
    Column("name", head="Model"),
    Column("said_by"),
    Column("can", "texts", "Can"),
    Column("context", "whole", "Context"),
    Column("max_output", "whole", "Output", lambda line: line.most_output),
    _rates(0, "input", "Input $"),
    _rates(1, "output", "Output $"),
    _rates(2, "cache_read", "Cached $"),
    Column("price_from", head="Price from", value=lambda line: line.source),
    Column("requests", "whole", "Requests"),
    Column("cost", "money", "Spend"),
    Column("estimated", "flag", value=lambda line: line.is_estimate),
    Column("unpriced_requests", "whole", value=lambda line: line.unpriced),
    Column("p50_first_byte_us", "whole", "First byte", lambda line: line.first_byte_us),
)
"""Prices are for a million tokens."""

PAGE_SPAN = "7d"

PAGE = Page(
    path=PATH,
    title="Models",
    summary="What there is to be asked for, what it can do and what it costs.",
    template="models.html",
    load=load,
    permissions=(models.READ,),
    group="Set up",
    icon="models",
    letter="m",
    span=PAGE_SPAN,
    tables=(Table(name="models", columns=COLUMNS, rows=lambda models: models.lines),),
)

ACTIONS = (Action("/models/refresh", PAGE, refresh),)
