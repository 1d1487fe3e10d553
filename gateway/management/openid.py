"""Login at OpenID providers and GitHub: kept while the browser is away, and whose session begins when it is back.

Knows which user a provider's word leads to. That must not let anybody take over a user, so:

- a login that was connected with a user leads to that user, whatever the e-mail addresses say by now;
- one that was not leads to an existing user only by an e-mail address that the provider verified, and only to a user
  who never had another way in: no password, no other login. They were made for this. Whoever has one connects further
  logins themselves, while logged in;
- for an address that nobody has a user is made.

Groups give roles, where the settings say so, anew at each login. They take nothing from an owner: who owns the gateway
must not depend on somebody else's directory alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta, Struct, structs

from gateway import logs
from gateway.access.attempts import BY_EVERYBODY, Subject, departure_subjects, token_subjects
from gateway.access.oidc import FLOW_SECONDS, Flow, Identity, role_of
from gateway.access.tokens import digest, is_same
from gateway.errors import Conflict, LoginFailed, NotPermitted, TooManyAttempts, Unacceptable, UnknownResource
from gateway.management import attempts, people, sessions
from gateway.management.office import Actor, Change, Office
from gateway.management.people import NewUser, UserView
from gateway.management.sessions import Started, Visit
from gateway.settings.instants import write_instant
from gateway.settings.model import LoginProviderSettings
from gateway.store.session import Row, Session

CONTEXT = "login_flow"

MOST_FLOWS = 10_000
"""Logins on their way at once: anybody can begin one."""

REFUSED = Subject("openid", BY_EVERYBODY)
"""Refused logins, which are written down only while there are few."""

STRANGE = "This login was not begun in this browser, was finished before, or took too long. Log in again."
TAKEN = (
    "There is a user with this e-mail address, who logs in in another way. Log in that way, and connect this login "
    "with it there."
)
DISABLED = "This user is disabled."

log = logs.get("gateway.management.openid")


class Login(Protocol):
    """What speaks with providers: `gateway.access.oidc.open_login` makes it."""

    async def begin(self, provider: LoginProviderSettings, redirect_uri: str) -> Flow:
        """A new login, whose `url` the browser is sent to. Raises LoginFailed."""

    async def finish(self, provider: LoginProviderSettings, flow: Flow, query: Mapping[str, str]) -> Identity:
        """Who has come back with this query, known to be allowed in. Raises LoginFailed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """A browser about to be sent to a provider."""

    provider: str
    redirect_uri: str
    """Where the provider sends it back to."""
    browser: str = field(repr=False)
    """What only this browser knows, such as the value of its visitor's cookie: it must show the same at its return."""
    return_to: str = "/"
    """Page to be shown in the end."""
    connect: bool = False
    """Whether the login is to be connected with the user who asks, in place of logging somebody in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """A browser that comes back."""

    query: Mapping[str, str] = field(repr=False)
    browser: str = field(repr=False)
    visit: Visit
    provider: str = ""
    """Whose address of ours it comes back to, where that is known: RFC 9700, 4.4.2.2."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a login ended."""

    return_to: str
    started: Started | None
    """None where a login was connected with a user."""


class IdentityView(Struct, frozen=True, kw_only=True):
    """A login at a provider that leads to a user."""

    provider: Annotated[str, Meta(description="Id of the provider.")]
    subject: Annotated[str, Meta(description="How the provider names the user.")]
    email: Annotated[str | None, Meta(description="Address they had there at the last login.")]
    created_at: str
    last_login_at: str


class _Kept(Struct, frozen=True):
    """What is sealed of a login on its way."""

    flow: Flow
    browser: str
    user_id: str | None
    session_id: str | None
    """Of the user with whom the login is to be connected: what it has begun must not outlive it."""


