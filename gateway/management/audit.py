"""Who changed what: the audit log, to be read. Only `Change.note` writes it, and nothing deletes from it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from msgspec import Meta, Struct, structs

from gateway.management.office import Actor, Office
from gateway.settings.instants import Moment, write_instant
from gateway.store.session import Row

READ = "audit:read"

EXPORTED_AT_ONCE = 500
"""Entries read in one go, so that nobody waits long for it."""


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One change."""

    id: str
    at: Moment
    actor_kind: Annotated[str, Meta(description="`user`, `token`, `operator` (the command line) or `system`.")]
    actor_id: str | None
    actor_name: str
    address: Annotated[str | None, Meta(description="Where the request came from.")]
    action: Annotated[str, Meta(description="Such as `key.create`.")]
    target_kind: str
    target_id: str | None
    target_name: str | None
    before: Annotated[dict[str, Any] | None, Meta(description="Secrets as fingerprints.")]
    after: dict[str, Any] | None


class ChangeNoted(Struct, frozen=True, kw_only=True):
    """What of a change is said in a word or two."""

    at_us: int
    actor_name: str
    action: str
    target_kind: str
    target_name: str | None


class AuditFilter(Struct, frozen=True, kw_only=True):
    """Which changes are asked for."""

    actor_id: str | None = None
    actor_kind: str | None = None
    actor: str | None = None
    """Part of the name of whoever changed something, in whatever case."""
    action: str | None = None
    """One, such as `key.create`, or what several begin with: `key`."""
    without: str | None = None
    """What actions that are left out end with, such as `test`: to try something out changes nothing."""
    target_kind: str | None = None
    target_id: str | None = None
    target: str | None = None
    """Part of the name of what was changed, in whatever case, or its whole id."""
    since_us: int | None = None
    until_us: int | None = None


async def list_entries(
    office: Office, actor: Actor, wanted: AuditFilter, *, after_id: str | None, limit: int
) -> list[AuditEntry]:
    """Changes, latest first, older than `after_id`. Raises NotPermitted."""
    actor.require(READ)
    parameters = {**structs.asdict(wanted), "before_id": after_id, "limit": limit}
    return [_entry(row) for row in await office.read(lambda session: session.rows("audit/listed", parameters))]


async def changes_of(office: Office, actor: Actor, since_us: int, until_us: int, limit: int) -> list[ChangeNoted]:
    """Changes of a time to what requests go by, latest first. Raises NotPermitted, StateUnavailable."""
    actor.require(READ)
    parameters = {"since_us": since_us, "until_us": until_us, "limit": limit}
    rows = await office.read(lambda session: session.rows("audit/changes", parameters))
    return [ChangeNoted(at_us=row["at"], **{name: row[name] for name in row if name != "at"}) for row in rows]


async def export_entries(office: Office, actor: Actor, wanted: AuditFilter) -> AsyncIterator[AuditEntry]:
    """Every change, latest first, some at a time. Raises NotPermitted."""
    after_id: str | None = None
    while entries := await list_entries(office, actor, wanted, after_id=after_id, limit=EXPORTED_AT_ONCE):
        for entry in entries:
            yield entry
        after_id = entries[-1].id


def _entry(row: Row) -> AuditEntry:
    told = {name: None if row[name] is None else orjson.loads(row[name]) for name in ("before", "after")}
    return AuditEntry(**{**row, **told, "at": write_instant(row["at"])})
