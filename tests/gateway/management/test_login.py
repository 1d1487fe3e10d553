from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import bcrypt
import pytest
from msgspec import structs
from nacl.pwhash import argon2id

from gateway.access import attempts as rules
from gateway.access import passwords
from gateway.errors import NotPermitted, NotSignedIn, TooManyAttempts, Unacceptable
from gateway.management import login, people
from gateway.management.attempts import FORGIVEN_US
from gateway.management.hashing import THREADS
from gateway.management.login import OwnPassword
from gateway.management.office import Office
from gateway.settings.model import LoginSettings
from gateway.store.state import Where, state_file
from tests.gateway.management.crowd import (
    PASSWORD,
    Clock,
    add,
    audit,
    begin,
    came_back,
    everything_kept,
    log_in,
    office_at,
    wish_of,
)
from tests.gateway.management.offices import OPERATOR

EMAIL = "ann@example.com"
OTHER_PASSWORD = "copper meadow window"
HOUR = 3600.0


@pytest.fixture(scope="module")
def hashed() -> str:
    return passwords.hashed(PASSWORD)


@pytest.fixture
async def at(where: Where) -> AsyncIterator[tuple[Office, Clock]]:
    async with office_at(where) as office:
        yield office


async def fail(office: Office, email: str = EMAIL, address: str = "192.0.2.7") -> None:
    with pytest.raises(NotSignedIn):
        await log_in(office, email, "not the password", address)


async def failures(office: Office, *names: str) -> dict[str, int]:
    """What is kept against these subjects."""
    rows = await office.read(lambda session: {name: session.row("attempts/kept", {"subject": name}) for name in names})
    return {name: row["failures"] for name, row in rows.items() if row}


async def test_the_right_password_begins_a_session(at: tuple[Office, Clock], hashed: str) -> None:
    office, _ = at
    user = await add(office, "ann", password_hash=hashed)
    started = await log_in(office, " Ann@Example.COM ", PASSWORD)
    assert not started.is_waiting
    assert (await came_back(office, started)).user_id == user.id
    assert (await people.get_user(office, OPERATOR, user.id)).last_login_at is not None
    (entry,) = await audit(office, "login")
    assert (entry["actor_kind"], entry["actor_id"], entry["address"]) == ("user", user.id, "192.0.2.7")
    assert entry["after"] == {"method": "password"}
    assert await failures(office, f"account:{EMAIL}", "everybody") == {}


@pytest.mark.parametrize("who", ["nobody", "wrong", "disabled", "without"])
async def test_whatever_is_wrong_the_answer_and_the_entry_are_the_same(
    at: tuple[Office, Clock], hashed: str, who: str
) -> None:
    office, _ = at
    password = "not the password"
    if who != "nobody":
        user = await add(office, "ann", password_hash=None if who == "without" else hashed)
    if who == "disabled":
        await people.change_user(office, OPERATOR, user.id, wish_of(user, disabled=True), None)
        password = PASSWORD
    with pytest.raises(NotSignedIn) as refusal:
        await log_in(office, EMAIL, password)
    assert refusal.value.message == login.WRONG
    (entry,) = await audit(office, "login.failed")
    assert (entry["actor_kind"], entry["actor_id"], entry["target_id"]) == ("anybody", None, None)
    assert (entry["actor_name"], entry["target_name"], entry["address"]) == (EMAIL, EMAIL, "192.0.2.7")
    counted = await failures(office, f"account:{EMAIL}", f"account_and_address:{EMAIL} 192.0.2.7", "everybody")
    assert list(counted.values()) == [1, 1, 1]


async def test_what_cannot_be_an_address_is_not_written_down(at: tuple[Office, Clock], where: Where) -> None:
    office, _ = at
    await fail(office, "my secret password")
    await fail(office, "x" * 100_000 + "@example.com")
    told = str(await audit(office))
    assert "my secret" not in told
    assert len(told) < 3000
    assert b"my secret" not in everything_kept(where.path.parent)


async def test_five_wrong_passwords_make_the_next_guess_wait_longer_and_longer(
    at: tuple[Office, Clock], hashed: str
) -> None:
    office, clock = at
    await add(office, "ann", password_hash=hashed)
    waits = []
    for _ in range(10):
        try:
            await fail(office)
        except TooManyAttempts as refusal:
            waits.append(refusal.retry_after or 0.0)
            clock.pass_by(waits[-1])
            await fail(office)
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0]
    with pytest.raises(TooManyAttempts):
        await log_in(office, EMAIL, PASSWORD)
    clock.pass_by(32)
    await log_in(office, EMAIL, PASSWORD)


