"""The audit log over HTTP."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, json

from gateway.management import audit
from gateway.management.audit import AuditEntry, AuditFilter
from gateway.management.office import Office

from .operation import Asked, Document, Operation
from .paging import Page, PageQuery, cut
from .schemas import Id, Instant, Name, Query, microseconds

TAG = "audit"
NDJSON = "application/x-ndjson"

ActorKind = Annotated[Name, Meta(description="`user`, `token`, `operator` (the command line) or `system`.")]
Actor = Annotated[Name, Meta(description="Part of the name of whoever changed something.")]
Action = Annotated[Name, Meta(description="Such as `key.create`; `key` is all that begin with it.")]
Target = Annotated[Name, Meta(description="Part of the name of what was changed, or its id.")]


class ExportQuery(Query, frozen=True, kw_only=True):
    """Which changes, all of them at once."""

    actor_id: Id | None = None
    actor_kind: ActorKind | None = None
    actor: Actor | None = None
    action: Action | None = None
    target_kind: Name | None = None
    target_id: Name | None = None
    target: Target | None = None
    since: Instant | None = None
    until: Instant | None = None


class AuditQuery(PageQuery, frozen=True, kw_only=True):
    """Which changes."""

    actor_id: Id | None = None
    actor_kind: ActorKind | None = None
    actor: Actor | None = None
    action: Action | None = None
    target_kind: Name | None = None
    target_id: Name | None = None
    target: Target | None = None
    since: Instant | None = None
    until: Instant | None = None


def wanted(query: AuditQuery | ExportQuery) -> AuditFilter:
    """The filter that a question means."""
    said = {name: getattr(query, name) for name in AuditFilter.__struct_fields__ if name in query.__struct_fields__}
    since, until = (None if at is None else microseconds(at) for at in (query.since, query.until))
    return AuditFilter(**said, since_us=since, until_us=until)


async def list_changes(asked: Asked[Office, None, AuditQuery]) -> Page[AuditEntry]:
    """Latest first."""
    query, after = asked.query, asked.query.after(str)
    after_id = None if after is None else str(after[0])
    found = await audit.list_entries(asked.office, asked.actor, wanted(query), after_id=after_id, limit=query.fetched)
    return cut(found, query, lambda entry: (entry.id,), lambda entry: entry)


async def export_changes(asked: Asked[Office, None, ExportQuery]) -> Document:
    """Every change, latest first, one a line."""
    entries = audit.export_entries(asked.office, asked.actor, wanted(asked.query))
    return Document(b"".join([json.encode(entry) + b"\n" async for entry in entries]))


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/audit",
        id="list_changes",
        summary="List changes",
        description="Who changed what, from where, before and after, latest first. Secrets are shown as fingerprints.",
        tag=TAG,
        permission=audit.READ,
        query=AuditQuery,
        answer=AuditEntry,
        paged=True,
        run=list_changes,
    ),
    Operation(
        method="GET",
        path="/api/audit/export",
        id="export_changes",
        summary="Export the audit log",
        description="Every change that is asked for as lines of JSON, latest first.",
        tag=TAG,
        permission=audit.READ,
        query=ExportQuery,
        media_type=NDJSON,
        run=export_changes,
    ),
)
