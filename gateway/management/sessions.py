"""Sessions: begun at a login, found by what a cookie carries, listed, ended.

Knows the table they are kept in, how long one lasts and whose it may be shown to. Does not know cookies, nor how
somebody proves who they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta, Struct

from gateway.access import sessions
from gateway.access.roles import permissions_of
from gateway.access.tokens import digest, make_session_token
from gateway.errors import NotSignedIn, UnknownResource
from gateway.management.office import Actor, Change, Office, Subject, new_id
from gateway.management.teams import memberships
from gateway.settings.instants import write_instant
from gateway.store.session import Row, Session

READ, WRITE, OWN = "sessions:read", "sessions:write", "sessions:own"

MOST_OF_ONE = 50
"""Sessions one user has at most; a further login ends the oldest."""

LONGEST_USER_AGENT = 300

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a login comes from, and by which way."""

    address: str
    user_agent: str = ""
    method: str = "password"
    """`password`, or the id of an OpenID provider."""


@dataclass(frozen=True, slots=True)
class Started:
    """A session just begun."""

    value: str = field(repr=False)
    """What its cookie holds, signed."""
    max_age_seconds: int
    session_id: str
    user_id: str
    is_waiting: bool
    """Whether its user is `pending`, and may do nothing but wait."""


class SessionView(Struct, frozen=True, kw_only=True):
    """A session as it is."""

    id: str
    user_id: str
    email: Annotated[str, Meta(description="Of its user.")]
    method: Annotated[str, Meta(description="How they logged in: `password`, or the id of an OpenID provider.")]
    created_at: str
    seen_at: Annotated[str, Meta(description="When it was last used, up to a minute late.")]
    expires_at: Annotated[str, Meta(description="When it ends at the latest.")]
    address: Annotated[str | None, Meta(description="From where they logged in.")]
    user_agent: Annotated[str | None, Meta(description="What their browser calls itself.")]
    is_current: Annotated[bool, Meta(description="Whether it is the one that asks.")]


class SessionFilter(Struct, frozen=True, kw_only=True):
    """Which sessions are asked for, of those that are not over."""

    user_id: str | None = None


def begin(change: Change, office: Office, user: Row, visit: Visit) -> Started:
    """A new session for a user who has just proved who they are, with an id that nobody knew before."""
    now_us, length_us = change.now_us, round(office.settings.login.session_hours * HOUR_US)
    token, session_id = make_session_token(), new_id(now_us)
    change.session.run(
        "sessions/begin",
        {
            "id": session_id,
            "digest": digest(token.encode("ascii"), office.secrets.keys),
            "user_id": user["id"],
            "method": visit.method,
            "now_us": now_us,
            "expires_at": now_us + length_us,
            "address": visit.address,
            "user_agent": visit.user_agent[:LONGEST_USER_AGENT] or None,
        },
    )
    change.session.run("sessions/forget_oldest", {"user_id": user["id"], "kept": MOST_OF_ONE})
    change.session.run("people/logged_in", {"id": user["id"], "now_us": now_us})
    change.note("login", Subject("user", user["id"], user["email"]), after={"method": visit.method})
    return Started(
        value=sessions.sign(token, office.secrets.sessions),
        max_age_seconds=length_us // 1_000_000,
        session_id=session_id,
        user_id=user["id"],
        is_waiting=user["role"] == "pending",
    )


