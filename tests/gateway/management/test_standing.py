"""Whoever was let in before is looked at again: by session, token and key, on either engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from msgspec import structs

from gateway.errors import NotSignedIn
from gateway.management import keys, people, sessions, standing, teams, tokens
from gateway.management.keys import KeyWish
from gateway.management.office import Actor, Office
from gateway.management.teams import MemberWish, TeamWish
from gateway.management.tokens import NewToken
from gateway.settings.instants import write_instant
from gateway.settings.model import LoginSettings
from gateway.settings.objects import ClientKeySettings
from gateway.store.keys import ID_PREFIX
from gateway.store.state import Where
from tests.gateway.management.crowd import Clock, actor_of, add, begin, came_back, office_at, wish_of
from tests.gateway.management.offices import OPERATOR

MINUTE = 60.0


@pytest.fixture
async def at(where: Where) -> AsyncIterator[tuple[Office, Clock]]:
    async with office_at(where, LoginSettings(idle_minutes=10.0, session_hours=2.0)) as office:
        yield office


async def stands(office: Office, actor: Actor) -> bool:
    try:
        await standing.still(office, actor)
    except NotSignedIn:
        return False
    return True


async def key_of(office: Office, **wish: object) -> tuple[Actor, str]:
    """A client key of the database as an actor, and its id."""
    made = await keys.create_key(office, OPERATOR, KeyWish(name="team", **wish))  # type: ignore[arg-type]
    return Actor(kind="key", id=f"{ID_PREFIX}{made.key.id}", name="team"), made.key.id


async def test_a_session_that_goes_on_is_who_it_was(at: tuple[Office, Clock]) -> None:
    office, _ = at
    user = await add(office, "ann", "member")
    team = await teams.create_team(office, OPERATOR, TeamWish(name="red"))
    actor = await came_back(office, await begin(office, user))
    assert await standing.still(office, actor) == actor
    await teams.put_member(office, OPERATOR, team.id, MemberWish(user_id=user.id, role="admin"))
    assert (await standing.still(office, actor)).teams == {team.id: "admin"}


async def test_a_session_that_is_over_is_nobody(at: tuple[Office, Clock]) -> None:
    office, _ = at
    user = await add(office, "ann", "member")
    for ending in ("logged out", "ended", "disabled"):
        actor = await came_back(office, await begin(office, user))
        assert actor.session_id is not None
        if ending == "logged out":
            await sessions.log_out(office, actor)
        elif ending == "ended":
            await sessions.end_session(office, OPERATOR, actor.session_id)
        else:
            await people.change_user(office, OPERATOR, user.id, wish_of(user, disabled=True), None)
        assert not await stands(office, actor), ending


async def test_looking_does_not_keep_a_session_alive(at: tuple[Office, Clock]) -> None:
    office, clock = at
    actor = await came_back(office, await begin(office, await add(office, "ann")))
    clock.pass_by(9 * MINUTE)
    assert await stands(office, actor)
    clock.pass_by(2 * MINUTE)
    assert not await stands(office, actor)


async def test_a_session_ends_at_its_time(at: tuple[Office, Clock]) -> None:
    office, clock = at
    started = await begin(office, await add(office, "ann"))
    actor = await came_back(office, started)
    for _ in range(13):
        clock.pass_by(9 * MINUTE)
        await came_back(office, started)
    assert await stands(office, actor)
    clock.pass_by(5 * MINUTE)
    assert not await stands(office, actor)


async def test_another_role_ends_what_was_asked_with_the_former_one(at: tuple[Office, Clock]) -> None:
    office, _ = at
    user = await add(office, "ann", "admin")
    actor = await came_back(office, await begin(office, user))
    made = await tokens.create_token(office, actor, NewToken(name="t", scopes=("usage:read",)))
    token = await tokens.find(office, made.secret, None)
    await people.change_user(office, OPERATOR, user.id, wish_of(user, role="member"), None)
    assert [await stands(office, each) for each in (actor, token)] == [False, False]


async def test_a_token_stands_until_its_time_is_over(at: tuple[Office, Clock]) -> None:
    office, clock = at
    user = await add(office, "ann", "admin")
    ann = await actor_of(office, user)
    expires_at = write_instant(office.now_us + 3600 * 1_000_000)
    made = await tokens.create_token(
        office, ann, NewToken(name="t", scopes=("usage:read", "system:read"), expires_at=expires_at)
    )
    actor = await tokens.find(office, made.secret, None)
    assert await standing.still(office, actor) == actor
    clock.pass_by(3601)
    assert not await stands(office, actor)


async def test_a_token_that_is_revoked_is_nobody(at: tuple[Office, Clock]) -> None:
    office, _ = at
    ann = await actor_of(office, await add(office, "ann", "admin"))
    made = await tokens.create_token(office, ann, NewToken(name="t", scopes=("usage:read",)))
    actor = await tokens.find(office, made.secret, None)
    assert await stands(office, actor)
    await tokens.revoke_token(office, ann, made.token.id, None)
    assert not await stands(office, actor)


async def test_a_key_of_the_database_stands_while_it_is_honoured(at: tuple[Office, Clock]) -> None:
    office, clock = at
    actor, key_id = await key_of(office, expires_at=write_instant(office.now_us + 60 * 1_000_000))
    assert await stands(office, actor)
    clock.pass_by(61)
    assert not await stands(office, actor)
    await keys.change_key(office, OPERATOR, key_id, KeyWish(name="team"), None)
    assert await stands(office, actor)
    await keys.change_key(office, OPERATOR, key_id, KeyWish(name="team", paused=True), None)
    assert not await stands(office, actor)
    await keys.change_key(office, OPERATOR, key_id, KeyWish(name="team"), None)
    await keys.revoke_key(office, OPERATOR, key_id, None)
    assert not await stands(office, actor)
    assert not await stands(office, replace(actor, id=f"{ID_PREFIX}never"))


async def test_a_key_of_the_file_stands_while_it_is_there(at: tuple[Office, Clock]) -> None:
    office, _ = at
    said = ClientKeySettings(name="filed", key="sk-filed-key-of-the-tests")
    actor = Actor(kind="key", id="filed", name="filed")
    assert not await stands(office, actor)
    office.settings = structs.replace(office.settings, client_keys=(said,))
    assert await stands(office, actor)
    office.settings = structs.replace(office.settings, client_keys=(structs.replace(said, paused=True),))
    assert not await stands(office, actor)


async def test_whoever_has_nothing_to_lose_stands(at: tuple[Office, Clock]) -> None:
    office, _ = at
    visitor = Actor(kind="user", name="demo", permissions=frozenset({"usage:read"}))
    for actor in (OPERATOR, visitor):
        assert await standing.still(office, actor) is actor
