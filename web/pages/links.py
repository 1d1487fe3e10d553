"""What one-time links lead to: making the first owner, and choosing a password.

The token that a link carries does not stay in the address, where histories and proxies would keep it: the browser is
sent on to the address without it, and remembers the token in a cookie until the form is sent. Looking uses nothing up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway.access.invitations import Purpose
from gateway.access.passwords import LEAST_CHARACTERS, MOST_CHARACTERS
from gateway.errors import UnknownResource
from gateway.management import invitations
from gateway.management.invitations import ChosenPassword, FirstOwner
from web.forms import Problem
from web.page import Action, Notice, Page, Sent, Site, Visit
from web.pages.login import leave_former

NAME, EMAIL = 200, 254
"""Most characters."""

ANOTHER: Mapping[Purpose, str] = MappingProxyType(
    {
        "setup": "The operator gets a new one with `sluicegate user setup-link`.",
        "password": "An admin can make a new one; the operator gets it with `sluicegate user password --link`.",
    }
)
"""Where another link comes from."""


@dataclass(frozen=True, slots=True)
class LinkPage:
    """What the templates show."""

    token: str
    """For the form: the cookie may have had its time when that is sent."""
    for_whom: str
    """E-mail address of the user who chooses a password; empty for the first owner."""
    email: str
    name: str
    """Both as they were typed before."""
    least: int
    most: int
    """Characters of a password."""
    problem: Problem | None


async def load_setup(site: Site, visit: Visit) -> LinkPage | Sent | Notice:
    """The form for the first owner, as long as there is none."""
    if "token" not in visit.query and not await invitations.needs_owner(site.office):
        return Notice(409, "There is an owner already", "Log in, or ask them to let you in.")
    return await _load(site, visit, "setup")


async def load_password(site: Site, visit: Visit) -> LinkPage | Sent | Notice:
    """The form for a new password."""
    return await _load(site, visit, "password")


async def set_up(site: Site, visit: Visit) -> Sent:
    """The first owner is made, and logged in."""
    form = visit.form
    wish = FirstOwner(
        token=_token(visit, "setup"),
        email=form.text("email", EMAIL),
        name=form.text("name", NAME),
        password=form.new_password(),
    )
    started = await invitations.make_first_owner(site.office, wish, visit.browser.visit)
    await leave_former(site, visit)
    return Sent("/", (*visit.browser.begin(started), *visit.browser.forget_link("setup")))


async def choose_password(site: Site, visit: Visit) -> Sent:
    """A user has a new password, and is logged in."""
    wish = ChosenPassword(token=_token(visit, "password"), password=visit.form.new_password())
    started = await invitations.choose_password(site.office, wish, visit.browser.visit)
    await leave_former(site, visit)
    return Sent("/", (*visit.browser.begin(started), *visit.browser.forget_link("password")))


async def _load(site: Site, visit: Visit, purpose: Purpose) -> LinkPage | Sent | Notice:
    if "token" in visit.query:
        return Sent(f"/{purpose}", visit.browser.keep_link(purpose, visit.query["token"]))
    token = _token(visit, purpose)
    if not token:
        return Notice(404, "The link is not complete", f"Open it again as it was given to you. {ANOTHER[purpose]}")
    try:
        link = await invitations.look_at_link(site.office, purpose, token)
    except UnknownResource as error:
        return Notice(404, "This link no longer works", f"{error.message} {ANOTHER[purpose]}")
    return LinkPage(
        token=token,
        for_whom=link.email or "",
        email=visit.form.raw("email")[:EMAIL],
        name=visit.form.raw("name")[:NAME],
        least=LEAST_CHARACTERS,
        most=MOST_CHARACTERS,
        problem=visit.problem,
    )


def _token(visit: Visit, purpose: Purpose) -> str:
    return visit.form.raw("token") or visit.browser.link(purpose)


PAGES = (
    Page(
        path="/setup",
        title="First owner",
        summary="Whoever fills this in owns the gateway: they may do everything, and let others in.",
        template="setup.html",
        load=load_setup,
        is_public=True,
        takes_secrets=True,
    ),
    Page(
        path="/password",
        title="Choose a password",
        summary="You are signed in with it at once; other sessions of yours end.",
        template="password.html",
        load=load_password,
        is_public=True,
        takes_secrets=True,
    ),
)

_SETUP, _PASSWORD = PAGES

ACTIONS = (Action("/setup", _SETUP, set_up), Action("/password", _PASSWORD, choose_password))
