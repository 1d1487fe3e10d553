from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from msgspec import structs

from gateway.access.sessions import read
from gateway.errors import NotPermitted, NotSignedIn, UnknownResource
from gateway.management import login, sessions
from gateway.management.office import Actor, Office
from gateway.management.sessions import SessionFilter, Visit
from gateway.settings.model import LoginSettings
from gateway.store.state import Where
from tests.gateway.management.crowd import (
    VISIT,
    Clock,
    actor_of,
    add,
    audit,
    begin,
    came_back,
    everything_kept,
    office_at,
)
from tests.gateway.management.offices import OPERATOR

SETTINGS = LoginSettings(idle_minutes=10.0, session_hours=2.0)


@pytest.fixture
async def at(where: Where) -> AsyncIterator[tuple[Office, Clock]]:
    async with office_at(where, SETTINGS) as office:
        yield office


async def listed(office: Office, actor: Actor, user_id: str | None = None) -> list[sessions.SessionView]:
    return await sessions.list_sessions(office, actor, SessionFilter(user_id=user_id), after_id=None, limit=100)


async def test_a_session_says_who_it_is_and_what_they_may_do(at: tuple[Office, Clock]) -> None:
    office, _ = at
    user = await add(office, "ann", "viewer")
    started = await begin(office, user)
    actor = await came_back(office, started)
    assert (actor.kind, actor.name, actor.user_id, actor.id) == ("user", "ann@example.com", user.id, user.id)
    assert (actor.by_cookie, actor.session_id, actor.address) == (True, started.session_id, VISIT.address)
    assert "usage:read" in actor.permissions
    assert "people:write" not in actor.permissions
    assert started.max_age_seconds == 2 * 3600


async def test_each_login_has_a_token_of_its_own_which_is_kept_nowhere(at: tuple[Office, Clock], where: Where) -> None:
    office, _ = at
    user = await add(office, "ann")
    first, second = await begin(office, user), await begin(office, user)
    assert first.value != second.value
    assert first.session_id != second.session_id
    token = read(first.value, office.secrets.sessions)
    assert token is not None
    assert token.encode() not in everything_kept(where.path.parent)
    assert first.value not in repr(first)


async def test_a_session_ends_when_nobody_uses_it(at: tuple[Office, Clock]) -> None:
    office, clock = at
    started = await begin(office, await add(office, "ann"))
    for _ in range(3):
        clock.pass_by(9 * 60)
        await came_back(office, started)
    clock.pass_by(10 * 60)
    with pytest.raises(NotSignedIn):
        await came_back(office, started)


async def test_a_session_ends_however_much_it_is_used(at: tuple[Office, Clock]) -> None:
    office, clock = at
    started = await begin(office, await add(office, "ann"))
    for _ in range(14):
        clock.pass_by(8.5 * 60)
        await came_back(office, started)
    clock.pass_by(2 * 60)
    with pytest.raises(NotSignedIn):
        await came_back(office, started)


async def test_shorter_settings_end_sessions_that_are_there(at: tuple[Office, Clock]) -> None:
    office, clock = at
    started = await begin(office, await add(office, "ann"))
    clock.pass_by(5 * 60)
    shorter = structs.replace(SETTINGS, idle_minutes=4.0)
    office.settings = structs.replace(office.settings, login=shorter)
    with pytest.raises(NotSignedIn):
        await came_back(office, started)


async def test_that_a_session_is_used_is_written_down_once_a_minute(at: tuple[Office, Clock]) -> None:
    office, clock = at
    user = await add(office, "ann")
    started = await begin(office, user)
    (before,) = await listed(office, OPERATOR)
    clock.pass_by(59)
    await came_back(office, started)
    assert (await listed(office, OPERATOR))[0].seen_at == before.seen_at
    clock.pass_by(2)
    await came_back(office, started)
    assert (await listed(office, OPERATOR))[0].seen_at > before.seen_at