async def find(office: Office, token: str, address: str | None) -> Actor:
    """Who a cookie stands for; `token` is what `gateway.access.sessions.find_token` read in it. Raises NotSignedIn.

    The session goes on from here; that is written down once a minute.
    """
    now_us, idle_us = office.now_us, idle_limit_us(office)
    parameters = {
        "digest": digest(token.encode("ascii"), office.secrets.keys),
        "now_us": now_us,
        "idle_since_us": now_us - idle_us,
    }

    def perform(session: Session) -> tuple[Row, dict[str, str]]:
        row = session.row("sessions/presented", parameters)
        if row is None:
            raise NotSignedIn("The session is over. Log in again.")
        return row, memberships(session, row["user_id"])

    row, teams = await office.read(perform)
    if sessions.is_worth_noting(row["seen_at"], now_us, idle_us):
        await office.state.write(lambda session: session.run("sessions/seen", {"id": row["id"], "now_us": now_us}))
    return Actor(
        kind="user",
        name=row["email"],
        permissions=permissions_of(row["role"]),
        id=row["user_id"],
        user_id=row["user_id"],
        teams=teams,
        session_id=row["id"],
        by_cookie=True,
        address=address,
    )


async def list_sessions(
    office: Office, actor: Actor, wanted: SessionFilter, *, after_id: str | None, limit: int
) -> list[SessionView]:
    """Sessions the actor may see, latest first, older than `after_id`. Raises NotPermitted."""
    actor.require(READ, OWN)
    now_us = office.now_us
    parameters = {
        "before_id": after_id,
        "user_id": wanted.user_id,
        "own_only": int(not actor.may(READ)),
        "own_user_id": actor.user_id,
        "now_us": now_us,
        "idle_since_us": now_us - idle_limit_us(office),
        "limit": limit,
    }
    rows = await office.read(lambda session: session.rows("sessions/listed", parameters))
    return [_view(row, actor) for row in rows]


async def end_session(office: Office, actor: Actor, session_id: str) -> None:
    """One session is over at once. Raises NotPermitted, UnknownResource where there is none that the actor may end."""
    actor.require(WRITE, OWN)

    def perform(change: Change) -> None:
        row = change.session.row("sessions/found", {"id": session_id})
        if row is None or not (actor.may(WRITE) or row["user_id"] == actor.user_id):
            raise UnknownResource(f"There is no session {session_id}.")
        change.session.run("sessions/end", {"id": session_id})
        change.note("session.end", Subject("user", row["user_id"], row["email"]), before={"session": session_id})

    await office.change(actor, perform)


async def end_sessions(office: Office, actor: Actor, user_id: str) -> int:
    """All sessions of a user are over but the one that asks; how many those were.

    Raises NotPermitted, UnknownResource.
    """
    actor.require(WRITE, OWN)

    def perform(change: Change) -> int:
        user = change.session.row("people/found", {"id": user_id})
        if user is None or not (actor.may(WRITE) or user_id == actor.user_id):
            raise UnknownResource(f"There is no user {user_id}.")
        ended = change.session.run("sessions/end_of_user", {"user_id": user_id, "kept_id": actor.session_id})
        change.note("session.end_all", Subject("user", user_id, user["email"]), before={"sessions": ended})
        return ended

    return await office.change(actor, perform)


async def log_out(office: Office, actor: Actor) -> None:
    """The session that asks is over, here and not only in the browser. Nothing happens for an actor without one."""

    def perform(change: Change) -> None:
        if change.session.run("sessions/end", {"id": actor.session_id}):
            change.note("logout", Subject("user", actor.user_id, actor.name))

    if actor.session_id is not None:
        await office.change(actor, perform)


def forget_expired(session: Session, office: Office, now_us: int) -> None:
    """Delete the sessions that have had their time."""
    session.run("sessions/forget_expired", {"now_us": now_us, "idle_since_us": now_us - idle_limit_us(office)})


def _view(row: Row, actor: Actor) -> SessionView:
    return SessionView(
        **{name: row[name] for name in ("id", "user_id", "email", "method", "address", "user_agent")},
        **{name: write_instant(row[name]) for name in ("created_at", "seen_at", "expires_at")},
        is_current=row["id"] == actor.session_id,
    )


def idle_limit_us(office: Office) -> int:
    """How long a session lasts without a request, microseconds."""
    return round(office.settings.login.idle_minutes * MINUTE_US)
