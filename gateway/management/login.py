"""Login with a password: who may try, whether it is right, and the session that begins.

Knows the order of things. Whoever tries is counted before the password is looked at. Then the same is done whether
there is such a user or not, whether they have a password, whether they are disabled: one hash of the same cost, one
answer, one entry in the audit log. So neither the answer nor its time tells who is known here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from gateway.access import passwords
from gateway.access.attempts import Subject
from gateway.access.passwords import Scheme
from gateway.errors import NotPermitted, NotSignedIn
from gateway.management import attempts, lent_keys, links, people, sessions
from gateway.management.hashing import THREADS
from gateway.management.office import Actor, Change, Office
from gateway.management.people import UserView
from gateway.management.sessions import Started, Visit
from gateway.settings.section import Section
from gateway.store.session import Row, Session

WRONG = "The e-mail address or the password is wrong."

SWITCHED_OFF = "Logins with a password are switched off here (login.passwords)."

LONGEST_EMAIL = 1024
"""What is looked at of what somebody types as their address; what is longer names nobody."""


class PasswordLogin(Section, frozen=True, kw_only=True):
    """Who somebody says they are, and what they show for it."""

    secrets = frozenset({"password"})

    email: Annotated[str, Meta(description="E-mail address of the user.")]
    password: Annotated[str, Meta(description="Their password.")]


class OwnPassword(Section, frozen=True, kw_only=True):
    """A new password in place of the one somebody has."""

    secrets = frozenset({"current", "new"})

    current: Annotated[str, Meta(max_length=1024, description="The password as it is.")]
    new: Annotated[str, Meta(max_length=1024, description="The password as it is to be.")]


@dataclass(frozen=True, slots=True)
class _Tried:
    """An attempt that was let through and is counted."""

    who: tuple[Subject, ...]
    user: Row | None
    schemes: frozenset[Scheme]

    @property
    def kept(self) -> str | None:
        """The hash that is kept, if there is one."""
        return None if self.user is None else self.user["password_hash"]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A password that is right."""

    tried: _Tried
    user: Row
    better_hash: str | None = field(default=None, repr=False)
    """To be kept in place of the one that is there."""


async def log_in(office: Office, wish: PasswordLogin, visit: Visit) -> Started:
    """A session for whoever shows the right password. Raises NotSignedIn, TooManyAttempts, NotPermitted."""
    if not office.settings.login.passwords:
        raise NotPermitted(SWITCHED_OFF)
    shown = await _check(office, wish, visit)

    def perform(change: Change) -> Started:
        attempts.take_back(change, shown.tried.who)
        # Somebody may have disabled the user, or chosen another password, while this one was being checked.
        user = change.session.row("people/by_email", {"email": shown.user["email"]})
        if user is None or not _is_as_tried(user, shown.tried):
            raise NotSignedIn(WRONG)
        if shown.better_hash is not None:
            hashes = {"password_hash": shown.better_hash, "former_hash": shown.tried.kept}
            change.session.run("people/rehash", {"id": user["id"], **hashes})
        return sessions.begin(change, office, user, visit)

    return await office.change(_actor(shown.user, visit), perform)


async def change_password(office: Office, actor: Actor, wish: OwnPassword) -> UserView:
    """One's own password, by showing the one it was until now. All other sessions end.

    Raises NotPermitted, Unacceptable, TooManyAttempts.
    """
    if actor.kind != "user":
        raise NotPermitted("Only people who are logged in have a password of their own.")
    row = await office.read(lambda session: people.found(session, actor.user_id or ""))
    passwords.check_new(wish.new, email=row["email"], name=row["name"])
    try:
        shown = await _check(office, PasswordLogin(email=row["email"], password=wish.current), _visit(actor))
    except NotSignedIn:
        raise NotPermitted("The current password is wrong.", param="current") from None
    kept = await THREADS.hashed(wish.new)

    def perform(change: Change) -> UserView:
        attempts.take_back(change, shown.tried.who)
        user = change.session.row("people/by_email", {"email": shown.user["email"]})
        # Somebody may have disabled the user, ended this session or chosen another password meanwhile.
        if user is None or user["id"] != actor.user_id or not _is_as_tried(user, shown.tried):
            raise NotPermitted("The current password is wrong.", param="current")
        if actor.session_id is not None and change.session.row("sessions/found", {"id": actor.session_id}) is None:
            raise NotSignedIn("The session is over. Log in again.")
        return people.keep_password(change, user, kept, kept_session=actor.session_id)

    return await office.change(actor, perform)


async def forget_old(office: Office) -> None:
    """Delete what has had its time: sessions, links, logins on their way, failures; revoke keys that were lent. For a
    job, now and then."""
    now_us = office.now_us

    def perform(session: Session) -> None:
        sessions.forget_expired(session, office, now_us)
        links.forget_expired(session, now_us)
        attempts.forget_old(session, now_us)
        session.run("openid/forget_flows", {"now_us": now_us})

    await office.state.write(perform)
    await lent_keys.end_over(office)


async def _check(office: Office, wish: PasswordLogin, visit: Visit) -> _Shown:
    """Who it is that showed their password. Raises NotSignedIn, TooManyAttempts."""
    THREADS.check_room()
    account = wish.email[:LONGEST_EMAIL]
    anybody = attempts.somebody(account, visit.address)
    tried = await office.change(anybody, lambda change: _try(change, account, visit.address))
    verdict = await THREADS.verify(wish.password, tried.kept, schemes=tried.schemes)
    user = tried.user
    if user is None or not verdict.matches or user["disabled_at"] is not None:
        await office.change(anybody, lambda change: attempts.note_failure(change, account, visit.method))
        raise NotSignedIn(WRONG)
    better = await THREADS.hashed(wish.password) if verdict.upgrade else None
    return _Shown(tried, user, better)


def _try(change: Change, account: str, address: str) -> _Tried:
    user = change.session.row("people/by_email", {"email": account.strip().lower()})
    who = attempts.login_subjects(change.session, user["id"] if user else None, account, address)
    attempts.let_through(change, who)
    others = change.session.rows("people/other_hashes", {"start": passwords.TODAYS_START})
    return _Tried(who, user, passwords.schemes_of(row["password_hash"] for row in others))


def _is_as_tried(user: Row, tried: _Tried) -> bool:
    """Whether a user may still log in with the password that was checked."""
    return user["disabled_at"] is None and user["password_hash"] == tried.kept


def _actor(user: Row, visit: Visit) -> Actor:
    return Actor(kind="user", name=user["email"], id=user["id"], user_id=user["id"], address=visit.address)


def _visit(actor: Actor) -> Visit:
    return Visit(actor.address or "")
