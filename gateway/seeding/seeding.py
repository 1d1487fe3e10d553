"""The whole of it: the company, its history, and what it has spent by then.

Knows the order. Where the stores are, and whether they may be written to, is for the caller to know.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import sql
from gateway.captures.making import capture_of
from gateway.captures.places import folder_of, place_of
from gateway.captures.redaction import Redactor
from gateway.captures.sealed import seal as seal_capture
from gateway.captures.writing import write_whole
from gateway.credentials.vault import Vault
from gateway.management.office import Actor, Office
from gateway.records.captures import MARGIN
from gateway.settings.model import Settings
from gateway.unlock import make_captures_key
from gateway.usage.ingest import Task

from .history import Owned, Wish, Writes, parts
from .said import taken_of
from .settling import Settled, Use, in_those_days, limit, settle

Read = Callable[[str, Mapping[str, object]], Awaitable[list[dict[str, Any]]]]
"""The rows of a named statement of the analytics store."""


MOST_SAID = 300
"""Requests of which it is kept what was said, the newest."""

END_US = 4_102_444_800_000_000
"""Unix microseconds, later than whatever there is."""


class Store(Protocol):
    """The analytics store."""

    async def write(self, task: Task[None]) -> None:
        """Have this done on the writing connection."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where all of it goes."""

    office: Office
    actor: Actor
    """Who the audit log says it was."""
    store: Store
    read: Read


async def count(read: Read, until_us: int = END_US) -> int:
    """How many requests a store has, of the time before an instant. Raises ControlUnavailable."""
    (row,) = await read("demo/held", {"until_us": until_us})
    return int(row["requests"])


async def seed(places: Places, wish: Wish, told: Callable[[int], object]) -> Settled:
    """Make up a company and its history; `told` hears how many requests there are by now.

    Raises StateUnavailable, ControlUnavailable, Conflict, and what the store raises that cannot be written.
    """
    settled = await settle(in_those_days(places.office, wish.since_us), places.actor)
    await write(places, wish, settled.keys, told)
    return settled


async def write(
    places: Places, wish: Wish, keys: Mapping[str, Owned], told: Callable[[int], object], *, there: int = 0
) -> None:
    """A history, and budgets by what was spent. What was written of it before, `there` requests, is not again. Raises
    as `seed` does."""
    written = 0
    for part in parts(wish, keys):
        written += part.requests
        if written > there:
            await places.store.write(part.write)
            told(written)
    await keep_said(places, wish.until_us, [each.key_id for each in keys.values()])
    rows = await places.read("demo/spent", {"since_us": month_us(wish.until_us)})
    used = {row["key"]: Use(row["nano_usd"], row["last_us"]) for row in rows}
    await limit(places.office, places.actor, keys, used)


async def keep_said(places: Places, until_us: int, key_ids: Sequence[str | None]) -> None:
    """Keep what was said in the newest requests of these keys before an instant, sealed as what is captured is. Raises
    as `seed` does, and OSError."""
    asked = {"until_us": until_us, "key_ids": key_ids, "limit": MOST_SAID}
    rows = await places.read("demo/newest", asked)
    office = places.office
    settings = office.declared.settings
    key = await office.state.write(lambda session: make_captures_key(session, settings))
    await asyncio.to_thread(_seal, rows, settings, Vault(key))
    known = {
        "ids": [row["id"] for row in rows],
        "since_us": min((row["started_at_us"] for row in rows), default=until_us),
    }

    # Only then: no record tells of what is not there.
    def note(connection: Writes) -> None:
        connection.execute(sql.statement("demo/captured"), known)

    await places.store.write(note)


def _seal(rows: Sequence[Mapping[str, Any]], settings: Settings, vault: Vault) -> None:
    """In a thread of its own."""
    folder, capture = folder_of(Path(settings.server.data_dir)), settings.capture
    redactor, secret = Redactor(capture.redact), secrets.token_urlsafe(24).encode()
    for row in rows:
        taken = taken_of(row, secret, capture.max_bytes + MARGIN)
        write_whole(place_of(folder, taken.id), seal_capture(capture_of(taken, redactor, capture.max_bytes), vault))


def month_us(at_us: int) -> int:
    """The beginning of the calendar month (UTC) of an instant, both Unix microseconds."""
    at = datetime.fromtimestamp(at_us // 1_000_000, UTC)
    return round(at.replace(day=1, hour=0, minute=0, second=0).timestamp()) * 1_000_000
