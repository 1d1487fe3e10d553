from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.errors import Conflict, NotPermitted, NotSignedIn, Unacceptable, UnknownResource, VersionMismatch
from gateway.management import people, teams, tokens
from gateway.management.office import Actor, Office
from gateway.management.teams import MemberWish, TeamWish
from gateway.management.tokens import NewToken, TokenFilter
from gateway.settings.instants import write_instant
from gateway.store.state import Where
from tests.gateway.management.crowd import (
    Clock,
    actor_of,
    add,
    audit,
    everything_kept,
    office_at,
    wish_of,
)
from tests.gateway.management.offices import OPERATOR


@pytest.fixture
async def at(where: Where) -> AsyncIterator[tuple[Office, Clock]]:
    async with office_at(where) as office:
        yield office


async def names(office: Office, actor: Actor, **wanted: str) -> list[str]:
    listed = await tokens.list_tokens(office, actor, TokenFilter(**wanted), after_id=None, limit=100)  # type: ignore[arg-type]
    return [token.name for token in listed]


async def test_a_token_is_shown_once_and_kept_as_a_digest(at: tuple[Office, Clock], where: Where) -> None:
    office, _ = at
    actor = await actor_of(office, await add(office, "ann", "admin"))
    wish = NewToken(name=" deploy ", scopes=("keys:write", "usage:read", "usage:read"))
    made = await tokens.create_token(office, actor, wish)
    shown = made.token
    assert made.secret.startswith("slg-api-")
    assert made.secret.startswith(shown.prefix)
    assert made.secret.endswith(shown.last_four)
    assert made.secret not in repr(made)
    assert (shown.name, shown.scopes, shown.status, shown.version) == (
        "deploy",
        ("keys:write", "usage:read"),
        "active",
        1,
    )
    assert made.secret.encode() not in everything_kept(where.path.parent)
    assert made.secret not in str(await audit(office))


async def test_a_token_stands_for_its_scopes_within_its_users_role(at: tuple[Office, Clock]) -> None:
    office, _ = at
    user = await add(office, "ann", "admin")
    team = await teams.create_team(office, OPERATOR, TeamWish(name="red"))
    await teams.put_member(office, OPERATOR, team.id, MemberWish(user_id=user.id, role="admin"))
    made = await tokens.create_token(office, await actor_of(office, user), NewToken(name="t", scopes=("keys:write",)))
    found = await tokens.find(office, made.secret, "192.0.2.9")
    assert (found.kind, found.name, found.id, found.user_id) == ("token", "t", made.token.id, user.id)
    assert found.permissions == {"keys:write", "keys:read", "keys:own"}
    assert found.teams == {team.id: "admin"}
    assert (found.address, found.by_cookie) == ("192.0.2.9", False)


async def test_what_a_user_may_no_longer_do_their_token_may_not_either(at: tuple[Office, Clock]) -> None:
    office, _ = at
    user = await add(office, "ann", "admin")
    made = await tokens.create_token(
        office, await actor_of(office, user), NewToken(name="t", scopes=("keys:own", "people:write"))
    )
    parameters = {"id": user.id, "email": user.email, "name": "", "role": "member", "disabled_at": None, "now_us": 1}
    await office.state.write(lambda session: session.run("people/change", parameters))
    assert (await tokens.find(office, made.secret, None)).permissions == {"keys:own"}


async def test_a_token_has_only_what_its_maker_has(at: tuple[Office, Clock]) -> None:
    office, _ = at
    actor = await actor_of(office, await add(office, "ann"))
    with pytest.raises(NotPermitted, match="people:write"):
        await tokens.create_token(office, actor, NewToken(name="t", scopes=("people:write",)))
    with pytest.raises(Unacceptable, match="no permission"):
        await tokens.create_token(office, actor, NewToken(name="t", scopes=("keys:everything",)))
    admin = await actor_of(office, await add(office, "bob", "admin"))
    made = await tokens.create_token(office, admin, NewToken(name="t", scopes=("tokens:own", "keys:own")))
    through = await tokens.find(office, made.secret, None)
    for maker in (through, OPERATOR):
        with pytest.raises(Unacceptable, match="log in to make it"):
            await tokens.create_token(office, maker, NewToken(name="t", scopes=("keys:own",)))


async def test_revoking_is_for_those_whose_scopes_say_so(at: tuple[Office, Clock]) -> None:
    office, _ = at
    user = await add(office, "ann")
    made = await tokens.create_token(office, await actor_of(office, user), NewToken(name="t", scopes=("keys:own",)))
    through = await tokens.find(office, made.secret, None)
    with pytest.raises(NotPermitted):
        await tokens.revoke_token(office, through, made.token.id, None)


