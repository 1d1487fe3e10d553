"""Who somebody is where seats are counted, on either engine."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.management import keys, teams, tokens
from gateway.management.keys import KeyWish
from gateway.management.office import Actor, Office
from gateway.management.seats import person
from gateway.management.teams import TeamWish
from gateway.management.tokens import NewToken
from gateway.store.keys import ID_PREFIX
from gateway.store.state import Where
from tests.gateway.management.crowd import actor_of, add, begin, came_back, office_at
from tests.gateway.management.offices import OPERATOR


@pytest.fixture
async def office(where: Where) -> AsyncIterator[Office]:
    async with office_at(where) as (made, _):
        yield made


async def key_of(office: Office, name: str, user_id: str | None = None, team_id: str | None = None) -> Actor:
    """A client key of the database, as its client shows it."""
    made = await keys.create_key(office, OPERATOR, KeyWish(name=name, user_id=user_id, team_id=team_id))
    return Actor(kind="key", id=f"{ID_PREFIX}{made.key.id}", name=name)


async def test_all_that_a_person_shows_is_that_person(office: Office) -> None:
    user, other = await add(office, "ann", "member"), await add(office, "bob", "member")
    ann = await actor_of(office, user)
    sessions = [await came_back(office, await begin(office, user)) for _ in range(2)]
    made = [await tokens.create_token(office, ann, NewToken(name=name, scopes=("usage:own",))) for name in "xy"]
    shown = [await tokens.find(office, each.secret, None) for each in made]
    mine = [await key_of(office, name, user_id=user.id) for name in ("one", "two")]
    assert {await person(office, each) for each in (*sessions, *shown, *mine)} == {f"user:{user.id}"}
    assert await person(office, await actor_of(office, other)) == f"user:{other.id}"


async def test_keys_of_a_team_are_the_team(office: Office) -> None:
    team = await teams.create_team(office, OPERATOR, TeamWish(name="red"))
    shown = [await key_of(office, name, team_id=team.id) for name in ("one", "two")]
    assert {await person(office, each) for each in shown} == {f"team:{team.id}"}


async def test_a_key_that_is_nobodys_is_itself(office: Office) -> None:
    stored = await key_of(office, "alone")
    assert await person(office, stored) == f"key:{stored.id}"
    assert await person(office, Actor(kind="key", id=f"{ID_PREFIX}gone", name="gone")) == f"key:{ID_PREFIX}gone"
    assert await person(office, Actor(kind="key", id="app", name="app")) == "key:app", "of the configuration file"


async def test_whoever_has_no_name_is_where_they_come_from(office: Office) -> None:
    visitors = [Actor(kind="user", name="demo", address=f"192.0.2.{number}") for number in (1, 2)]
    assert [await person(office, each) for each in visitors] == ["user:192.0.2.1", "user:192.0.2.2"]
    assert await person(office, OPERATOR) == "operator:operator"
