"""Logging in, with a password or at an OpenID provider, and logging out."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from gateway.management import invitations, login, openid, sessions
from gateway.management.login import PasswordLogin
from gateway.management.office import Actor
from gateway.management.openid import Departure, Return, own_page
from gateway.settings.model import LoginProviderSettings
from web.forms import Problem
from web.page import Action, Leaving, Page, Sent, Site, Visit


@dataclass(frozen=True, slots=True)
class Way:
    """A provider to log in at."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class LoginPage:
    """What the template shows."""

    next: str
    """Page of ours to go on to."""
    email: str
    """As it was typed before."""
    passwords: bool
    ways: tuple[Way, ...]
    needs_owner: bool
    """Whether nobody can log in who could let others in."""
    problem: Problem | None


async def load(site: Site, visit: Visit) -> LoginPage | Sent:
    """The page's context; whoever is signed in goes on."""
    wanted = own_page(visit.form.raw("next") or visit.query.get("next", "/"))
    if visit.is_signed_in and visit.problem is None:
        return Sent(wanted)
    settings = site.settings().login
    return LoginPage(
        next=wanted,
        email=visit.form.raw("email")[: login.LONGEST_EMAIL],
        passwords=settings.passwords,
        ways=tuple(Way(each.id, name_of(each)) for each in settings.providers),
        needs_owner=await invitations.needs_owner(site.office),
        problem=visit.problem,
    )


async def log_in(site: Site, visit: Visit) -> Sent:
    """A session for whoever shows the right password."""
    form = visit.form
    wish = PasswordLogin(email=form.text("email", login.LONGEST_EMAIL), password=form.raw("password"))
    started = await login.log_in(site.office, wish, visit.browser.visit)
    await leave_former(site, visit)
    return Sent(own_page(form.raw("next")), visit.browser.begin(started))


async def log_out(site: Site, visit: Visit) -> Sent:
    """The session is over, here and in the browser.

    No `Clear-Site-Data`: its "cookies" would end what other services have at sibling names too, nothing is kept in
    "storage", and pages are not in the "cache" (https://www.w3.org/TR/clear-site-data/#grammardef-cookies).
    """
    await leave_former(site, visit)
    return Sent("/login?said=signed-out", visit.browser.end())


async def go_to_provider(site: Site, visit: Visit) -> Leaving:
    """The browser goes to a provider to log in there."""
    return await depart(site, visit, visit.names["provider"], return_to=visit.form.raw("next"))


async def come_back(site: Site, visit: Visit) -> Sent:
    """The browser comes back from a provider, with somebody or with an error."""
    back = Return(
        provider=visit.names["provider"],
        query=visit.query,
        browser="" if visit.browser.is_new else visit.browser.visitor,
        visit=visit.browser.visit,
    )
    arrival = await openid.finish(site.office, site.login, back)
    if arrival.started is None:
        return Sent(arrival.return_to)
    await leave_former(site, visit)
    return Sent(arrival.return_to, visit.browser.begin(arrival.started))


async def depart(site: Site, visit: Visit, provider: str, *, return_to: str, connect: bool = False) -> Leaving:
    """Where the browser is sent to. `connect`: not to log somebody in, but to be connected with who is."""
    departure = Departure(
        provider=provider,
        redirect_uri=f"{visit.browser.origin}/login/{quote(provider, safe='')}/callback",
        browser=visit.browser.visitor,
        return_to=return_to,
        connect=connect,
    )
    actor = visit.actor or Actor(kind="anybody", name="anybody", address=visit.browser.address)
    url = await openid.begin(site.office, site.login, actor, departure)
    label = next(name_of(each) for each in site.settings().login.providers if each.id == provider)
    return Leaving(label, url, visit.browser.introduce())


async def leave_former(site: Site, visit: Visit) -> None:
    """The session that the browser had until now is over."""
    if visit.actor is not None:
        await sessions.log_out(site.office, visit.actor)


def name_of(provider: LoginProviderSettings) -> str:
    """What its button says."""
    return provider.label or provider.id


PAGE = Page(
    path="/login",
    title="Log in",
    summary="",
    template="login.html",
    load=load,
    is_public=True,
    takes_secrets=True,
)

ACTIONS = (
    Action("/login", PAGE, log_in),
    Action("/logout", PAGE, log_out),
    Action("/login/{provider}", PAGE, go_to_provider),
    Action("/login/{provider}/callback", PAGE, come_back, method="GET"),
)
