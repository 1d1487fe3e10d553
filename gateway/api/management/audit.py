"""The audit log over HTTP."""

from __future__ import annotations

from msgspec import json

from gateway.management import audit
from gateway.management.audit import AuditEntry, AuditFilter
from gateway.management.office import Office

from .operation import Asked, Document, Operation
from .paging import Page, PageQuery, cut
from .schemas import Id, Instant, Name, Query, microseconds

TAG = "audit"
NDJSON = "application/x-ndjson"


class AuditQuery(PageQuery, frozen=True, kw_only=True):
    """Which changes."""

    actor_id: Id | None = None
    action: Name | None = None
    target_kind: Name | None = None
    target_id: Name | None = None
    since: Instant | None = None
    until: Instant | None = None


class ExportQuery(Query, frozen=True, kw_only=True):
    """Which changes, by time."""

    since: Instant | None = None
    until: Instant | None = None


def wanted(query: AuditQuery | ExportQuery) -> AuditFilter:
    """The filter that a question means."""
    times = {
        name: None if at is None else microseconds(at) for name, at in (("since", query.since), ("until", query.until))
    }
    if isinstance(query, ExportQuery):
        return AuditFilter(since_us=times["since"], until_us=times["until"])
    return AuditFilter(
        actor_id=query.actor_id,
        action=query.action,
        target_kind=query.target_kind,
        target_id=query.target_id,
        since_us=times["since"],
        until_us=times["until"],
    )


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
        description="Every change in the time asked for as lines of JSON, latest first.",
        tag=TAG,
        permission=audit.READ,
        query=ExportQuery,
        media_type=NDJSON,
        run=export_changes,
    ),
)
