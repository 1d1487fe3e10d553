"""Aliases: other names for models, where they lead, and how often they are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.management import configuration
from gateway.management.configured import AliasView
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

PATH = "/models/aliases"

ENTRIES = (
    Entry("name", "Name", help="What clients may ask for; one * stands for anything.", required=True),
    Entry(
        "target",
        "Leads to",
        help="provider/model, a combo or another alias; a * in it is what stood for the * of the name.",
        required=True,
    ),
)
OBJECTS = Objects("alias", PATH, ENTRIES)


@dataclass(frozen=True, slots=True)
class Line:
    """An alias."""

    name: str
    target: str
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
class Aliases:
    """What the template shows."""

    tabs: tuple[Choice, ...]
    lines: tuple[Line, ...]
    picked: str
    """The row that was just made or changed."""
    may_write: bool
    objects: Objects
    editing: Editing | None
    new: Mapping[str, str]
    problem: Problem | None
    notes: tuple[Note, ...]
    """What the figures lack."""


async def load(site: Site, visit: Visit) -> Aliases:
    """The page's context."""
    found, (used, notes) = await asyncio.gather(
        configuration.list_objects(site.office, visit.person, "alias"), names_used(site, visit, PAGE_SPAN)
    )
    views = [view for view in found if isinstance(view, AliasView)]
    return Aliases(
        tabs=tabs_at(PATH),
        lines=tuple(_line(view, used.get(view.name), visit) for view in views),
        picked=visit.query.get("at", ""),
        may_write=visit.person.may(configuration.WRITE),
        objects=OBJECTS,
        editing=OBJECTS.editing(visit, views),
        new=OBJECTS.new(visit),
        problem=visit.problem,
        notes=notes,
    )


def _line(view: AliasView, row: Row | None, visit: Visit) -> Line:
    return Line(
        name=view.name,
        target=view.target,
        source=source_of(view.managed),
        requests=row["requests"] if row else 0,
        cost_nano_usd=row["cost_nano_usd"] if row else None,
        is_estimate=bool(row and row["estimated"]),
        mark=mark(view.name),
        link=address("/requests", visit.span_or(PAGE_SPAN).query, {"asked": view.name}),
        edit=address(PATH, {"edit": view.name}),
        where=address("/models/where", {"model": view.name}) if "*" not in view.name else "",
    )


COLUMNS = (
    Column("name", head="Name"),
    Column("target", head="Leads to"),
    Column("requests", "whole", "Requests"),
    Column("cost", "money", "Spend"),
    *SAID_BY,
)

PAGE = Page(
    path=PATH,
    title="Aliases",
    summary="Other names for models, so that clients need not know where they are.",
    template="aliases.html",
    load=load,
    permissions=(configuration.READ,),
    span=PAGE_SPAN,
    tables=(Table(name="aliases", columns=COLUMNS, rows=lambda aliases: aliases.lines),),
)

ACTIONS = OBJECTS.actions(PAGE)
