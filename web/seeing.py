"""Whose requests somebody may see, and what to call those who made them."""

from __future__ import annotations

from gateway.management import keys
from gateway.management.office import Actor
from web.page import Site, Visit

EVERYBODYS = "usage:read"
OWN = "usage:own"


async def visible_keys(site: Site, visit: Visit) -> tuple[str, ...] | None:
    """Ids of the keys whose requests whoever looks may see; None for all. Raises StateUnavailable."""
    return await keys_of(site, visit.person)


async def keys_of(site: Site, actor: Actor) -> tuple[str, ...] | None:
    """The same of somebody."""
    if actor.may(EVERYBODYS):
        return None
    if actor.kind == "key":
        return (actor.id or "",)
    return tuple(await keys.ids_of(site.office, actor))