async def test_people_see_and_end_their_own_sessions_and_no_others(at: tuple[Office, Clock]) -> None:
    office, _ = at
    ann, bob = await add(office, "ann"), await add(office, "bob")
    hers, other, his = await begin(office, ann), await begin(office, ann, Visit("192.0.2.8")), await begin(office, bob)
    actor = await came_back(office, hers)
    seen = await listed(office, actor)
    assert [session.id for session in seen] == [other.session_id, hers.session_id]
    assert [session.is_current for session in seen] == [False, True]
    assert (seen[0].address, seen[0].user_agent, seen[0].method) == ("192.0.2.8", None, "password")
    assert await listed(office, actor, bob.id) == []
    for hidden in (sessions.end_session(office, actor, his.session_id), sessions.end_sessions(office, actor, bob.id)):
        with pytest.raises(UnknownResource):
            await hidden
    await sessions.end_session(office, actor, other.session_id)
    with pytest.raises(NotSignedIn):
        await came_back(office, other)
    with pytest.raises(UnknownResource):
        await sessions.end_session(office, actor, other.session_id)


async def test_all_other_sessions_end_at_once(at: tuple[Office, Clock]) -> None:
    office, _ = at
    user = await add(office, "ann")
    kept, *others = [await begin(office, user) for _ in range(4)]
    assert await sessions.end_sessions(office, await came_back(office, kept), user.id) == 3
    await came_back(office, kept)
    for other in others:
        with pytest.raises(NotSignedIn):
            await came_back(office, other)


async def test_admins_see_and_end_the_sessions_of_others(at: tuple[Office, Clock]) -> None:
    office, _ = at
    user, admin = await add(office, "ann"), await actor_of(office, await add(office, "bob", "admin"))
    started = await begin(office, user)
    assert [session.email for session in await listed(office, admin, user.id)] == ["ann@example.com"]
    await sessions.end_session(office, admin, started.session_id)
    with pytest.raises(NotSignedIn):
        await came_back(office, started)
    (entry,) = await audit(office, "session.end")
    assert (entry["actor_name"], entry["target_name"]) == ("bob@example.com", "ann@example.com")


async def test_logging_out_ends_the_session_on_the_server(at: tuple[Office, Clock]) -> None:
    office, _ = at
    started = await begin(office, await add(office, "ann"))
    await sessions.log_out(office, await came_back(office, started))
    with pytest.raises(NotSignedIn):
        await came_back(office, started)
    await sessions.log_out(office, OPERATOR)
    assert len(await audit(office, "logout")) == 1


async def test_nobody_without_the_permission_sees_sessions(at: tuple[Office, Clock]) -> None:
    office, _ = at
    nobody = Actor(kind="token", name="t", permissions=frozenset({"usage:read"}), user_id="x")
    with pytest.raises(NotPermitted):
        await listed(office, nobody)
    with pytest.raises(NotPermitted):
        await sessions.end_sessions(office, nobody, "x")


async def test_the_newest_sessions_of_a_user_stay(at: tuple[Office, Clock], monkeypatch: pytest.MonkeyPatch) -> None:
    office, _ = at
    monkeypatch.setattr(sessions, "MOST_OF_ONE", 2)
    user = await add(office, "ann")
    oldest, *rest = [await begin(office, user) for _ in range(3)]
    with pytest.raises(NotSignedIn):
        await came_back(office, oldest)
    assert all([await came_back(office, each) for each in rest])


async def test_what_has_had_its_time_is_deleted(at: tuple[Office, Clock]) -> None:
    office, clock = at
    user = await add(office, "ann")
    await begin(office, user)
    clock.pass_by(9 * 60)
    fresh = await begin(office, user)
    clock.pass_by(2 * 60)
    await login.forget_old(office)
    rows = await office.read(
        lambda session: session.rows(
            "sessions/listed",
            {
                **dict.fromkeys(("before_id", "user_id", "own_user_id")),
                **dict.fromkeys(("now_us", "idle_since_us", "own_only"), 0),
                "limit": 9,
            },
        )
    )
    assert [row["id"] for row in rows] == [fresh.session_id]


async def test_a_long_name_of_a_browser_is_cut(at: tuple[Office, Clock]) -> None:
    office, _ = at
    await begin(office, await add(office, "ann"), Visit("192.0.2.7", "x" * 10_000))
    (session,) = await listed(office, OPERATOR)
    assert session.user_agent == "x" * 300