async def begin(office: Office, door: Login, actor: Actor, departure: Departure) -> str:
    """Where the browser is to be sent. Raises UnknownResource, LoginFailed, NotPermitted, TooManyAttempts."""
    provider = _provider(office, departure.provider)
    if departure.connect and not (actor.kind == "user" and actor.user_id):
        raise NotPermitted("Log in first: a login is connected with the user who asks.")
    flow = await door.begin(provider, departure.redirect_uri)
    user_id, session_id = (actor.user_id, actor.session_id) if departure.connect else (None, None)
    kept = _Kept(replace(flow, url=""), departure.browser, user_id, session_id)

    def perform(change: Change) -> None:
        attempts.let_through(change, departure_subjects(actor.address or ""))
        change.session.run("openid/forget_flows", {"now_us": change.now_us})
        under_way = change.session.row("openid/flows")
        if under_way and under_way["flows"] >= MOST_FLOWS:
            raise TooManyAttempts("Too many people log in at this moment. Try again shortly.", retry_after=60.0)
        change.session.run(
            "openid/keep_flow",
            {
                "digest": digest(flow.state.encode(), office.secrets.keys),
                "provider": provider.id,
                "sealed": change.vault.seal(msgspec.json.encode(kept), CONTEXT),
                "return_to": own_page(departure.return_to),
                "expires_at": change.now_us + FLOW_SECONDS * 1_000_000,
            },
        )

    await office.change(actor, perform)
    return flow.url


async def finish(office: Office, door: Login, back: Return) -> Arrival:
    """What comes of a browser's return: a session, or a login connected with its user.

    Raises LoginFailed, and UnknownResource where the provider is no longer one.
    """
    anybody = Actor(kind="anybody", name="login", address=back.visit.address)
    try:
        row, kept = await office.change(anybody, lambda change: _take(change, office, back))
        provider = _provider(office, kept.flow.provider)
        identity = await door.finish(provider, kept.flow, back.query)
    except (LoginFailed, UnknownResource) as error:
        log.info("a login failed", reason=error.message, details=getattr(error, "details", ""))
        raise
    visit = replace(back.visit, method=provider.id)
    who = Actor(kind="anybody", name=identity.email, address=visit.address)

    def perform(change: Change) -> Started | None:
        attempts.take_back(change, departure_subjects(visit.address))
        if kept.user_id is not None:
            _check_goes_on(change, kept)
            _connect_with(change, identity, kept.user_id)
            return None
        return sessions.begin(change, office, _user_of(change, provider, identity), visit)

    try:
        return Arrival(row["return_to"], await office.change(who, perform))
    except LoginFailed as refusal:
        log.info("a login was refused", reason=refusal.message, provider=provider.id, subject=identity.subject)
        with suppress(TooManyAttempts):  # whoever tries again and again leaves no further trace
            await office.change(who, lambda change: _note_refusal(change, identity, visit))
        raise


async def list_identities(office: Office, actor: Actor, user_id: str) -> list[IdentityView]:
    """The logins at providers that lead to a user, or to oneself. Raises NotPermitted, UnknownResource."""
    if not people.is_oneself(actor, user_id):
        actor.require(people.READ)

    def perform(session: Session) -> list[Row]:
        people.found(session, user_id)
        return session.rows("openid/identities_of", {"user_id": user_id})

    return [_view(row) for row in await office.read(perform)]


async def disconnect(office: Office, actor: Actor, user_id: str, provider: str, subject: str) -> None:
    """A login at a provider no longer leads to a user, or to oneself.

    Raises NotPermitted, UnknownResource, Conflict.
    """

    def perform(change: Change) -> None:
        user = people.view(people.found(change.session, user_id))
        people.check_may_help(actor, user)
        before = change.session.rows("openid/identities_of", {"user_id": user_id})
        who = {"user_id": user_id, "provider": provider, "subject": subject}
        if not change.session.run("openid/disconnect", who):
            raise UnknownResource("No such login leads to this user.")
        if len(before) == 1 and not user.has_password and people.is_oneself(actor, user_id):
            raise Conflict("This is the only way in which you can log in.")
        change.note("user.disconnect", people.subject(user), before={"provider": provider, "subject": subject})

    await office.change(actor, perform)


def own_page(path: str) -> str:
    """A path of ours to send a browser to; the first page for anything that may lead elsewhere."""
    leads_away = not path.startswith("/") or path[1:2] in ("/", "\\") or not path.isprintable() or len(path) > 2000
    return "/" if leads_away else path


def _provider(office: Office, provider_id: str) -> LoginProviderSettings:
    for provider in office.settings.login.providers:
        if provider.id == provider_id:
            return provider
    raise UnknownResource(f"There is no login provider {provider_id}.")


