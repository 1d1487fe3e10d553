"""The whole of it: the company, its history, and what it has spent by then.

Knows the order. Where the stores are, and whether they may be written to, is for the caller to know.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from gateway.management.office import Actor, Office
from gateway.usage.ingest import Task

from .history import Owned, Wish, parts
from .settling import Settled, Use, in_those_days, limit, settle

Read = Callable[[str, Mapping[str, object]], Awaitable[list[dict[str, Any]]]]
"""The rows of a named statement of the analytics store."""


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
    rows = await places.read("demo/spent", {"since_us": month_us(wish.until_us)})
    used = {row["key"]: Use(row["nano_usd"], row["last_us"]) for row in rows}
    await limit(places.office, places.actor, keys, used)


def month_us(at_us: int) -> int:
    """The beginning of the calendar month (UTC) of an instant, both Unix microseconds."""
    at = datetime.fromtimestamp(at_us // 1_000_000, UTC)
    return round(at.replace(day=1, hour=0, minute=0, second=0).timestamp()) * 1_000_000
