from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.errors import Conflict, NotPermitted, Unacceptable, UnknownResource, VersionMismatch
from gateway.management import keys, people, teams
from gateway.management.keys import KeyWish
from gateway.management.office import Actor, Office
from gateway.management.teams import MemberWish, TeamFilter, TeamView, TeamWish
from gateway.store.state import Where
from tests.gateway.management.crowd import actor_of, add, audit, office_at
from tests.gateway.management.offices import OPERATOR


@pytest.fixture
async def office(where: Where) -> AsyncIterator[Office]:
    async with office_at(where) as (office, _):
        yield office


async def names(office: Office, actor: Actor = OPERATOR, **wanted: str) -> list[str]:
    listed = await teams.list_teams(office, actor, TeamFilter(**wanted), after_id=None, limit=100)
    return [team.name for team in listed]


async def make(office: Office, name: str, **members: str) -> TeamView:
    """A team with members `<name>@example.com` in these roles, who are there already."""
    team = await teams.create_team(office, OPERATOR, TeamWish(name=name))
    for member, role in members.items():
        wish = MemberWish(email=f"{member}@example.com", role="admin" if role == "admin" else "member")
        await teams.put_member(office, OPERATOR, team.id, wish)
    return await teams.get_team(office, OPERATOR, team.id)


async def test_a_team_is_made_changed_and_deleted(office: Office) -> None:
    made = await teams.create_team(office, OPERATOR, TeamWish(name="  Red   Team ", description=" Attack "))
    assert (made.name, made.description, made.members, made.version) == ("Red Team", "Attack", 0, 1)
    changed = await teams.change_team(office, OPERATOR, made.id, TeamWish(name="Blue"), 1)
    assert (changed.name, changed.description, changed.version) == ("Blue", "", 2)
    with pytest.raises(VersionMismatch):
        await teams.change_team(office, OPERATOR, made.id, TeamWish(name="Green"), 1)
    with pytest.raises(VersionMismatch):
        await teams.delete_team(office, OPERATOR, made.id, 1)
    await teams.delete_team(office, OPERATOR, made.id, 2)
    with pytest.raises(UnknownResource):
        await teams.get_team(office, OPERATOR, made.id)
    assert [entry["action"] for entry in await audit(office)] == ["team.create", "team.change", "team.delete"]


async def test_no_two_teams_have_one_name_and_none_has_no_name(office: Office) -> None:
    await make(office, "red")
    blue = await make(office, "blue")
    with pytest.raises(Conflict, match="red already"):
        await teams.create_team(office, OPERATOR, TeamWish(name="red"))
    with pytest.raises(Conflict):
        await teams.change_team(office, OPERATOR, blue.id, TeamWish(name=" red "), None)
    with pytest.raises(Unacceptable):
        await teams.create_team(office, OPERATOR, TeamWish(name="  "))


async def test_teams_are_listed_latest_first_page_by_page_and_as_asked_for(office: Office) -> None:
    user = await add(office, "ann")
    made = [await make(office, name) for name in ("red", "blue", "green")]
    await teams.put_member(office, OPERATOR, made[1].id, MemberWish(user_id=user.id))
    assert await names(office) == ["green", "blue", "red"]
    assert await names(office, search="RE") == ["green", "red"]
    assert await names(office, user_id=user.id) == ["blue"]
    listed = await teams.list_teams(office, OPERATOR, TeamFilter(), after_id=made[2].id, limit=1)
    assert [team.name for team in listed] == ["blue"]
    assert listed[0].members == 1


async def test_members_come_change_and_go(office: Office) -> None:
    ann, bob = await add(office, "ann"), await add(office, "bob")
    team = await make(office, "red")
    first = await teams.put_member(office, OPERATOR, team.id, MemberWish(user_id=ann.id))
    assert (first.email, first.role, first.disabled) == ("ann@example.com", "member", False)
    second = await teams.put_member(office, OPERATOR, team.id, MemberWish(email="ANN@example.com", role="admin"))
    assert (second.role, second.since) == ("admin", first.since)
    await teams.put_member(office, OPERATOR, team.id, MemberWish(user_id=bob.id))
    listed = await teams.list_members(office, OPERATOR, team.id, after_id=None, limit=10)
    assert [member.user_id for member in listed] == [ann.id, bob.id]
    listed = await teams.list_members(office, OPERATOR, team.id, after_id=ann.id, limit=10)
    assert [member.user_id for member in listed] == [bob.id]
    await teams.remove_member(office, OPERATOR, team.id, ann.id)
    with pytest.raises(UnknownResource):
        await teams.remove_member(office, OPERATOR, team.id, ann.id)
    assert (await teams.get_team(office, OPERATOR, team.id)).version == 5
    changes = [(entry["before"], entry["after"]) for entry in await audit(office, "team.put_member")]
    assert changes[1] == (
        {"user_id": ann.id, "email": "ann@example.com", "role": "member"},
        {"user_id": ann.id, "email": "ann@example.com", "role": "admin"},
    )


