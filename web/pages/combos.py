"""Combos: lists of models under one name, in which order they are tried, and how each of them stands."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from gateway.management import configuration, rests
from gateway.management.configured import ComboView
from gateway.management.rests import RestView
from gateway.records import Provider
from gateway.settings.instants import read_instant
from gateway.settings.section import ComboStrategy, Fault
from web.display import State
from web.entries import SAID_BY, Entry, Source, mark, source_of
from web.filters import address
from web.forms import Problem
from web.frame import Choice
from web.objects import Editing, Objects
from web.page import Page, Site, Table, Visit
from web.pages.models import PAGE_SPAN, Row, tabs_at
from web.reach import Note
from web.tables import Column
from web.used import names_used

PATH = "/models/combos"

FAULTS = ", ".join(get_args(Fault))
ENTRIES = (
    Entry("name", "Name", help="What clients may ask for.", required=True),
    Entry(
        "targets", "Targets", "lines", "One a line, in order: provider/model, an alias or another combo.", required=True
    ),
    Entry(
        "strategy",
        "Strategy",
        "choice",
        "fallback tries them in order; the others pick the one to begin with.",
        required=True,
        words=get_args(ComboStrategy),
    ),
    Entry("weights", "Weights", "numbers", "With weighted: the share of each target, such as 3, 1.", is_rare=True),
    Entry("attempts", "Most attempts", "whole", "For one request, from 1 to 16; empty as for all.", is_rare=True),
    Entry(
        "hedge_ms",
        "Ask the next one after",
        "whole",
        "Milliseconds without a first token; the one that is slower is given up. Empty: not.",
        is_rare=True,
    ),
    Entry(
        "next_on",
        "Go on after",
        "words",
        f"Failures after which the next target is tried although the request seems to be at fault. Of {FAULTS}.",
        is_rare=True,
    ),
    Entry(
        "stop_on",
        "Stop at",
        "words",
        "Failures that are the answer, although another target might do better. Of the same.",
        is_rare=True,
    ),
)
OBJECTS = Objects("combo", PATH, ENTRIES)


@dataclass(frozen=True, slots=True)
class Aim:
    """One target of a combo."""

    name: str
    state: State
    until_us: int | None
    weight: int | None
    link: str


@dataclass(frozen=True, slots=True)
class Line:
    """A combo."""

    name: str
    strategy: str
    aims: tuple[Aim, ...]
    notes: tuple[str, ...]
    source: Source
    requests: int
    cost_nano_usd: int | None
    is_estimate: bool
    """Whether the use of any of its requests is an estimate."""
    mark: str
    link: str
    edit: str
    where: str


@dataclass(frozen=True, slots=True)
class Combos:
    """What the template shows."""

    tabs: tuple[Choice, ...]
    lines: tuple[Line, ...]
    picked: str
    may_write: bool
    objects: Objects
    editing: Editing | None
    new: Mapping[str, str]
    problem: Problem | None
    notes: tuple[Note, ...]
    """What the figures lack."""


@dataclass(frozen=True, slots=True)
class Standings:
    """By what one tells how targets stand."""

    providers: Mapping[str, Provider]
    resting: Sequence[RestView]
    names: frozenset[str]
    """Of aliases and combos."""


async def load(site: Site, visit: Visit) -> Combos:
    """The page's context."""
    combos, aliases, (used, said) = await asyncio.gather(
        configuration.list_objects(site.office, visit.person, "combo"),
        configuration.list_objects(site.office, visit.person, "alias"),
        names_used(site, visit, PAGE_SPAN),
    )
    views = [view for view in combos if isinstance(view, ComboView)]
    standings = Standings(
        {provider.id: provider for provider in site.around.providers},
        rests.list_rests(visit.person, site.around.providers, site.around.pools, visit.now_us),
        frozenset(getattr(view, "name", "") for view in (*combos, *aliases)),
    )
    return Combos(
        tabs=tabs_at(PATH),
        lines=tuple(_line(view, standings, used.get(view.name), visit) for view in views),
        picked=visit.query.get("at", ""),
        may_write=visit.person.may(configuration.WRITE),
        objects=OBJECTS,
        editing=OBJECTS.editing(visit, views),
        new={**OBJECTS.new(visit), "strategy": OBJECTS.new(visit)["strategy"] or "fallback"},
        problem=visit.problem,
        notes=said,
    )


