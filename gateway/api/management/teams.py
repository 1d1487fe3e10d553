"""Teams over HTTP."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from gateway.errors import Conflict
from gateway.management import teams
from gateway.management.office import Office
from gateway.management.teams import MemberView, MemberWish, TeamFilter, TeamView, TeamWish

from .operation import Answer, Asked, Operation
from .paging import Page, PageQuery, cut
from .patches import merged, patch_of
from .schemas import Id

TAG = "teams"
TEAM = "/api/teams/{id}"
SEEN, LED = f"{teams.READ}|{teams.OWN}", f"{teams.WRITE}|{teams.OWN}"


class TeamQuery(PageQuery, frozen=True, kw_only=True):
    """Which teams."""

    user_id: Annotated[Id, Meta(description="Teams this user belongs to.")] | None = None
    search: Annotated[str, Meta(min_length=1, max_length=100, description="Part of the name.")] | None = None


async def list_teams(asked: Asked[Office, None, TeamQuery]) -> Page[TeamView]:
    """Latest first."""
    query, after = asked.query, asked.query.after(str)
    wanted = TeamFilter(user_id=query.user_id, search=query.search)
    after_id = None if after is None else str(after[0])
    found = await teams.list_teams(asked.office, asked.actor, wanted, after_id=after_id, limit=query.fetched)
    return cut(found, query, lambda team: (team.id,), lambda team: team)


async def create_team(asked: Asked[Office, TeamWish, None]) -> Answer:
    """Without members yet."""
    made = await teams.create_team(asked.office, asked.actor, asked.body)
    return Answer(of=made, location=f"/api/teams/{made.id}")


async def show_team(asked: Asked[Office, None, None]) -> TeamView:
    """One team."""
    return await teams.get_team(asked.office, asked.actor, asked.path["id"])


async def change_team(asked: Asked[Office, Struct, None]) -> TeamView:
    """The wish is made of the team as it is; whoever changed it in between is not overwritten."""
    before = await teams.get_team(asked.office, asked.actor, asked.path["id"])
    version = before.version if asked.if_match is None else asked.if_match
    wish = merged(TeamWish, before, asked.body)
    return await teams.change_team(asked.office, asked.actor, before.id, wish, version)


async def delete_team(asked: Asked[Office, None, None]) -> None:
    """Teams with client keys stay."""
    await teams.delete_team(asked.office, asked.actor, asked.path["id"], asked.if_match)


async def list_members(asked: Asked[Office, None, PageQuery]) -> Page[MemberView]:
    """In the order of their ids."""
    query, after = asked.query, asked.query.after(str)
    after_id = None if after is None else str(after[0])
    found = await teams.list_members(
        asked.office, asked.actor, asked.path["id"], after_id=after_id, limit=query.fetched
    )
    return cut(found, query, lambda member: (member.user_id,), lambda member: member)


async def put_member(asked: Asked[Office, MemberWish, None]) -> MemberView:
    """Whoever is there already gets the role asked for."""
    return await teams.put_member(asked.office, asked.actor, asked.path["id"], asked.body)


async def remove_member(asked: Asked[Office, None, None]) -> None:
    """Everybody may leave."""
    await teams.remove_member(asked.office, asked.actor, asked.path["id"], asked.path["user_id"])


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/teams",
        id="list_teams",
        summary="List teams",
        description="Latest first. Members see their own.",
        tag=TAG,
        permission=SEEN,
        query=TeamQuery,
        answer=TeamView,
        paged=True,
        run=list_teams,
    ),
    Operation(
        method="POST",
        path="/api/teams",
        id="create_team",
        summary="Make a team",
        tag=TAG,
        permission=teams.WRITE,
        body=TeamWish,
        answer=TeamView,
        status=201,
        versioned=True,
        idempotent=True,
        errors=(Conflict,),
        run=create_team,
    ),
    Operation(
        method="GET",
        path=TEAM,
        id="show_team",
        summary="Show a team",
        tag=TAG,
        permission=SEEN,
        answer=TeamView,
        versioned=True,
        run=show_team,
    ),
    Operation(
        method="PATCH",
        path=TEAM,
        id="change_team",
        summary="Change a team",
        description="Its admins may change the description, nobody else's team and not the name.",
        tag=TAG,
        permission=LED,
        body=patch_of(TeamWish),
        answer=TeamView,
        versioned=True,
        errors=(Conflict,),
        run=change_team,
    ),
    Operation(
        method="DELETE",
        path=TEAM,
        id="delete_team",
        summary="Delete a team",
        description="One that has, or had, client keys stays, for these stand in usage records.",
        tag=TAG,
        permission=teams.WRITE,
        status=204,
        versioned=True,
        errors=(Conflict,),
        run=delete_team,
    ),
    Operation(
        method="GET",
        path=f"{TEAM}/members",
        id="list_members",
        summary="List the members of a team",
        tag=TAG,
        permission=SEEN,
        query=PageQuery,
        answer=MemberView,
        paged=True,
        run=list_members,
    ),
    Operation(
        method="POST",
        path=f"{TEAM}/members",
        id="put_member",
        summary="Have somebody belong to a team",
        description="Or give a member another role. For whoever may change teams, and for the team's admins.",
        tag=TAG,
        permission=LED,
        body=MemberWish,
        answer=MemberView,
        run=put_member,
    ),
    Operation(
        method="DELETE",
        path=f"{TEAM}/members/{{user_id}}",
        id="remove_member",
        summary="Have somebody belong to a team no longer",
        tag=TAG,
        permission=LED,
        status=204,
        run=remove_member,
    ),
)
