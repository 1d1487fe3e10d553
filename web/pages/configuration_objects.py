"""Everything configured that has a name: providers, credentials, aliases, combos, prices and limits.

Of the file and of the database, with versions, and what of it is left out and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from gateway.management import configuration
from gateway.management.configuration import READ
from gateway.management.configured import NAMED, View
from gateway.settings.instants import read_instant
from gateway.settings.stored import Kind
from web.display import State
from web.filters import Chip, address
from web.frame import Choice
from web.page import Page, Site, Table, Visit
from web.pages.audit import link_to
from web.pages.configuration import LONGEST_WORD, PATH, views_of
from web.settled import SOURCES, Source, source_of
from web.tables import Column

HERE = f"{PATH}/objects"

WORDS: Mapping[str, str] = MappingProxyType({"search": "Name", "kind": "Kind", "origin": "Said by"})


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """One object."""

    kind: Kind
    name: str
    link: str
    source: Source
    origin: str
    version: int | None
    changed_us: int | None
    state: State
    problem: str


@dataclass(frozen=True, slots=True)
class Objects:
    """What the template shows."""

    views: tuple[Choice, ...]
    rows: tuple[ObjectRow, ...]
    total: int
    asked: Mapping[str, str]
    kinds: tuple[str, ...]
    origins: tuple[str, ...]
    chips: tuple[Chip, ...]
    clear: str
    odd: tuple[str, ...]


async def load(site: Site, visit: Visit) -> Objects:
    """The page's context."""
    known = {"kind": tuple(NAMED), "origin": tuple(SOURCES)}
    words = {word: visit.query.get(word, "").strip()[:LONGEST_WORD] for word in WORDS}
    odd = [word for word, text in words.items() if text and text not in known.get(word, (text,))]
    asked = {word: text for word, text in words.items() if text and word not in odd}
    found = await configuration.list_everything(site.office, visit.person)
    rows = [_row(kind, view) for kind, views in found.items() for view in views]
    return Objects(
        views=views_of(visit),
        rows=tuple(row for row in rows if _is_wanted(row, asked)),
        total=len(rows),
        asked=asked,
        kinds=known["kind"],
        origins=tuple(source for source in SOURCES if source != "default"),
        chips=tuple(Chip(word, WORDS[word], text, address(HERE, asked, {word: ""})) for word, text in asked.items()),
        clear=HERE,
        odd=tuple(WORDS[word] for word in odd),
    )


def _is_wanted(row: ObjectRow, asked: Mapping[str, str]) -> bool:
    return (
        asked.get("search", "").lower() in row.name.lower()
        and asked.get("kind", row.kind) == row.kind
        and asked.get("origin", row.source) == row.source
    )


def _row(kind: Kind, view: View) -> ObjectRow:
    managed, name = view.managed, _name(kind, view)
    return ObjectRow(
        kind=kind,
        name=name,
        link=link_to(kind, name),
        source=source_of(managed),
        origin=managed.origin or "",
        version=view.version,
        changed_us=None if managed.updated_at is None else read_instant(managed.updated_at),
        state=_state(managed.problem, managed.hidden),
        problem=managed.problem or ("The configuration file says it too, and wins." if managed.hidden else ""),
    )


def _name(kind: Kind, view: View) -> str:
    said: tuple[Any, ...] = tuple(getattr(view, field) for field in NAMED[kind])
    return "/".join(map(str, said))


def _state(problem: str | None, is_hidden: bool) -> State:
    if problem:
        return State("left out", "bad")
    return State("hidden", "warning") if is_hidden else State("in force", "good")


COLUMNS = (
    Column("name", head="Name"),
    Column("kind", head="Kind"),
    Column("state", head="State", value=lambda row: row.state.word),
    Column("problem", head="State"),
    Column("said_by", head="Said by", value=lambda row: row.source),
    Column("where", head="Said by", value=lambda row: row.origin),
    Column("version", "whole", "Version"),
    Column("changed_at", "moment", "Changed", lambda row: row.changed_us),
)

PAGE = Page(
    path=HERE,
    title="Configured objects",
    summary="Providers, credentials, aliases, combos, prices and limits, of the file and of the database.",
    template="configuration_objects.html",
    load=load,
    permissions=(READ,),
    tables=(Table(name="objects", columns=COLUMNS, rows=lambda objects: objects.rows),),
)
