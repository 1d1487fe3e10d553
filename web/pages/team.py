"""One team: what it is for, who belongs to it and as what."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import structs

from gateway.access import roles
from gateway.access.roles import TEAM_ROLES, TeamRoleName
from gateway.errors import Unacceptable
from gateway.management import people, teams
from gateway.management.office import Actor
from gateway.management.teams import MemberView, MemberWish, TeamView, TeamWish
from gateway.settings.instants import read_instant
from web.filters import address
from web.forms import Form, Problem
from web.page import Action, Page, Sent, Site, Table, Visit
from web.pages.people import PATH, link_to, link_to_team, team_typed
from web.saving import listed
from web.tables import Column

ROWS = 50


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member as a row."""

    id: str
    link: str
    """Empty for whoever may not see users."""
    email: str
    name: str
    role: str
    is_disabled: bool
    since_us: int
    is_oneself: bool


@dataclass(frozen=True, slots=True)
class Team:
    """What the template shows."""

    team: TeamView
    members: tuple[MemberRow, ...]
    older: str
    first: str
    keys: str
    requests: str
    roles: tuple[str, ...]
    may_lead: bool
    """Whether whoever looks may say what it is for, and who belongs to it."""
    may_own: bool
    """Whether they may rename and delete it too."""
    typed: Form
    address_of_it: str
    problem: Problem | None


async def load(site: Site, visit: Visit) -> Team:
    """The page's context. Raises UnknownResource."""
    office, actor = site.office, visit.person
    team = await teams.get_team(office, actor, visit.names["id"])
    after, most = visit.query.get("after") or None, visit.most(ROWS)
    members = await _members(site, visit, team.id, after)
    changed = visit.problem is not None and visit.problem.action == CHANGE
    here = link_to_team(team.id)
    return Team(
        team=team,
        members=tuple(_member(each, actor) for each in members[:most]),
        older=address(here, {"after": members[most - 1].user_id}) if len(members) > most else "",
        first=here if after else "",
        keys=address("/keys", {"team": team.id}),
        requests=address("/requests", {"range": "30d", "team": team.id}),
        roles=tuple(TEAM_ROLES)[::-1],
        may_lead=_may_lead(actor, team.id),
        may_own=actor.may(teams.WRITE),
        typed=visit.form if changed else Form({"name": (team.name,), "description": (team.description,)}),
        address_of_it=here,
        problem=visit.problem,
    )


async def _members(site: Site, visit: Visit, team_id: str, after: str | None) -> list[MemberView]:
    async def part(after_id: str | None, limit: int) -> list[MemberView]:
        return await teams.list_members(site.office, visit.person, team_id, after_id=after_id, limit=limit)

    return await listed(visit, part, lambda member: member.user_id, shown=ROWS, after=after)


def _may_lead(actor: Actor, team_id: str) -> bool:
    role: TeamRoleName | None = "admin" if team_id in actor.led_teams else None
    return roles.may_in_team(actor.permissions, role, teams.WRITE)


def _member(member: MemberView, actor: Actor) -> MemberRow:
    return MemberRow(
        id=member.user_id,
        link=link_to(member.user_id) if actor.may(people.READ) else "",
        email=member.email,
        name=member.name,
        role=member.role,
        is_disabled=member.disabled,
        since_us=read_instant(member.since),
        is_oneself=people.is_oneself(actor, member.user_id),
    )


async def change(site: Site, visit: Visit) -> Sent:
    """What it is called and what it is for; the name is for those who look after all teams."""
    actor = visit.person
    before = await teams.get_team(site.office, actor, visit.names["id"])
    if actor.may(teams.WRITE):
        wish = team_typed(visit.form)
    else:
        kept = TeamWish(name=before.name, description=before.description)
        wish = structs.replace(kept, description=visit.form.text("description", 2000))
    version = visit.form.raw("version")
    known = int(version) if version.isascii() and version.isdecimal() and len(version) < 19 else None
    await teams.change_team(site.office, actor, before.id, wish, known)
    return _back(visit, "team-changed")


async def put_member(site: Site, visit: Visit) -> Sent:
    """Somebody belongs to it, or has another role in it."""
    form = visit.form
    role = next((each for each in TEAM_ROLES if each == form.text("role")), None)
    if role is None:
        raise Unacceptable(f"Roles in a team are: {', '.join(TEAM_ROLES)}.", param="role")
    email, user_id = form.text("email", 254), form.text("user_id", 64)
    if not (email or user_id):
        raise Unacceptable("Whose e-mail address is it?", param="email")
    wish = MemberWish(email=email or None, user_id=None if email else user_id, role=role)
    await teams.put_member(site.office, visit.person, visit.names["id"], wish)
    return _back(visit, "member-put")


async def remove_member(site: Site, visit: Visit) -> Sent:
    """Somebody no longer belongs to it; whoever leaves may see it no more."""
    user_id = visit.form.text("user_id", 64)
    await teams.remove_member(site.office, visit.person, visit.names["id"], user_id)
    left = people.is_oneself(visit.person, user_id) and not visit.person.may(teams.READ)
    return Sent(f"{PATH}?said=member-removed") if left else _back(visit, "member-removed")


async def delete(site: Site, visit: Visit) -> Sent:
    """The team is gone, once its name was typed."""
    before = await teams.get_team(site.office, visit.person, visit.names["id"])
    if visit.form.text("name", 100) != before.name:
        raise Unacceptable(f"Type the team's name, {before.name}, to delete it.", param="name")
    await teams.delete_team(site.office, visit.person, before.id, before.version)
    return Sent(f"{PATH}?said=team-deleted")


def _back(visit: Visit, said: str) -> Sent:
    return Sent(f"{link_to_team(visit.names['id'])}?said={said}")


COLUMNS = (
    Column("user_id", value=lambda member: member.id),
    Column("email", head="Member"),
    Column("disabled", "flag", "Member", lambda member: member.is_disabled),
    Column("name", head="Name"),
    Column("role", head="Role here"),
    Column("since", "moment", "Since", lambda member: member.since_us),
)

PAGE = Page(
    path=f"{PATH}/teams/{{id}}",
    title="Team",
    summary="What it is for, and who belongs to it.",
    template="team.html",
    load=load,
    permissions=(teams.READ, teams.OWN),
    tables=(Table(name="members", columns=COLUMNS, rows=lambda team: team.members),),
)

CHANGE = "/people/teams/{id}/change"

ACTIONS = (
    Action(CHANGE, PAGE, change),
    Action("/people/teams/{id}/members", PAGE, put_member),
    Action("/people/teams/{id}/remove", PAGE, remove_member),
    Action("/people/teams/{id}/delete", PAGE, delete),
)
