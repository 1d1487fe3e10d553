"""Who somebody is here: password, sessions, API tokens and logins at providers, each of them one's own."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.access.passwords import LEAST_CHARACTERS, MOST_CHARACTERS
from gateway.access.roles import PERMISSIONS
from gateway.errors import Unacceptable
from gateway.management import login, openid, people, sessions, tokens
from gateway.management.login import OwnPassword
from gateway.management.office import Actor
from gateway.management.openid import IdentityView
from gateway.management.people import UserView
from gateway.management.sessions import SessionFilter, SessionView
from gateway.management.tokens import MadeToken, NewToken, TokenFilter, TokenView
from gateway.settings.instants import read_instant
from web import display
from web.forms import Form, Problem
from web.frame import is_waiting
from web.page import Action, Leaving, Page, Sent, Shown, Site, Visit
from web.pages.login import Way, depart, name_of

MOST_SHOWN = 100
"""Tokens on the page, latest first."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as a row."""

    id: str
    browser: str
    exact_browser: str
    address: str
    way: str
    began_us: int
    seen_us: int
    is_current: bool


@dataclass(frozen=True, slots=True)
class LoginRow:
    """A login at a provider as a row."""

    provider: str
    label: str
    subject: str
    known_as: str


@dataclass(frozen=True, slots=True)
class TokenRow:
    """An API token as a row."""

    id: str
    name: str
    shown: str
    scopes: tuple[str, ...]
    status: str
    used_us: int | None
    expires_us: int | None


@dataclass(frozen=True, slots=True)
class Account:
    """What the template shows."""

    user: UserView
    sessions: tuple[SessionRow, ...]
    tokens: tuple[TokenRow, ...] | None
    """None for somebody who may not have any."""
    scopes: tuple[tuple[str, str], ...]
    """Permissions that a token may have, and what each allows."""
    logins: tuple[LoginRow, ...]
    may_connect: bool
    """Whether more may lead here, or fewer."""
    ways: tuple[Way, ...]
    """Providers to connect with."""
    least: int
    most: int
    """Characters of a password."""
    made: MadeToken | None
    typed: Form
    problem: Problem | None


async def load(site: Site, visit: Visit) -> Account:
    """The page's context."""
    office, actor = site.office, visit.person
    own, labels = actor.user_id or "", _labels(site)
    begun = await sessions.list_sessions(
        office, actor, SessionFilter(user_id=own), after_id=None, limit=sessions.MOST_OF_ONE
    )
    return Account(
        user=await people.get_user(office, actor, own),
        sessions=tuple(_session(each, labels) for each in begun),
        tokens=await _tokens(site, actor),
        scopes=tuple((name, text) for name, text in PERMISSIONS.items() if actor.may(name)),
        logins=tuple(_login(each, labels) for each in await openid.list_identities(office, actor, own)),
        may_connect=not is_waiting(actor),
        ways=tuple(Way(provider, label) for provider, label in labels.items()),
        least=LEAST_CHARACTERS,
        most=MOST_CHARACTERS,
        made=visit.made if isinstance(visit.made, MadeToken) else None,
        typed=visit.form,
        problem=visit.problem,
    )


async def change_password(site: Site, visit: Visit) -> Sent:
    """A new password in place of the one that is shown."""
    wish = OwnPassword(current=visit.form.raw("current"), new=visit.form.new_password())
    await login.change_password(site.office, visit.person, wish)
    return Sent("/account?said=password")


async def end_session(site: Site, visit: Visit) -> Sent:
    """One session is over."""
    await sessions.end_session(site.office, visit.person, visit.form.text("id"))
    return Sent("/account?said=ended")


async def end_others(site: Site, visit: Visit) -> Sent:
    """All sessions are over but this one."""
    await sessions.end_sessions(site.office, visit.person, visit.person.user_id or "")
    return Sent("/account?said=others-ended")


async def create_token(site: Site, visit: Visit) -> Shown:
    """A token, shown this once."""
    form = visit.form
    name, scopes = form.text("name", 100), form.every("scopes")
    if not name:
        raise Unacceptable("Give it a name that says what it is for.", param="name")
    if not scopes:
        raise Unacceptable("Choose at least one permission.", param="scopes")
    wish = NewToken(name=name, scopes=scopes, expires_at=form.text("expires_at"))
    return Shown(await tokens.create_token(site.office, visit.person, wish))


async def revoke_token(site: Site, visit: Visit) -> Sent:
    """A token is refused from now on."""
    await tokens.revoke_token(site.office, visit.person, visit.form.text("id"), None)
    return Sent("/account?said=revoked")


async def connect(site: Site, visit: Visit) -> Leaving:
    """The browser goes to a provider, to come back with a login that leads to this user."""
    return await depart(site, visit, visit.form.text("provider"), return_to="/account?said=connected", connect=True)


async def disconnect(site: Site, visit: Visit) -> Sent:
    """A login at a provider no longer leads to this user."""
    own, form = visit.person.user_id or "", visit.form
    await openid.disconnect(site.office, visit.person, own, form.text("provider"), form.text("subject", 255))
    return Sent("/account?said=disconnected")


async def _tokens(site: Site, actor: Actor) -> tuple[TokenRow, ...] | None:
    if not actor.may(tokens.OWN):
        return None
    wanted = TokenFilter(user_id=actor.user_id)
    found = await tokens.list_tokens(site.office, actor, wanted, after_id=None, limit=MOST_SHOWN)
    return tuple(_token(each) for each in found if each.status != "revoked")


def _labels(site: Site) -> dict[str, str]:
    """Of the providers, by id."""
    return {each.id: name_of(each) for each in site.settings().login.providers}


def _session(session: SessionView, labels: dict[str, str]) -> SessionRow:
    return SessionRow(
        id=session.id,
        browser=display.browser(session.user_agent or ""),
        exact_browser=session.user_agent or "",
        address=session.address or "",
        way=labels.get(session.method, session.method),
        began_us=read_instant(session.created_at),
        seen_us=read_instant(session.seen_at),
        is_current=session.is_current,
    )


def _login(identity: IdentityView, labels: dict[str, str]) -> LoginRow:
    return LoginRow(
        provider=identity.provider,
        label=labels.get(identity.provider, identity.provider),
        subject=identity.subject,
        known_as=identity.email or identity.subject,
    )


def _token(token: TokenView) -> TokenRow:
    return TokenRow(
        id=token.id,
        name=token.name,
        shown=f"{token.prefix}…{token.last_four}",
        scopes=token.scopes,
        status=token.status,
        used_us=read_instant(token.last_used_at) if token.last_used_at else None,
        expires_us=read_instant(token.expires_at) if token.expires_at else None,
    )


PAGE = Page(
    path="/account",
    title="Your account",
    summary="Who you are here, where you are signed in, and what acts in your name.",
    template="account.html",
    load=load,
    takes_secrets=True,
)

ACTIONS = (
    Action("/account/password", PAGE, change_password),
    Action("/account/sessions/end", PAGE, end_session),
    Action("/account/sessions/end-others", PAGE, end_others),
    Action("/account/tokens", PAGE, create_token),
    Action("/account/tokens/revoke", PAGE, revoke_token),
    Action("/account/logins/connect", PAGE, connect),
    Action("/account/logins/disconnect", PAGE, disconnect),
)
