from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.access import passwords
from gateway.access.roles import permissions_of
from gateway.errors import (
    Conflict,
    NotPermitted,
    NotSignedIn,
    Unacceptable,
    UnknownResource,
    VersionMismatch,
)
from gateway.management import keys, people, sessions, tokens
from gateway.management.keys import KeyWish
from gateway.management.links import LinkWish
from gateway.management.office import Actor, Office
from gateway.management.people import NewUser, UserFilter
from gateway.management.tokens import NewToken
from gateway.settings.section import RoleName
from gateway.store.state import Where
from tests.gateway.management.crowd import (
    HASH,
    PASSWORD,
    actor_of,
    add,
    audit,
    begin,
    came_back,
    everything_kept,
    office_at,
    wish_of,
)
from tests.gateway.management.offices import OPERATOR


@pytest.fixture
async def office(where: Where) -> AsyncIterator[Office]:
    async with office_at(where) as (office, _):
        yield office


async def emails(office: Office, wanted: UserFilter, after_id: str | None = None, limit: int = 100) -> list[str]:
    found = await people.list_users(office, OPERATOR, wanted, after_id=after_id, limit=limit)
    return [user.email.partition("@")[0] for user in found]


async def test_a_user_is_made_with_an_address_in_lower_case_and_a_link_to_choose_a_password(office: Office) -> None:
    made = await people.create_user(office, OPERATOR, NewUser(email=" Ann@Example.com ", name="Ann "))
    user = made.user
    assert (user.email, user.name, user.role, user.version) == ("ann@example.com", "Ann", "member", 1)
    assert not user.has_password
    assert not user.disabled
    assert made.link is not None
    assert made.link.email == "ann@example.com"
    assert made.link.token not in repr(made)
    assert await people.get_user(office, OPERATOR, user.id) == user
    assert await people.find_user(office, OPERATOR, "ANN@example.com") == user


async def test_a_password_is_hashed_and_stands_nowhere(office: Office, where: Where) -> None:
    wish = NewUser(email="ann@example.com", password=PASSWORD)
    made = await people.create_user(office, OPERATOR, wish)
    assert made.user.has_password
    assert made.link is None
    assert PASSWORD not in repr(wish)
    assert PASSWORD.encode() not in everything_kept(where.path.parent)
    assert PASSWORD not in str(await audit(office))


@pytest.mark.parametrize(
    "wish",
    [
        NewUser(email="nobody"),
        NewUser(email="a@b@c"),
        NewUser(email="\u212aate@example.com"),  # a Kelvin sign: `k` in lower case
        NewUser(email="a b@example.com"),
        NewUser(email="ann@example.com", password="short"),
        NewUser(email="ann@example.com", password=PASSWORD, password_hash=HASH),
        NewUser(email="ann@example.com", password_hash="$1$md5"),
    ],
    ids=lambda wish: f"{wish.email} {wish.password_hash or ''}",
)
async def test_what_cannot_be_a_user_is_refused_and_changes_nothing(office: Office, wish: NewUser) -> None:
    with pytest.raises(Unacceptable):
        await people.create_user(office, OPERATOR, wish)
    assert await emails(office, UserFilter()) == []


async def test_no_two_users_have_one_address(office: Office) -> None:
    ann, bob = await add(office, "ann"), await add(office, "bob")
    with pytest.raises(Conflict, match=r"ann@example\.com already"):
        await people.create_user(office, OPERATOR, NewUser(email="ANN@example.com"))
    with pytest.raises(Conflict):
        await people.change_user(office, OPERATOR, bob.id, wish_of(bob, email=ann.email), None)


async def test_users_are_listed_latest_first_page_by_page_and_as_asked_for(office: Office) -> None:
    made = [await add(office, name, role) for name, role in PEOPLE]
    assert await emails(office, UserFilter(), limit=3) == ["eve", "dan", "cem"]
    assert await emails(office, UserFilter(), after_id=made[2].id, limit=3) == ["bob", "ann"]
    assert await emails(office, UserFilter(role="member")) == ["eve", "bob"]
    assert await emails(office, UserFilter(search="AN")) == ["dan", "ann"]
    await people.change_user(office, OPERATOR, made[1].id, wish_of(made[1], disabled=True), None)
    assert await emails(office, UserFilter(disabled=True)) == ["bob"]
    assert await emails(office, UserFilter(disabled=False, role="member")) == ["eve"]


PEOPLE: list[tuple[str, RoleName]] = [
    ("ann", "owner"),
    ("bob", "member"),
    ("cem", "viewer"),
    ("dan", "pending"),
    ("eve", "member"),
]


