"""What one-time links are for: the first owner is made with one, and people choose a password with one.

Knows when there may be a first owner: as long as no owner can log in. Whoever has the link needs to show nothing else,
so it is told to the operator only, or to whom an admin gives it.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from gateway.access import passwords
from gateway.access.invitations import Purpose, digest_of
from gateway.errors import Conflict
from gateway.management import links, people, sessions
from gateway.management.hashing import THREADS
from gateway.management.links import LinkView
from gateway.management.office import Actor, Change, Office, Subject
from gateway.management.people import Email, Name, NewUser
from gateway.management.sessions import Started, Visit
from gateway.settings.instants import write_instant
from gateway.settings.section import Section
from gateway.store.session import Row, Session

NOBODY = ""
"""Id that no user has."""


class FirstOwner(Section, frozen=True, kw_only=True):
    """The first owner, made by whoever has the setup link."""

    secrets = frozenset({"token", "password"})

    token: Annotated[str, Meta(description="What the setup link carries.")]
    email: Email
    name: Name = ""
    password: Annotated[str, Meta(description="Their password.")]


class ChosenPassword(Section, frozen=True, kw_only=True):
    """A password, chosen by whoever has a link for it."""

    secrets = frozenset({"token", "password"})

    token: Annotated[str, Meta(description="What the link carries.")]
    password: Annotated[str, Meta(description="The password as it is to be.")]


class PresentedLink(Struct, frozen=True, kw_only=True):
    """A link that works, as whoever has it may see it."""

    purpose: Purpose
    email: Annotated[str | None, Meta(description="Of the user whom it is for.")]
    expires_at: Annotated[str, Meta(description="Instant from which it no longer works.")]


async def needs_owner(office: Office) -> bool:
    """Whether no owner can log in, as before the first one is made."""
    return not await office.read(_has_owner)


async def make_setup_link(office: Office, actor: Actor) -> LinkView | None:
    """The link that makes the first owner, for 24 hours; earlier ones are void. None where an owner can log in.

    Raises NotPermitted.
    """
    actor.require("people:owner")

    def perform(change: Change) -> LinkView | None:
        if _has_owner(change.session):
            return None
        link = links.issue(change, office.secrets.keys, "setup", None)
        change.note("setup.link", Subject("setup"), after={"expires_at": link.expires_at})
        return link

    return await office.change(actor, perform)


async def look_at_link(office: Office, purpose: Purpose, token: str) -> PresentedLink:
    """What a link is for, without using it. Raises UnknownResource for one that does not work."""
    digest, now_us = digest_of(token, office.secrets.keys), office.now_us
    row = await office.read(lambda session: links.presented(session, digest, purpose, now_us))
    return PresentedLink(purpose=purpose, email=row["email"], expires_at=write_instant(row["expires_at"]))


async def make_first_owner(office: Office, wish: FirstOwner, visit: Visit) -> Started:
    """The first owner, logged in. Raises UnknownResource for a link that does not work, Unacceptable, Conflict."""
    await look_at_link(office, "setup", wish.token)
    owner = NewUser(email=wish.email, name=wish.name, role="owner", password=wish.password)
    kept = await people.kept_password(owner)

    def perform(change: Change) -> Started:
        links.use(change, digest_of(wish.token, office.secrets.keys), "setup")
        if _has_owner(change.session):
            raise Conflict("There is an owner already: log in, or ask them.")
        made = people.insert(change, owner, kept)
        return sessions.begin(change, office, people.found(change.session, made.id), visit)

    return await office.change(Actor(kind="anybody", name="setup link", address=visit.address), perform)


async def choose_password(office: Office, wish: ChosenPassword, visit: Visit) -> Started:
    """A new password for the user whom a link is for, who is logged in; their other sessions end.

    Raises UnknownResource for a link that does not work, Unacceptable.
    """
    digest, now_us = digest_of(wish.token, office.secrets.keys), office.now_us

    def user_of(session: Session) -> Row:
        return people.found(session, links.presented(session, digest, "password", now_us)["user_id"])

    user = await office.read(user_of)
    passwords.check_new(wish.password, email=user["email"], name=user["name"])
    kept = await THREADS.hashed(wish.password)

    def perform(change: Change) -> Started:
        row = people.found(change.session, links.use(change, digest, "password")["user_id"])
        people.keep_password(change, row, kept)
        return sessions.begin(change, office, row, visit)

    return await office.change(
        Actor(kind="user", name=user["email"], id=user["id"], user_id=user["id"], address=visit.address), perform
    )


def _has_owner(session: Session) -> bool:
    row = session.row("people/other_owners", {"id": NOBODY})
    return bool(row and row["owners"])
