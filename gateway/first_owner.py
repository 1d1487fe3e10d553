"""The link that makes the first owner of a gateway, for as long as no owner can log in.

Imported by the supervisor only where it is needed: it brings along what the supervisor has no other use for.
"""

from __future__ import annotations

from gateway.management import invitations, links
from gateway.management.office import Actor, Declared
from gateway.management.opened import open_office
from gateway.settings.model import Settings

ACTOR = Actor(kind="system", name="start", permissions=frozenset({"people:owner"}))


async def invite(settings: Settings, url: str) -> str:
    """A line with the link, which makes earlier ones void; empty where an owner can log in. `url` is where the gateway
    answers. Raises StateUnusable, KeyUnusable, StateUnavailable."""
    async with open_office(Declared(settings, {})) as office:
        link = await invitations.make_setup_link(office, ACTOR)
    if link is None:
        return ""
    start = settings.server.public_url.rstrip("/") or url
    until = link.expires_at[:16].replace("T", " ")
    return f"Set up: {start}{links.path_of(link)} makes the first owner, once, until {until} UTC"