@pytest.mark.parametrize(
    "wish",
    [MemberWish(), MemberWish(user_id="a", email="a@b.c"), MemberWish(user_id="nobody"), MemberWish(email="no@body.x")],
    ids=repr,
)
async def test_a_member_is_one_user_who_is_there(office: Office, wish: MemberWish) -> None:
    team = await make(office, "red")
    with pytest.raises(Unacceptable):
        await teams.put_member(office, OPERATOR, team.id, wish)


async def test_a_team_admin_leads_their_own_team_and_no_other(office: Office) -> None:
    ann, bob = await add(office, "ann"), await add(office, "bob")
    red, blue = await make(office, "red", ann="admin"), await make(office, "blue", ann="member")
    green = await make(office, "green")
    actor = await actor_of(office, ann)
    assert await names(office, actor) == ["blue", "red"]
    described = await teams.change_team(office, actor, red.id, TeamWish(name="red", description="Ours"), None)
    assert described.description == "Ours"
    await teams.put_member(office, actor, red.id, MemberWish(email="bob@example.com"))
    await teams.remove_member(office, actor, red.id, bob.id)
    for refused in (
        teams.change_team(office, actor, red.id, TeamWish(name="Reds"), None),
        teams.delete_team(office, actor, red.id, None),
        teams.create_team(office, actor, TeamWish(name="mine")),
        teams.put_member(office, actor, blue.id, MemberWish(user_id=bob.id)),
        teams.change_team(office, actor, blue.id, TeamWish(name="blue", description="x"), None),
    ):
        with pytest.raises(NotPermitted):
            await refused
    for unseen in (
        teams.get_team(office, actor, green.id),
        teams.list_members(office, actor, green.id, after_id=None, limit=1),
        teams.put_member(office, actor, green.id, MemberWish(user_id=ann.id, role="admin")),
    ):
        with pytest.raises(UnknownResource):
            await unseen


async def test_a_token_leads_a_team_only_with_the_scope_for_it(office: Office) -> None:
    ann = await add(office, "ann")
    red = await make(office, "red", ann="admin")
    token = await actor_of(office, ann, kind="token", permissions=frozenset({"keys:own"}))
    with pytest.raises(NotPermitted):
        await teams.change_team(office, token, red.id, TeamWish(name="red"), None)
    scoped = await actor_of(office, ann, kind="token", permissions=frozenset({"teams:own"}))
    await teams.change_team(office, scoped, red.id, TeamWish(name="red", description="x"), None)


async def test_everybody_may_leave_a_team(office: Office) -> None:
    ann = await add(office, "ann")
    red = await make(office, "red", ann="member")
    await teams.remove_member(office, await actor_of(office, ann), red.id, ann.id)
    assert await names(office, await actor_of(office, ann)) == []


async def test_a_team_with_client_keys_stays(office: Office) -> None:
    red = await make(office, "red")
    made = await keys.create_key(office, OPERATOR, KeyWish(name="k", team_id=red.id))
    await keys.revoke_key(office, OPERATOR, made.key.id, None)
    with pytest.raises(Conflict, match="client keys"):
        await teams.delete_team(office, OPERATOR, red.id, None)


async def test_another_name_makes_workers_look_at_the_keys_of_the_team(office: Office) -> None:
    red = await make(office, "red")
    await keys.create_key(office, OPERATOR, KeyWish(name="k", team_id=red.id))
    generation = office.generations.of("keys")
    await teams.change_team(office, OPERATOR, red.id, TeamWish(name="red", description="x"), None)
    assert office.generations.of("keys") == generation
    await teams.change_team(office, OPERATOR, red.id, TeamWish(name="reds"), None)
    changed = await office.read(lambda session: session.rows("keys/changed_since", {"since": generation}))
    assert [row["name"] for row in changed] == ["k"]


async def test_a_user_who_is_deleted_belongs_to_no_team(office: Office) -> None:
    ann = await add(office, "ann")
    red = await make(office, "red", ann="member")
    await people.delete_user(office, OPERATOR, ann.id, None)
    assert await teams.list_members(office, OPERATOR, red.id, after_id=None, limit=10) == []