async def test_a_refused_attempt_leaves_nothing_behind(at: tuple[Office, Clock]) -> None:
    office, _ = at
    for _ in range(5):
        await fail(office)
    before = len(await audit(office))
    for _ in range(20):
        with pytest.raises(TooManyAttempts):
            await log_in(office, EMAIL, "not the password")
    assert len(await audit(office)) == before


async def test_an_account_takes_a_hundred_guesses_an_hour_from_anywhere(
    at: tuple[Office, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    office, clock = at
    monkeypatch.setattr(passwords, "verify", lambda *_, **__: passwords.Verdict(matches=False))
    guesses = 0
    for second in range(0, 3600, 10):
        try:
            await fail(office, address=f"192.0.2.{second // 10 % 250}")
            guesses += 1
        except TooManyAttempts:
            pass
        clock.pass_by(10)
    assert 60 <= guesses <= 100


async def test_who_besieges_an_account_does_not_keep_its_owner_out(at: tuple[Office, Clock], hashed: str) -> None:
    office, clock = at
    await add(office, "ann", password_hash=hashed)
    home = "2001:db8:1:2::3"
    await log_in(office, EMAIL, PASSWORD, home)
    for number in range(20):
        await fail(office, address=f"192.0.2.{number}")
        clock.pass_by(1)
    with pytest.raises(TooManyAttempts):
        await log_in(office, EMAIL, PASSWORD, "192.0.2.99")
    await log_in(office, EMAIL, PASSWORD, "2001:db8:1:2:abcd::9"), "the same network"


async def test_a_thousand_guesses_at_once_are_not_all_let_through(
    at: tuple[Office, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    office, _ = at
    monkeypatch.setattr(passwords, "verify", lambda *_, **__: passwords.Verdict(matches=False))
    monkeypatch.setattr(THREADS, "_most", 10_000)

    async def guess() -> str:
        try:
            await log_in(office, EMAIL, "not the password")
        except (NotSignedIn, TooManyAttempts) as refusal:
            return type(refusal).__name__
        return "in"

    found = await asyncio.gather(*(guess() for _ in range(200)))
    assert found.count("NotSignedIn") == rules.BY_ACCOUNT_AND_ADDRESS.free
    assert found.count("TooManyAttempts") == 200 - rules.BY_ACCOUNT_AND_ADDRESS.free


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode(), id="bcrypt"),
        pytest.param("weak", id="argon2id"),
    ],
)
async def test_a_weaker_hash_is_made_anew_at_the_login(at: tuple[Office, Clock], kept: str) -> None:
    office, _ = at
    if kept == "weak":
        kept = argon2id.str(PASSWORD.encode(), opslimit=1, memlimit=8 * 1024 * 1024).decode()
    user = await add(office, "ann", password_hash=kept)
    await log_in(office, EMAIL, PASSWORD)
    row = await office.read(lambda session: session.row("people/by_email", {"email": EMAIL}))
    assert row is not None
    assert row["password_hash"].startswith(passwords.TODAYS_START)
    assert row["version"] == user.version, "nobody's change was overtaken"
    await log_in(office, EMAIL, PASSWORD)


@pytest.mark.parametrize("change", ["disabled", "password"])
async def test_a_password_that_was_right_when_it_was_shown_is_not_enough(
    at: tuple[Office, Clock], hashed: str, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    office, _ = at
    user = await add(office, "ann", password_hash=hashed)
    verify = THREADS.verify

    async def slowly(*given: Any, **named: Any) -> passwords.Verdict:
        verdict = await verify(*given, **named)
        if change == "disabled":
            await people.change_user(office, OPERATOR, user.id, wish_of(user, disabled=True), None)
        else:
            await people.set_password(office, OPERATOR, user.id, OTHER_PASSWORD)
        return verdict

    monkeypatch.setattr(THREADS, "verify", slowly)
    with pytest.raises(NotSignedIn):
        await log_in(office, EMAIL, PASSWORD)
    assert await audit(office, "login") == []


async def test_who_waits_for_an_admin_gets_a_session_that_may_do_nothing(at: tuple[Office, Clock], hashed: str) -> None:
    office, _ = at
    await add(office, "ann", "pending", password_hash=hashed)
    started = await log_in(office, EMAIL, PASSWORD)
    assert started.is_waiting
    assert (await came_back(office, started)).permissions == {"sessions:own"}


async def test_passwords_can_be_switched_off(at: tuple[Office, Clock], hashed: str) -> None:
    office, _ = at
    await add(office, "ann", password_hash=hashed)
    office.settings = structs.replace(office.settings, login=LoginSettings(passwords=False))
    with pytest.raises(NotPermitted, match="switched off"):
        await log_in(office, EMAIL, PASSWORD)


async def test_too_many_logins_at_once_are_told_to_come_again(
    at: tuple[Office, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    office, _ = at
    monkeypatch.setattr(THREADS, "_most", 0)
    with pytest.raises(TooManyAttempts, match="at this moment"):
        await log_in(office, EMAIL, PASSWORD)
    assert await failures(office, f"account:{EMAIL}") == {}, "nobody's fault"


async def test_ones_own_password_is_changed_by_showing_it(at: tuple[Office, Clock], hashed: str) -> None:
    office, _ = at
    user = await add(office, "ann", password_hash=hashed)
    here, elsewhere = await log_in(office, EMAIL, PASSWORD), await begin(office, user)
    actor = await came_back(office, here)
    wish = OwnPassword(current=PASSWORD, new=OTHER_PASSWORD)
    assert PASSWORD not in repr(wish)
    changed = await login.change_password(office, actor, wish)
    assert changed.version == 2
    await came_back(office, here)
    with pytest.raises(NotSignedIn):
        await came_back(office, elsewhere)
    await fail(office)
    await log_in(office, EMAIL, OTHER_PASSWORD)


async def test_ones_own_password_is_not_guessed_with_a_stolen_session(at: tuple[Office, Clock], hashed: str) -> None:
    office, _ = at
    await add(office, "ann", password_hash=hashed)
    actor = await came_back(office, await log_in(office, EMAIL, PASSWORD))
    with pytest.raises(Unacceptable):
        await login.change_password(office, actor, OwnPassword(current=PASSWORD, new="short"))
    for _ in range(5):
        with pytest.raises(NotPermitted, match="current password is wrong"):
            await login.change_password(office, actor, OwnPassword(current="wrong", new=OTHER_PASSWORD))
    with pytest.raises(TooManyAttempts):
        await login.change_password(office, actor, OwnPassword(current=PASSWORD, new=OTHER_PASSWORD))
    with pytest.raises(NotPermitted, match="logged in"):
        await login.change_password(office, OPERATOR, OwnPassword(current=PASSWORD, new=OTHER_PASSWORD))


async def test_failures_are_forgotten_after_days(at: tuple[Office, Clock]) -> None:
    office, clock = at
    await fail(office)
    clock.pass_by(47 * HOUR)
    await login.forget_old(office)
    assert await failures(office, f"account:{EMAIL}") == {f"account:{EMAIL}": 1}
    clock.pass_by(2 * HOUR)
    await login.forget_old(office)
    assert await failures(office, f"account:{EMAIL}", "everybody") == {}


async def test_every_limit_has_forgiven_all_before_its_row_goes() -> None:
    limits = (rules.BY_ACCOUNT_AND_ADDRESS, rules.BY_ACCOUNT, rules.BY_ADDRESS, rules.BY_EVERYBODY)
    assert max(each.most * each.forgive_us for each in limits) <= FORGIVEN_US


async def test_the_time_of_a_login_does_not_tell_who_is_known(tmp_path: Path, hashed: str) -> None:
    """Medians, one login of each kind in turn, and more of them where these do not tell yet. Counted is the time that
    this process spends, in all its threads: what else the machine does is no part of it."""
    async with office_at(Where(state_file(tmp_path))) as (office, clock):
        await add(office, "known", password_hash=hashed)
        await add(office, "without")
        user = await add(office, "disabled", password_hash=hashed)
        await people.change_user(office, OPERATOR, user.id, wish_of(user, disabled=True), None)
        taken: dict[str, list[float]] = {name: [] for name in ("nobody", "known", "without", "disabled")}
        for turn in range(120):
            for name, times in taken.items():
                clock.pass_by(HOUR)
                began = process_time()
                await fail(office, f"{name}@example.com", f"198.51.100.{turn}")
                times.append(process_time() - began)
            ratios = {name: median(times) / median(taken["nobody"]) for name, times in taken.items()}
            if turn >= 24 and all(1 / 1.05 <= ratio <= 1.05 for ratio in ratios.values()):
                return
        raise AssertionError(ratios)
