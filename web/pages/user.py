"""One user: who they are and what they may do, their teams and keys; changing that, and keeping them out."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import structs

from gateway.access import roles
from gateway.errors import Unacceptable
from gateway.management import keys, people, teams
from gateway.management.keys import KeyFilter
from gateway.management.links import LinkView, LinkWish
from gateway.management.people import UserView, UserWish
from gateway.management.teams import TeamFilter, TeamView
from gateway.settings.instants import read_instant
from web.display import State
from web.filters import address
from web.forms import Form, Problem
from web.page import Action, Page, Sent, Shown, Site, Visit
from web.pages.people import PATH, MadeLink, link_to, link_to_team, made_link, roles_to_give, state_of

MOST_TEAMS = 100

LINK_HOURS = 24.0
"""How long a link for a new password works that is made here."""


@dataclass(frozen=True, slots=True)
class TeamOf:
    """A team that somebody belongs to."""

    name: str
    link: str


@dataclass(frozen=True, slots=True)
class User:
    """What the template shows."""

    user: UserView
    state: State
    created_us: int
    login_us: int | None
    teams: tuple[TeamOf, ...]
    has_keys: bool
    keys: str
    requests: str
    is_oneself: bool
    may_change: bool
    """Whether whoever looks may change this user."""
    roles: tuple[str, ...]
    made: MadeLink | None
    typed: Form
    address_of_it: str
    problem: Problem | None


async def load(site: Site, visit: Visit) -> User:
    """The page's context. Raises UnknownResource."""
    office, actor = site.office, visit.person
    user = await people.get_user(office, actor, visit.names["id"])
    found: list[TeamView] = []
    if actor.may(teams.READ):
        wanted = TeamFilter(user_id=user.id)
        found = await teams.list_teams(office, actor, wanted, after_id=None, limit=MOST_TEAMS)
    own = (
        await keys.list_keys(office, actor, KeyFilter(user_id=user.id), after_id=None, limit=1)
        if actor.may(keys.READ)
        else []
    )
    changed = visit.problem is not None and visit.problem.action == CHANGE
    return User(
        user=user,
        state=state_of(user),
        created_us=read_instant(user.created_at),
        login_us=read_instant(user.last_login_at) if user.last_login_at else None,
        teams=tuple(TeamOf(team.name, link_to_team(team.id)) for team in found),
        has_keys=bool(own),
        keys=address("/keys", {"user": user.id}),
        requests=address("/requests", {"range": "30d", "user": user.id}),
        is_oneself=people.is_oneself(actor, user.id),
        may_change=roles.may_change(actor.permissions, user.role),
        roles=roles_to_give(actor),
        made=made_link(visit, visit.made) if isinstance(visit.made, LinkView) else None,
        typed=visit.form if changed else _typed(user),
        address_of_it=link_to(user.id),
        problem=visit.problem,
    )


def _typed(user: UserView) -> Form:
    return Form({"email": (user.email,), "name": (user.name,), "role": (user.role,)})


async def change(site: Site, visit: Visit) -> Sent:
    """Who they are and what they may do."""
    form, before = visit.form, await _user(site, visit)
    wish = structs.replace(
        _wish(before),
        email=form.text("email", 254),
        name=form.text("name"),
        role=roles.role_named(form.text("role")),
    )
    version = form.raw("version")
    known = int(version) if version.isascii() and version.isdecimal() and len(version) < 19 else None
    await people.change_user(site.office, visit.person, before.id, wish, known)
    return Sent(f"{link_to(before.id)}?said=user-changed")


async def disable(site: Site, visit: Visit) -> Sent:
    """They are kept out, and so are their keys."""
    return await _set_disabled(site, visit, disabled=True)


async def enable(site: Site, visit: Visit) -> Sent:
    """They are let in again."""
    return await _set_disabled(site, visit, disabled=False)


async def _set_disabled(site: Site, visit: Visit, *, disabled: bool) -> Sent:
    before = await _user(site, visit)
    wish = structs.replace(_wish(before), disabled=disabled)
    await people.change_user(site.office, visit.person, before.id, wish, before.version)
    return Sent(f"{link_to(before.id)}?said={'user-disabled' if disabled else 'user-enabled'}")


async def make_link(site: Site, visit: Visit) -> Shown:
    """A link with which they choose a new password, shown this once."""
    wish = LinkWish(hours=LINK_HOURS)
    return Shown(await people.make_password_link(site.office, visit.person, visit.names["id"], wish))


async def delete(site: Site, visit: Visit) -> Sent:
    """The user is gone, once the address was typed."""
    before = await _user(site, visit)
    if visit.form.text("email", 254).lower() != before.email:
        raise Unacceptable(f"Type the address, {before.email}, to delete the user.", param="email")
    await people.delete_user(site.office, visit.person, before.id, before.version)
    return Sent(f"{PATH}?said=user-deleted")


async def _user(site: Site, visit: Visit) -> UserView:
    return await people.get_user(site.office, visit.person, visit.names["id"])


def _wish(user: UserView) -> UserWish:
    return UserWish(**{name: getattr(user, name) for name in UserWish.__struct_fields__})


PAGE = Page(
    path=f"{PATH}/{{id}}",
    title="User",
    summary="Who they are, and what they may do.",
    template="user.html",
    load=load,
    permissions=(people.READ,),
)

CHANGE = "/people/{id}/change"

ACTIONS = (
    Action(CHANGE, PAGE, change),
    Action("/people/{id}/disable", PAGE, disable),
    Action("/people/{id}/enable", PAGE, enable),
    Action("/people/{id}/link", PAGE, make_link),
    Action("/people/{id}/delete", PAGE, delete),
)