async def test_a_change_counts_the_version_and_is_written_down(office: Office) -> None:
    user = await add(office, "ann")
    generation = office.generations.of("people")
    changed = await people.change_user(office, OPERATOR, user.id, wish_of(user, name="Anna", email="Anna@b.c"), 1)
    assert (changed.name, changed.email, changed.version) == ("Anna", "anna@b.c", 2)
    assert office.generations.of("people") == generation + 1
    with pytest.raises(VersionMismatch, match="version 2 by now, not 1"):
        await people.change_user(office, OPERATOR, user.id, wish_of(user), 1)
    (entry,) = await audit(office, "user.change")
    assert (entry["before"]["name"], entry["after"]["name"]) == ("Ann", "Anna")
    assert (entry["actor_kind"], entry["target_id"]) == ("operator", user.id)


async def test_who_may_not_change_people_changes_their_own_name_only(office: Office) -> None:
    ann, bob = await add(office, "ann"), await add(office, "bob")
    actor = await actor_of(office, ann)
    assert (await people.change_user(office, actor, ann.id, wish_of(ann, name="Anna"), None)).name == "Anna"
    for wish in (wish_of(ann, email="x@y.z"), wish_of(ann, role="admin"), wish_of(ann, disabled=True)):
        with pytest.raises(NotPermitted, match="you may change the name"):
            await people.change_user(office, actor, ann.id, wish, None)
    with pytest.raises(NotPermitted):
        await people.change_user(office, actor, bob.id, wish_of(bob, name="Rob"), None)
    await people.get_user(office, actor, ann.id)
    for asked in (
        people.get_user(office, actor, bob.id),
        people.find_user(office, actor, bob.email),
        people.list_users(office, actor, UserFilter(), after_id=None, limit=1),
        people.create_user(office, actor, NewUser(email="x@y.z")),
        people.delete_user(office, actor, bob.id, None),
        people.make_password_link(office, actor, bob.id, LinkWish()),
    ):
        with pytest.raises(NotPermitted):
            await asked


async def test_who_waits_or_comes_with_a_token_does_not_even_change_a_name(office: Office) -> None:
    waiting, ann = await add(office, "dan", "pending"), await add(office, "ann")
    with pytest.raises(NotPermitted):
        await people.change_user(office, await actor_of(office, waiting), waiting.id, wish_of(waiting), None)
    token = await actor_of(office, ann, kind="token", permissions=frozenset({"configuration:read"}))
    with pytest.raises(NotPermitted):
        await people.change_user(office, token, ann.id, wish_of(ann, name="Anna"), None)


async def test_nobody_makes_or_changes_somebody_who_may_do_more(office: Office) -> None:
    owner, admin, member = (
        await add(office, "ann", "owner"),
        await add(office, "bob", "admin"),
        await add(office, "cem"),
    )
    actor = await actor_of(office, admin)
    for refused in (
        people.create_user(office, actor, NewUser(email="x@y.z", role="owner")),
        people.change_user(office, actor, member.id, wish_of(member, role="owner"), None),
        people.change_user(office, actor, owner.id, wish_of(owner, email="x@y.z"), None),
        people.change_user(office, actor, admin.id, wish_of(admin, role="owner"), None),
        people.delete_user(office, actor, owner.id, None),
        people.make_password_link(office, actor, owner.id, LinkWish()),
    ):
        with pytest.raises(NotPermitted, match="Only an owner"):
            await refused
    assert (await people.change_user(office, actor, member.id, wish_of(member, role="admin"), None)).role == "admin"
    scoped = Actor(kind="token", name="t", permissions=permissions_of("admin", ["people:write"]))
    with pytest.raises(NotPermitted, match="no more than you"):
        await people.create_user(office, scoped, NewUser(email="x@y.z", role="admin"))
    await people.create_user(office, scoped, NewUser(email="x@y.z", role="member"))


async def test_the_last_owner_who_can_log_in_stays_one(office: Office) -> None:
    ann, bob = await add(office, "ann", "owner"), await add(office, "bob", "owner")
    bob = await people.change_user(office, OPERATOR, bob.id, wish_of(bob, disabled=True), None)
    for refused in (
        people.change_user(office, OPERATOR, ann.id, wish_of(ann, role="admin"), None),
        people.change_user(office, OPERATOR, ann.id, wish_of(ann, disabled=True), None),
        people.delete_user(office, OPERATOR, ann.id, None),
    ):
        with pytest.raises(Conflict, match="last owner"):
            await refused
    await people.change_user(office, OPERATOR, bob.id, wish_of(bob, disabled=False), None)
    await people.delete_user(office, OPERATOR, ann.id, None)
    with pytest.raises(UnknownResource):
        await people.get_user(office, OPERATOR, ann.id)


