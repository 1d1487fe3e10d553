"""Price overrides: what the operator says that models cost, which models that holds for, and what they cost without."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.management import configuration
from gateway.management.configured import PriceView
from gateway.management.models import ModelPrice, ModelView
from web.entries import SAID_BY, Entry, Source, mark, source_of
from web.filters import address
from web.forms import Problem
from web.frame import Choice
from web.objects import Editing, Objects
from web.page import Page, Site, Table, Visit
from web.pages.models import nano_usd, tabs_at
from web.tables import Column

PATH = "/models/prices"

ENTRIES = (
    Entry("model", "Model", help="provider/model; * is a wildcard. The first pattern that matches counts.",
          required=True),
    Entry("input", "Input", "number", "USD for a million tokens.", required=True),
    Entry("output", "Output", "number", "USD for a million tokens.", required=True),
    Entry("cache_read", "Cached input", "number", "Read from the provider's cache. Empty: as input."),
    Entry("request", "Each request", "number", "USD for each request beside its tokens.", is_rare=True),
    Entry("cache_write", "Input written to the cache", "number", "Empty: as input.", is_rare=True),
    Entry("cache_write_1h", "The same, for an hour", "number", "Empty: twice the input where the one above is said.",
          is_rare=True),
    Entry("reasoning", "Output spent on reasoning", "number", "Empty: as output.", is_rare=True),
    Entry("input_audio", "Input that is audio", "number", "Empty: as input.", is_rare=True),
    Entry("output_audio", "Output that is audio", "number", "Empty: as output.", is_rare=True),
    Entry("input_image", "Input that is images", "number", "Empty: as input.", is_rare=True),
    Entry("output_image", "Output that is images", "number", "Empty: as output.", is_rare=True),
    Entry("tiers", "Long prompts", "tiers", "One a line: tokens of prompt beyond which other prices hold, then those, "
          "such as 200000 input=2.5 output=15.", is_rare=True),
)  # fmt: skip
OBJECTS = Objects("price", PATH, ENTRIES)

MOST_NAMED = 20
"""Models that the tooltip of an override names."""


@dataclass(frozen=True, slots=True)
class Line:
    """An override."""

    name: str
    rates: tuple[int | None, ...]
    """Nano-USD for a million tokens of input, output and cache."""
    notes: tuple[str, ...]
    covers: int
    covered: str
    """Names of models that it holds for."""
    instead: str
    """The row of the registry that it takes the place of; of several models that of the first."""
    instead_rates: tuple[int, int] | None
    source: Source
    mark: str
    edit: str


@dataclass(frozen=True, slots=True)
class Prices:
    """What the template shows."""

    tabs: tuple[Choice, ...]
    lines: tuple[Line, ...]
    unpriced: int
    """How many models have no price."""
    picked: str
    may_write: bool
    objects: Objects
    editing: Editing | None
    new: Mapping[str, str]
    is_asked: bool
    """Whether the address asks for the form of a new one."""
    problem: Problem | None


async def load(site: Site, visit: Visit) -> Prices:
    """The page's context."""
    found, models = await asyncio.gather(
        configuration.list_objects(site.office, visit.person, "price"), site.around.foresight.models(visit.person)
    )
    views = [view for view in found if isinstance(view, PriceView)]
    return Prices(
        tabs=tabs_at(PATH),
        lines=_lines(site, visit, views, models),
        unpriced=sum(model.price is None for model in models),
        picked=visit.query.get("at", ""),
        may_write=visit.person.may(configuration.WRITE),
        objects=OBJECTS,
        editing=OBJECTS.editing(visit, views),
        new=OBJECTS.new(visit),
        is_asked="model" in visit.query or not views,
        problem=visit.problem,
    )


def _lines(site: Site, visit: Visit, views: Sequence[PriceView], models: Sequence[ModelView]) -> tuple[Line, ...]:
    left, lines = list(models), []
    for view in views:
        held = [model for model in left if fnmatchcase(f"{model.provider}/{model.model}", view.model)]
        left = [model for model in left if not fnmatchcase(f"{model.provider}/{model.model}", view.model)]
        names = [(model.provider, model.model) for model in held] or [_named(view.model)]
        former = site.around.foresight.listed_price(visit.person, *names[0])
        lines.append(_line(view, [f"{model.provider}/{model.model}" for model in held], former))
    return tuple(lines)


def _named(pattern: str) -> tuple[str, str]:
    provider, _, model = pattern.partition("/")
    return provider, model


def _line(view: PriceView, covered: Sequence[str], former: ModelPrice | None) -> Line:
    rates = (view.input, view.output, view.cache_read)
    more = f", and {len(covered) - MOST_NAMED} more" if len(covered) > MOST_NAMED else ""
    return Line(
        name=view.model,
        rates=tuple(None if rate is None else nano_usd(rate) for rate in rates),
        notes=tuple(_notes(view)),
        covers=len(covered),
        covered=", ".join(covered[:MOST_NAMED]) + more,
        instead=former.source if former is not None else "",
        instead_rates=None if former is None else (nano_usd(former.input), nano_usd(former.output)),
        source=source_of(view.managed),
        mark=mark(view.model),
        edit=address(PATH, {"edit": view.model}),
    )


def _notes(view: PriceView) -> list[str]:
    said = [f"${view.request:g} a request"] if view.request else []
    rare = (each for each in ENTRIES if each.is_rare and each.kind == "number" and each.name != "request")
    others = [each.label.lower() for each in rare if getattr(view, each.name) is not None]
    return [*said, *others, *(f"above {tier.above:,} tokens" for tier in view.tiers)]


def _rate(place: int, name: str, head: str) -> Column:
    return Column(name, "money", head, lambda line: line.rates[place])


def _instead(place: int, name: str) -> Column:
    return Column(name, "money", "In place of", lambda line: line.instead_rates and line.instead_rates[place])


COLUMNS = (
    Column("model", head="Model", value=lambda line: line.name),
    _rate(0, "input", "Input $"),
    _rate(1, "output", "Output $"),
    _rate(2, "cache_read", "Cached $"),
    Column("notes", "texts", "Beside that"),
    Column("holds_for", "whole", "Holds for", lambda line: line.covers),
    Column("in_place_of", head="In place of", value=lambda line: line.instead),
    _instead(0, "former_input"),
    _instead(1, "former_output"),
    *SAID_BY,
)
"""Prices are for a million tokens."""

PAGE = Page(
    path=PATH,
    title="Prices",
    summary="What the registry does not know, or you know better: your word on what models cost.",
    template="prices.html",
    load=load,
    permissions=(configuration.READ,),
    tables=(Table(name="prices", columns=COLUMNS, rows=lambda prices: prices.lines),),
)

ACTIONS = OBJECTS.actions(PAGE)
