"""A client key that somebody keeps for an hour: whose it is, for how long, and what is left of one that was lent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec import structs

from gateway.errors import NotPermitted, NotSignedIn, TooManyAttempts, Unacceptable
from gateway.management import keys, lent_keys, login
from gateway.management.keys import KeyFilter, KeyWish
from gateway.management.lent_keys import LIFE_SECONDS
from gateway.management.office import Actor, Office
from gateway.store.keys import ID_PREFIX
from tests.gateway.management.crowd import Clock, actor_of, add
from tests.gateway.management.offices import OPERATOR, office_in


@pytest.fixture
async def clock() -> Clock:
    return Clock()


@pytest.fixture
async def office(tmp_path: Path, clock: Clock) -> AsyncIterator[Office]:
    async with office_in(tmp_path) as made:
        made._clock = clock
        yield made


@pytest.fixture
async def mia(office: Office) -> Actor:
    return await actor_of(office, await add(office, "mia"))


async def statuses(office: Office) -> dict[str, str]:
    found = await keys.list_keys(office, OPERATOR, KeyFilter(), after_id=None, limit=99)
    return {key.name: key.status for key in found}


async def test_a_key_that_is_shown_is_kept_for_whoever_showed_it(office: Office, mia: Actor) -> None:
    made = await keys.create_key(office, mia, KeyWish(name="mine"))
    held = await lent_keys.hold(office, mia, made.secret, "192.0.2.7")
    assert made.secret not in held.value
    assert made.secret not in repr(held)
    again = await lent_keys.recall(office, mia, held.value)
    assert (again.secret, again.key.name, again.is_lent) == (made.secret, "mine", False)
    for other in (in_session(mia, "another session"), await actor_of(office, await add(office, "max"))):
        with pytest.raises(NotSignedIn):
            await lent_keys.recall(office, other, held.value)


async def guess(office: Office, actor: Actor) -> None:
    for _ in range(1000):
        with suppress(NotSignedIn):
            await lent_keys.hold(office, actor, "sk-slg-nobody", "192.0.2.7")


def in_session(actor: Actor, session_id: str) -> Actor:
    return Actor(kind=actor.kind, name=actor.name, permissions=actor.permissions, id=actor.id, session_id=session_id)


async def test_what_nobody_has_is_refused_and_cannot_be_guessed(office: Office, mia: Actor) -> None:
    with pytest.raises(NotSignedIn):
        await lent_keys.hold(office, mia, "sk-slg-nobody", "192.0.2.7")
    with pytest.raises(TooManyAttempts):
        await guess(office, mia)


async def test_it_is_over_after_an_hour(office: Office, mia: Actor, clock: Clock) -> None:
    made = await keys.create_key(office, mia, KeyWish(name="mine"))
    held = await lent_keys.hold(office, mia, made.secret, "")
    clock.pass_by(LIFE_SECONDS + 1)
    with pytest.raises(NotSignedIn):
        await lent_keys.recall(office, mia, held.value)
    assert await statuses(office) == {"mine": "active"}


async def test_a_key_that_is_revoked_meanwhile_is_over(office: Office, mia: Actor) -> None:
    made = await keys.create_key(office, mia, KeyWish(name="mine"))
    held = await lent_keys.hold(office, mia, made.secret, "")
    paused = structs.replace(KeyWish(name="mine", user_id=mia.user_id), paused=True)
    await keys.change_key(office, mia, made.key.id, paused, None)
    with pytest.raises(NotSignedIn):
        await lent_keys.recall(office, mia, held.value)
    await keys.revoke_key(office, mia, made.key.id, None)
    with pytest.raises(NotSignedIn):
        await lent_keys.recall(office, mia, held.value)
    assert not await lent_keys.give_back(office, mia, held.value)


@pytest.mark.parametrize("value", ["", "x", "AAAA", "ä", "A" * 5000])
async def test_what_we_did_not_seal_is_nothing(office: Office, mia: Actor, value: str) -> None:
    with pytest.raises(NotSignedIn):
        await lent_keys.recall(office, mia, value)
    assert not await lent_keys.give_back(office, mia, value)


async def test_a_lent_key_is_the_users_and_ends_when_it_is_given_back(office: Office, mia: Actor) -> None:
    held = await lent_keys.lend(office, mia)
    shown = await keys.get_key(office, mia, held.key.id.removeprefix(ID_PREFIX))
    assert (shown.user_id, shown.tags, shown.status) == (mia.user_id, ("playground",), "active")
    assert (await lent_keys.recall(office, mia, held.value)).is_lent
    assert await lent_keys.give_back(office, mia, held.value)
    assert list((await statuses(office)).values()) == ["revoked"]
    with pytest.raises(NotSignedIn):
        await lent_keys.recall(office, mia, held.value)


async def test_a_lent_key_whose_hour_is_over_is_revoked(office: Office, mia: Actor, clock: Clock) -> None:
    held = await lent_keys.lend(office, mia)
    await keys.create_key(office, mia, KeyWish(name="playground-mine"))
    await keys.create_key(office, mia, KeyWish(name="old", tags=("playground",), expires_at="2027-01-15T08:05:00Z"))
    clock.pass_by(LIFE_SECONDS + 1)
    assert (await statuses(office))[held.key.name] == "expired"
    await login.forget_old(office)
    assert await statuses(office) == {held.key.name: "revoked", "playground-mine": "active", "old": "expired"}
    first = await lent_keys.lend(office, mia)
    clock.pass_by(LIFE_SECONDS + 1)
    await lent_keys.lend(office, mia)
    assert (await statuses(office))[first.key.name] == "revoked"


async def test_who_may_make_no_keys_is_lent_none(office: Office) -> None:
    viewer = await actor_of(office, await add(office, "vera", "viewer"))
    with pytest.raises(NotPermitted):
        await lent_keys.lend(office, viewer)
    with pytest.raises(Unacceptable):
        await lent_keys.lend(office, OPERATOR)
    assert await statuses(office) == {}
