"""Users and teams: who is here, what they may do, when they last logged in; inviting somebody, and making a team."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import get_args
from urllib.parse import quote

from gateway.access import roles
from gateway.errors import Unacceptable
from gateway.management import people, teams
from gateway.management.links import LinkView, path_of
from gateway.management.office import Actor
from gateway.management.people import MadeUser, NewUser, UserFilter, UserView
from gateway.management.teams import TeamFilter, TeamView, TeamWish
from gateway.settings.instants import read_instant
from gateway.settings.section import RoleName
from gateway.store.session import Session
from web.display import State
from web.filters import Chip, address
from web.forms import Form, Problem
from web.page import Action, Page, Sent, Shown, Site, Table, Visit
from web.saving import listed
from web.tables import Column

PATH = "/people"

ROWS = 50
MOST_TEAMS = 200
"""Teams on the page, latest first."""

LONGEST_WORD = 100

ROLES: tuple[RoleName, ...] = get_args(RoleName)

STATUSES = ("enabled", "disabled")

WORDS: Mapping[str, str] = MappingProxyType({"role": "Role", "status": "Status", "search": "Name"})


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user as a row."""

    id: str
    link: str
    email: str
    name: str
    role: str
    teams: tuple[str, ...]
    state: State
    login_us: int | None


@dataclass(frozen=True, slots=True)
class TeamRow:
    """A team as a row."""

    id: str
    link: str
    name: str
    description: str
    members: int
    keys: str
    """Where its keys are."""


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A link just made, as it is handed on."""

    email: str
    url: str
    until_us: int


@dataclass(frozen=True, slots=True)
class People:
    """What the template shows."""

    users: tuple[UserRow, ...] | None
    """None for somebody who may not see them."""
    teams: tuple[TeamRow, ...]
    all_teams: bool
    """Whether there are no more than are shown."""
    sees_all_teams: bool
    chips: tuple[Chip, ...]
    asked: Mapping[str, str]
    every_role: tuple[str, ...]
    every_status: tuple[str, ...]
    older: str
    newest: str
    may_invite: bool
    roles: tuple[str, ...]
    """Those that whoever looks may give."""
    may_make_teams: bool
    made: MadeLink | None
    made_link: str
    """Where the page of whoever was invited is."""
    typed: Form
    problem: Problem | None


async def load(site: Site, visit: Visit) -> People:
    """The page's context."""
    actor, asked = visit.person, _asked(visit.query)
    before, most, most_teams = visit.query.get("before") or None, visit.most(ROWS), visit.most(MOST_TEAMS)
    sees_users = actor.may(people.READ)
    users, found = await asyncio.gather(_users(site, visit, asked), _teams(site, visit))
    made = visit.made if isinstance(visit.made, MadeUser) else None
    return People(
        users=tuple(users[:most]) if sees_users else None,
        teams=tuple(map(_team, found[:most_teams])),
        all_teams=len(found) <= most_teams,
        sees_all_teams=actor.may(teams.READ),
        chips=tuple(Chip(word, WORDS[word], value, address(PATH, asked, {word: ""})) for word, value in asked.items()),
        asked=asked,
        every_role=ROLES,
        every_status=STATUSES,
        older=address(PATH, asked, {"before": users[most - 1].id}) if len(users) > most else "",
        newest=address(PATH, asked) if before else "",
        may_invite=actor.may(people.WRITE),
        roles=roles_to_give(actor),
        may_make_teams=actor.may(teams.WRITE),
        made=made_link(visit, made.link) if made and made.link else None,
        made_link=link_to(made.user.id) if made else "",
        typed=visit.form,
        problem=visit.problem,
    )


async def invite(site: Site, visit: Visit) -> Shown:
    """A user, and the link with which they choose a password."""
    visit.person.require(people.WRITE)  # before what is typed is judged
    form = visit.form
    wish = NewUser(email=form.text("email", 254), name=form.text("name"), role=roles.role_named(form.text("role")))
    return Shown(await people.create_user(site.office, visit.person, wish))


async def make_team(site: Site, visit: Visit) -> Sent:
    """A team without members."""
    visit.person.require(teams.WRITE)
    made = await teams.create_team(site.office, visit.person, team_typed(visit.form))
    return Sent(f"{link_to_team(made.id)}?said=team-made")


def team_typed(form: Form) -> TeamWish:
    """The team that a form means. Raises Unacceptable."""
    name = form.text("name", 100)
    if not name:
        raise Unacceptable("A team needs a name.", param="name")
    return TeamWish(name=name, description=form.text("description", 2000))