async def test_a_token_has_its_time(at: tuple[Office, Clock]) -> None:
    office, clock = at
    actor = await actor_of(office, await add(office, "ann"))
    ends = write_instant(clock.now_us + 60_000_000)
    made = await tokens.create_token(office, actor, NewToken(name="t", scopes=("keys:own",), expires_at=ends))
    assert made.token.expires_at == ends
    await tokens.find(office, made.secret, None)
    clock.pass_by(60)
    with pytest.raises(NotSignedIn):
        await tokens.find(office, made.secret, None)
    assert (await tokens.get_token(office, actor, made.token.id)).status == "expired"
    for wrong in ("2020-01-01", "soon"):
        with pytest.raises(Unacceptable, match="expires_at"):
            await tokens.create_token(office, actor, NewToken(name="t", scopes=("keys:own",), expires_at=wrong))


@pytest.mark.parametrize(
    "presented", ["", "slg-api-", "slg-api-" + "A" * 43, "sk-slg-" + "A" * 32, "slg-api-" + "ä" * 43]
)
async def test_what_is_no_token_of_ours_is_refused(at: tuple[Office, Clock], presented: str) -> None:
    with pytest.raises(NotSignedIn):
        await tokens.find(at[0], presented, None)


async def test_a_revoked_token_is_refused_for_good(at: tuple[Office, Clock]) -> None:
    office, _ = at
    actor = await actor_of(office, await add(office, "ann"))
    made = await tokens.create_token(office, actor, NewToken(name="t", scopes=("keys:own",)))
    with pytest.raises(VersionMismatch):
        await tokens.revoke_token(office, actor, made.token.id, 2)
    revoked = await tokens.revoke_token(office, actor, made.token.id, 1)
    assert (revoked.status, revoked.version) == ("revoked", 2)
    with pytest.raises(NotSignedIn):
        await tokens.find(office, made.secret, None)
    with pytest.raises(Conflict, match="for good"):
        await tokens.revoke_token(office, actor, made.token.id, None)
    assert [entry["action"] for entry in await audit(office)][-2:] == ["token.create", "token.revoke"]


async def test_the_token_of_a_disabled_user_is_refused(at: tuple[Office, Clock]) -> None:
    office, _ = at
    user = await add(office, "ann")
    made = await tokens.create_token(office, await actor_of(office, user), NewToken(name="t", scopes=("keys:own",)))
    user = await people.change_user(office, OPERATOR, user.id, wish_of(user, disabled=True), None)
    await people.change_user(office, OPERATOR, user.id, wish_of(user, disabled=False), None)
    with pytest.raises(NotSignedIn):
        await tokens.find(office, made.secret, None)


async def test_people_see_and_revoke_their_own_tokens_and_admins_all(at: tuple[Office, Clock]) -> None:
    office, clock = at
    ann, bob = await add(office, "ann"), await add(office, "bob")
    hers, his = await actor_of(office, ann), await actor_of(office, bob)
    first = await tokens.create_token(office, hers, NewToken(name="first", scopes=("keys:own",)))
    clock.pass_by(1)
    await tokens.create_token(office, hers, NewToken(name="second", scopes=("keys:own",), expires_at="2099-01-01"))
    other = await tokens.create_token(office, his, NewToken(name="other", scopes=("keys:own",)))
    assert await names(office, hers) == ["second", "first"]
    assert await names(office, hers, user_id=bob.id) == []
    assert await names(office, OPERATOR) == ["other", "second", "first"]
    assert await names(office, OPERATOR, user_id=ann.id) == ["second", "first"]
    for hidden in (
        tokens.get_token(office, hers, other.token.id),
        tokens.revoke_token(office, hers, other.token.id, None),
        tokens.get_token(office, OPERATOR, "none"),
    ):
        with pytest.raises(UnknownResource):
            await hidden
    reader = Actor(kind="token", name="r", permissions=frozenset({"tokens:read"}))
    with pytest.raises(NotPermitted):
        await tokens.revoke_token(office, reader, other.token.id, None)
    await tokens.revoke_token(office, OPERATOR, first.token.id, None)
    assert await names(office, hers, status="active") == ["second"]
    assert await names(office, hers, status="revoked") == ["first"]
    assert await names(office, hers, status="expired") == []


async def test_that_a_token_is_used_is_written_down_once_a_minute(at: tuple[Office, Clock]) -> None:
    office, clock = at
    actor = await actor_of(office, await add(office, "ann"))
    made = await tokens.create_token(office, actor, NewToken(name="t", scopes=("keys:own",)))
    assert made.token.last_used_at is None

    async def used() -> str | None:
        await tokens.find(office, made.secret, None)
        return (await tokens.get_token(office, actor, made.token.id)).last_used_at

    first = await used()
    clock.pass_by(59)
    assert await used() == first is not None
    clock.pass_by(2)
    assert await used() != first