def _take(change: Change, office: Office, back: Return) -> tuple[Row, _Kept]:
    """The login that a browser comes back from; there is none a second time. Raises LoginFailed."""
    state = back.query.get("state", "")
    row = change.session.row("openid/take_flow", {"digest": digest(state.encode(), office.secrets.keys)})
    if row is None or row["expires_at"] <= change.now_us:
        raise LoginFailed(STRANGE, details="state is unknown or too old")
    kept = msgspec.json.decode(change.vault.open(row["sealed"], CONTEXT), type=_Kept)
    if not is_same(back.browser, kept.browser):
        raise LoginFailed(STRANGE, details="another browser came back")
    if back.provider not in ("", kept.flow.provider):
        raise LoginFailed(STRANGE, details=f"begun at {kept.flow.provider}, come back from {back.provider}")
    return row, kept


def _user_of(change: Change, provider: LoginProviderSettings, identity: Identity) -> Row:
    """The user somebody is, as of now. Raises LoginFailed."""
    known = change.session.row("openid/identity", _key(identity))
    if known is None:
        user = _unconnected(change, _email(identity)) or _new(change, provider, identity)
        _connect(change, identity, user)
    else:
        change.session.run("openid/came_by", {**_key(identity), "email": identity.email, "now_us": change.now_us})
        user = people.view(people.found(change.session, known["user_id"]))
    if user.disabled:
        raise LoginFailed(DISABLED)
    role = role_of(provider, identity.groups)
    if role is not None and role != user.role != "owner":
        user = people.alter(change, user, structs.replace(user, role=role))
    return people.found(change.session, user.id)


def _unconnected(change: Change, email: str) -> UserView | None:
    """The user with this address, if they never had a way in. Raises LoginFailed where they have."""
    row = change.session.row("people/by_email", {"email": email})
    if row is None:
        return None
    if row["has_password"] or change.session.rows("openid/identities_of", {"user_id": row["id"]}):
        raise LoginFailed(TAKEN)
    return people.view(row)


def _new(change: Change, provider: LoginProviderSettings, identity: Identity) -> UserView:
    role = role_of(provider, identity.groups) or provider.default_role
    return people.insert(change, NewUser(email=identity.email, name=identity.name, role=role), None)


def _check_goes_on(change: Change, kept: _Kept) -> None:
    """Raises LoginFailed where the session is over in which a connection was asked for."""
    if kept.session_id is not None and change.session.row("sessions/found", {"id": kept.session_id}) is None:
        raise LoginFailed("The session in which this was begun is over. Log in, and connect the login again.")


def _connect_with(change: Change, identity: Identity, user_id: str) -> None:
    """Connect a login with the user who asked for that. Raises LoginFailed."""
    row = change.session.row("people/found", {"id": user_id})
    if row is None or row["disabled_at"] is not None:
        raise LoginFailed(DISABLED)
    known = change.session.row("openid/identity", _key(identity))
    if known is not None and known["user_id"] != user_id:
        raise LoginFailed("This login is connected with another user.")
    if known is None:
        _connect(change, identity, people.view(row))


def _connect(change: Change, identity: Identity, user: UserView) -> None:
    change.session.run(
        "openid/connect",
        {**_key(identity), "user_id": user.id, "email": identity.email, "now_us": change.now_us},
    )
    change.note("user.connect", people.subject(user), after=_key(identity))


def _note_refusal(change: Change, identity: Identity, visit: Visit) -> None:
    attempts.let_through(change, (*token_subjects(visit.address), REFUSED))
    attempts.note_failure(change, identity.email, visit.method)


def _email(identity: Identity) -> str:
    """The address as users' are kept. Raises LoginFailed."""
    if not identity.email_verified:
        raise LoginFailed("The e-mail address of this account is not verified at the provider.")
    try:
        return people.tidy_email(identity.email)
    except Unacceptable as error:
        raise LoginFailed(error.message, details=identity.email) from None


def _key(identity: Identity) -> dict[str, str]:
    return {"provider": identity.provider, "subject": identity.subject}


def _view(row: Row) -> IdentityView:
    return IdentityView(
        **{name: row[name] for name in ("provider", "subject", "email")},
        **{name: write_instant(row[name]) for name in ("created_at", "last_login_at")},
    )