async def test_another_role_ends_sessions_and_tokens(office: Office) -> None:
    user = await add(office, "ann", "admin")
    started, actor = await begin(office, user), await actor_of(office, user)
    made = await tokens.create_token(office, actor, NewToken(name="t", scopes=("usage:read",)))
    await people.change_user(office, OPERATOR, user.id, wish_of(user, role="member"), None)
    with pytest.raises(NotSignedIn):
        await came_back(office, started)
    with pytest.raises(NotSignedIn):
        await tokens.find(office, made.secret, None)
    shown = await tokens.get_token(office, OPERATOR, made.token.id)
    assert (shown.status, shown.version) == ("revoked", 2)


async def test_who_waited_need_not_log_in_again(office: Office) -> None:
    user = await add(office, "dan", "pending")
    started = await begin(office, user)
    assert started.is_waiting
    assert (await came_back(office, started)).permissions == {"sessions:own"}
    await people.change_user(office, OPERATOR, user.id, wish_of(user, role="member"), None)
    assert "keys:own" in (await came_back(office, started)).permissions


async def test_disabling_ends_sessions_and_tells_the_workers_of_the_keys(office: Office) -> None:
    user = await add(office, "ann")
    started = await begin(office, user)
    made = await keys.create_key(office, OPERATOR, KeyWish(name="hers", user_id=user.id))
    generation = office.generations.of("keys")
    user = await people.change_user(office, OPERATOR, user.id, wish_of(user, disabled=True), None)
    assert user.disabled_at is not None
    assert office.generations.of("keys") == generation + 1
    changed = await office.read(lambda session: session.rows("keys/changed_since", {"since": generation}))
    assert [row["name"] for row in changed] == ["hers"]
    assert (await keys.get_key(office, OPERATOR, made.key.id)).status == "suspended"
    with pytest.raises(NotSignedIn):
        await came_back(office, started)
    await people.change_user(office, OPERATOR, user.id, wish_of(user, name="A"), None)
    assert office.generations.of("keys") == generation + 1, "a name is none of the workers' business"
    await people.change_user(office, OPERATOR, user.id, wish_of(user, disabled=False), None)
    assert (await keys.get_key(office, OPERATOR, made.key.id)).status == "active"


async def test_a_user_with_client_keys_is_disabled_and_not_deleted(office: Office) -> None:
    user = await add(office, "ann")
    made = await keys.create_key(office, OPERATOR, KeyWish(name="hers", user_id=user.id))
    await keys.revoke_key(office, OPERATOR, made.key.id, None)
    with pytest.raises(Conflict, match="disable the user"):
        await people.delete_user(office, OPERATOR, user.id, None)


async def test_what_belongs_to_a_deleted_user_is_gone(office: Office) -> None:
    user = await add(office, "ann", password_hash=passwords.hashed(PASSWORD))
    started = await begin(office, user)
    await people.delete_user(office, OPERATOR, user.id, user.version)
    with pytest.raises(NotSignedIn):
        await came_back(office, started)
    (entry,) = await audit(office, "user.delete")
    assert entry["before"]["email"] == "ann@example.com"
    assert "argon2id" not in str(entry)


async def test_only_the_operator_sets_a_password_directly(office: Office) -> None:
    user, admin = await add(office, "ann"), await add(office, "bob", "owner")
    started = await begin(office, user)
    with pytest.raises(NotPermitted, match="make a link"):
        await people.set_password(office, await actor_of(office, admin), user.id, PASSWORD)
    with pytest.raises(Unacceptable):
        await people.set_password(office, OPERATOR, user.id, "ann@example.com")
    assert (await people.set_password(office, OPERATOR, user.id, PASSWORD)).has_password
    with pytest.raises(NotSignedIn):
        await came_back(office, started)
    assert (await audit(office, "user.password"))[0]["after"] is None


async def test_a_session_of_somebody_else_is_not_touched(office: Office) -> None:
    ann, bob = await add(office, "ann"), await add(office, "bob")
    started = await begin(office, bob)
    await people.change_user(office, OPERATOR, ann.id, wish_of(ann, role="viewer"), None)
    assert (await came_back(office, started)).user_id == bob.id
    assert await sessions.end_sessions(office, OPERATOR, bob.id) == 1
