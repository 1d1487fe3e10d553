"""Requests as a list, a page at a time, and one of them by its id.

Knows where a page begins and ends, and what an id tells of the time. Does not know who asks, nor how rows are shown: a
filter says whose requests may be seen, and reading is handed in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from .chosen import Filter

PAGE_ROWS = 50

LEEWAY_US = 1_000_000
"""How far the moment in an id may be from when the request was seen. Ours are the same to the millisecond."""

LONGEST_MOMENT = 16
"""Digits of microseconds, until the year 2286."""

Row = dict[str, Any]

Read = Callable[[str, Mapping[str, object]], Awaitable[list[Row]]]
"""The rows of a named statement of the analytics store."""


class Place(NamedTuple):
    """Where in the list a request stands."""

    started_at_us: int
    id: str

    def __str__(self) -> str:
        """As addresses have it: `1795219200000000_0192f0e1-…`."""
        return f"{self.started_at_us}_{self.id}"


class Page(NamedTuple):
    """Some requests, newest first."""

    rows: list[Row]
    newer: Place | None
    """Behind which newer ones begin; None where there are none."""
    older: Place | None
    """The same of older ones."""


def read_place(text: str) -> Place | None:
    """What `str` of a place says; None for anything else."""
    moment, _, name = text.partition("_")
    if not (moment.isascii() and moment.isdecimal() and len(moment) <= LONGEST_MOMENT):
        return None
    id = _uuid(name)  # noqa: A001
    return None if id is None else Place(int(moment), str(id))


async def newest(read: Read, chosen: Filter, *, rows: int = PAGE_ROWS) -> Page:
    """The first page."""
    return await _downwards(read, chosen, None, rows)


async def older(read: Read, chosen: Filter, than: Place, *, rows: int = PAGE_ROWS) -> Page:
    """The page behind this place."""
    return await _downwards(read, chosen, than, rows)


async def newer(read: Read, chosen: Filter, than: Place, *, rows: int = PAGE_ROWS) -> Page:
    """The page before this place; the first one where no more than a page has come since, so that none is short."""
    parameters = {"filter": chosen.parameter(), "after_us": than.started_at_us, "after_id": than.id, "limit": rows + 1}
    places = [_place(row) for row in await read("requests/places_after", parameters)]
    # The page is the one behind whatever comes after it.
    return await _downwards(read, chosen, places[rows] if len(places) > rows else None, rows)


async def one(read: Read, id: UUID, *, key_ids: Collection[str] | None = None) -> Row | None:  # noqa: A002
    """All that is known of a request; None where there is none, or it is of none of these keys."""
    moment_us = (id.int >> 80) * 1000
    parameters = {
        "id": id,
        "since_us": max(moment_us - LEEWAY_US, 0),
        "until_us": moment_us + LEEWAY_US,
        "key_ids": None if key_ids is None else list(key_ids),
    }
    return next(iter(await read("requests/one", parameters)), None)


async def named(read: Read, name: str, *, key_ids: Collection[str] | None = None) -> str | None:
    """The id of the one request that is meant by an id, ours or its provider's; None where that is of none, of several,
    or of none of these keys."""
    id = _uuid(name)  # noqa: A001
    if id is not None and (row := await one(read, id, key_ids=key_ids)) is not None:
        return str(row["id"])
    asked = {"name": name, "key_ids": None if key_ids is None else list(key_ids)}
    found = await read("requests/called", asked)
    return str(found[0]["id"]) if len(found) == 1 else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def _downwards(read: Read, chosen: Filter, than: Place | None, rows: int) -> Page:
    before_us, before_id = than or (None, None)
    parameters = {"filter": chosen.parameter(), "before_us": before_us, "before_id": before_id, "limit": rows + 1}
    found = await read("requests/listed", parameters)
    shown = found[:rows]
    first = _place(shown[0]) if than is not None and shown else than
    return Page(shown, first, _place(shown[-1]) if len(found) > rows else None)


def _place(row: Row) -> Place:
    return Place(row["started_at_us"], row["id"])