def roles_to_give(actor: Actor) -> tuple[RoleName, ...]:
    """Roles that somebody may give to others."""
    return tuple(role for role in ROLES if roles.may_change(actor.permissions, role))


def state_of(user: UserView) -> State:
    """Whether somebody can come in."""
    if user.disabled:
        return State("disabled", "warning")
    if user.role == "pending":
        return State("waiting", "warning")
    return State("enabled", "good") if user.last_login_at else State("never logged in", "neutral")


def made_link(visit: Visit, link: LinkView) -> MadeLink:
    """A link as somebody opens it."""
    return MadeLink(link.email or "", f"{visit.browser.origin}{path_of(link)}", read_instant(link.expires_at))


def link_to(user_id: str) -> str:
    """Where a user is."""
    return f"{PATH}/{quote(user_id, safe='')}"


def link_to_team(team_id: str) -> str:
    """Where a team is."""
    return f"{PATH}/teams/{quote(team_id, safe='')}"


def _asked(query: Mapping[str, str]) -> dict[str, str]:
    said = {word: query.get(word, "").strip()[:LONGEST_WORD] for word in WORDS}
    said["role"] = said["role"] if said["role"] in ROLES else ""
    said["status"] = said["status"] if said["status"] in STATUSES else ""
    return {word: value for word, value in said.items() if value}


async def _users(site: Site, visit: Visit, asked: Mapping[str, str]) -> list[UserRow]:
    """One more than is shown, where there are more; none for somebody who may not see them."""
    actor = visit.person
    if not actor.may(people.READ):
        return []
    wanted = UserFilter(
        role=roles.role_named(asked["role"]) if "role" in asked else None,
        disabled=asked["status"] == "disabled" if "status" in asked else None,
        search=asked.get("search"),
    )

    async def part(after_id: str | None, limit: int) -> list[UserRow]:
        found = await people.list_users(site.office, actor, wanted, after_id=after_id, limit=limit)
        return await _with_teams(site, found)

    return await listed(visit, part, lambda user: user.id, shown=ROWS, after=visit.query.get("before") or None)


async def _with_teams(site: Site, found: Sequence[UserView]) -> list[UserRow]:
    def belongs(session: Session) -> list[tuple[str, ...]]:
        names = {row["id"]: row["name"] for row in session.rows("teams/names")}
        return [tuple(sorted(names[team] for team in teams.memberships(session, user.id))) for user in found]

    return [_user(user, of) for user, of in zip(found, await site.office.read(belongs), strict=True)]


def _user(user: UserView, of_teams: tuple[str, ...]) -> UserRow:
    return UserRow(
        id=user.id,
        link=link_to(user.id),
        email=user.email,
        name=user.name,
        role=user.role,
        teams=of_teams,
        state=state_of(user),
        login_us=read_instant(user.last_login_at) if user.last_login_at else None,
    )


async def _teams(site: Site, visit: Visit) -> list[TeamView]:
    actor = visit.person
    if not actor.may(teams.READ, teams.OWN):
        return []

    async def part(after_id: str | None, limit: int) -> list[TeamView]:
        return await teams.list_teams(site.office, actor, TeamFilter(), after_id=after_id, limit=limit)

    return await listed(visit, part, lambda team: team.id, shown=MOST_TEAMS)


def _team(team: TeamView) -> TeamRow:
    where = address("/keys", {"team": team.id})
    return TeamRow(team.id, link_to_team(team.id), team.name, team.description, team.members, where)


USERS = (
    Column("id"),
    Column("email", head="E-mail address"),
    Column("name", head="Name"),
    Column("role", head="Role"),
    Column("status", head="Status", value=lambda user: user.state.word),
    Column("teams", "texts", "Teams"),
    Column("last_login_at", "moment", "Last login", lambda user: user.login_us),
)

TEAMS = (
    Column("id"),
    Column("name", head="Name"),
    Column("members", "whole", "Members"),
    Column("description", head="What it is for"),
)

TABLES = (
    Table(name="users", columns=USERS, rows=lambda people: people.users),
    Table(name="teams", columns=TEAMS, rows=lambda people: people.teams),
)

PAGE = Page(
    path=PATH,
    title="People",
    summary="Who may use the gateway, and what each may do.",
    template="people.html",
    load=load,
    permissions=(people.READ, teams.READ, teams.OWN),
    group="Set up",
    icon="people",
    letter="u",
    tables=TABLES,
)

ACTIONS = (Action("/people", PAGE, invite), Action("/people/new-team", PAGE, make_team))