def _line(view: ComboView, standings: Standings, row: Row | None, visit: Visit) -> Line:
    weights = view.weights or (None,) * len(view.targets)
    return Line(
        name=view.name,
        strategy=view.strategy,
        aims=tuple(aim_of(target, weight, standings) for target, weight in zip(view.targets, weights, strict=False)),
        notes=tuple(_notes(view)),
        source=source_of(view.managed),
        requests=row["requests"] if row else 0,
        cost_nano_usd=row["cost_nano_usd"] if row else None,
        is_estimate=bool(row and row["estimated"]),
        mark=mark(view.name),
        link=address("/requests", visit.span_or(PAGE_SPAN).query, {"asked": view.name}),
        edit=address(PATH, {"edit": view.name}),
        where=address("/models/where", {"model": view.name}),
    )


def _notes(view: ComboView) -> list[str]:
    said = {
        "at most {} attempts": view.attempts,
        "the next is asked after {} ms": view.hedge_ms,
        "goes on after {}": ", ".join(view.next_on),
        "stops at {}": ", ".join(view.stop_on),
    }
    return [text.format(value) for text, value in said.items() if value]


def aim_of(target: str, weight: int | None, standings: Standings) -> Aim:
    """How a target stands: as a whole, and each credential that it could be asked with."""
    provider_id, _, model = target.partition("/")
    provider = standings.providers.get(provider_id)
    if target in standings.names or provider is None or not model:
        known = target in standings.names
        return Aim(target, State("by its own list" if known else "nobody serves it", "neutral" if known else "bad"),
                   None, weight, "")  # fmt: skip
    state, until = _standing(provider, model, [rest for rest in standings.resting if rest.provider == provider_id])
    return Aim(target, state, until, weight, f"/providers/{provider_id}")


def _standing(provider: Provider, model: str, resting: Sequence[RestView]) -> tuple[State, int | None]:
    whole = [rest for rest in resting if rest.kind == "target" and rest.model == model]
    of_credentials = {
        rest.credential: rest for rest in resting if rest.kind != "target" and rest.hard and rest.model in (None, model)
    }
    if whole:
        return State(f"rests: {whole[0].reason}", "bad"), read_instant(whole[0].until)
    if not of_credentials:
        return State("well", "good"), None
    ends = min(read_instant(rest.until) for rest in of_credentials.values())
    every = max(len(provider.credentials), 1)
    if len(of_credentials) >= every:
        return State(f"rests: {next(iter(of_credentials.values())).reason}", "bad"), ends
    return State(f"{len(of_credentials)} of {every} credentials rest", "warning"), ends


COLUMNS = (
    Column("name", head="Name"),
    Column("strategy", head="Strategy"),
    Column("notes", "texts", "Strategy"),
    Column("targets", "texts", "Targets, in order", lambda line: [aim.name for aim in line.aims]),
    Column("states", "texts", "Targets, in order", lambda line: [aim.state.word for aim in line.aims]),
    Column("weights", "wholes", "Targets, in order", lambda line: [aim.weight for aim in line.aims]),
    Column("requests", "whole", "Requests"),
    Column("cost", "money", "Spend"),
    *SAID_BY,
)
"""Lists are in the order of the targets."""

PAGE = Page(
    path=PATH,
    title="Combos",
    summary="Lists of models under one name: the next one answers where one cannot.",
    template="combos.html",
    load=load,
    permissions=(configuration.READ,),
    span=PAGE_SPAN,
    tables=(Table(name="combos", columns=COLUMNS, rows=lambda combos: combos.lines),),
)

ACTIONS = OBJECTS.actions(PAGE)
