"""Who changed the configuration, when, and what it was before: what the audit log says of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import quote

from gateway.management import audit
from gateway.management.audit import READ, AuditEntry, AuditFilter
from gateway.settings.instants import read_instant
from gateway.settings.stored import KINDS
from web.differing import Difference, differences
from web.filters import address
from web.frame import Choice
from web.page import Page, Site, Table, Visit
from web.pages.audit import COLUMNS, link_to
from web.pages.configuration import PATH, views_of

HERE = f"{PATH}/changes"

ROWS = 30

TRIED = "test"
"""Verb of what changes nothing: a probe."""

DONE = {"create": "made", "change": "changed", "delete": "deleted"}
"""What was done, by the verb of the action."""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change."""

    at_us: int
    who: str
    who_link: str
    done: str
    kind: str
    name: str
    link: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """What the template shows."""

    views: tuple[Choice, ...]
    rows: tuple[ChangeRow, ...]
    older: str
    newest: str


async def load(site: Site, visit: Visit) -> Changes:
    """The page's context."""
    before = visit.query.get("before") or None
    wanted = (AuditFilter(target_kind=kind, without=TRIED) for kind in KINDS)
    listed = await asyncio.gather(
        *(audit.list_entries(site.office, visit.person, each, after_id=before, limit=ROWS + 1) for each in wanted)
    )
    found = sorted((entry for entries in listed for entry in entries), key=lambda entry: entry.id, reverse=True)
    return Changes(
        views=views_of(visit),
        rows=tuple(map(_row, found[:ROWS])),
        older=address(HERE, {"before": found[ROWS - 1].id}) if len(found) > ROWS else "",
        newest=HERE if before else "",
    )


async def _every(site: Site, visit: Visit) -> list[AuditEntry]:
    """All there are, as the audit log has them."""
    found = [
        entry
        for kind in KINDS
        async for entry in audit.export_entries(site.office, visit.person, AuditFilter(target_kind=kind))
    ]
    return sorted(found, key=lambda entry: entry.id, reverse=True)


def _row(entry: AuditEntry) -> ChangeRow:
    verb = entry.action.rpartition(".")[2]
    return ChangeRow(
        at_us=read_instant(entry.at),
        who=entry.actor_name,
        who_link=link_to("user", entry.actor_id) if entry.actor_kind == "user" else "",
        done=DONE.get(verb, verb),
        kind=entry.target_kind,
        name=entry.target_name or entry.target_id or "",
        link=_link(entry),
        differences=differences(entry.before, entry.after),
    )


def _link(entry: AuditEntry) -> str:
    """Where it is shown; empty where it has no page."""
    if entry.target_kind == "setting":
        return f"{PATH}#{quote(entry.target_id or '', safe='')}"
    return link_to(entry.target_kind, entry.target_id)


PAGE = Page(
    path=HERE,
    title="Changes of the configuration",
    summary="Who changed what in the database, when, and what it was before. The file has a history of its own.",
    template="configuration_changes.html",
    load=load,
    permissions=(READ,),
    tables=(Table(name="changes", columns=COLUMNS, rows=list, load=_every),),
)
