"""Logins at a provider as a browser has them; the provider says what the test wants."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import LoginFailed
from gateway.management import people
from tests.gateway.management.crowd import PASSWORD, Clock, add, wish_of
from tests.gateway.management.offices import OPERATOR
from tests.web.visiting import House, Person, house_in

SESSION = "__Host-sluicegate"
BACK = "/login/corp/callback?state=state-1&code=x"


async def gone_off(house: House, next_page: str = "/account", **more: str) -> Person:
    """Somebody who has been sent to the provider."""
    person = house.person(**more)
    await person.get(f"/login?next={next_page}")
    assert (await person.submit("/login/corp")).status == 200
    return person


async def test_the_browser_goes_to_the_provider_and_comes_back_signed_in(house: House) -> None:
    person = await gone_off(house, "/account?tab=2")
    assert person.last is not None
    assert person.last.going_to == "https://login.corp.example/?state=state-1"
    assert house.provider.begun == ["https://gate.example/login/corp/callback"]
    back = await person.get(BACK)
    assert (back.status, back.to) == (303, "/account?tab=2")
    page = await person.follow()
    assert "ada@example.com" in page.text
    assert "Corp" in page.text


async def test_the_second_time_it_is_the_same_user_in_a_new_session(house: House) -> None:
    first = await gone_off(house)
    await first.get(BACK)
    second = await gone_off(house)
    await second.get(BACK.replace("state-1", "state-2"))
    assert first.cookies[SESSION] != second.cookies[SESSION]
    assert (await first.get("/account")).text.count("this one") == 1
    wanted = people.UserFilter()
    assert len(await people.list_users(house.office, OPERATOR, wanted, after_id=None, limit=10)) == 1


async def test_whoever_was_signed_in_before_no_longer_is(house: House) -> None:
    await add(house.office, "bob", password=PASSWORD)
    person = await house.signed_in("bob@example.com")
    former = person.cookies[SESSION]
    csrf = (await person.get("/account")).form("/logout")["csrf"]
    await person.post("/login/corp", {"csrf": csrf})
    assert (await person.get(BACK)).status == 303
    assert "ada@example.com" in (await person.get("/account")).text
    person.cookies[SESSION] = former
    assert (await person.get("/account")).status == 303


async def test_a_state_works_once_and_in_its_own_browser(house: House) -> None:
    person = await gone_off(house)
    other = house.person()
    await other.get("/login")
    stolen = await other.get(BACK)
    assert stolen.status == 403
    assert "not begun in this browser" in stolen.text
    assert SESSION not in other.cookies
    person = await gone_off(house)
    back = BACK.replace("state-1", "state-2")
    assert (await person.get(back)).status == 303
    again = await person.get(back)
    assert again.status == 403
    assert "was finished before" in again.text


@pytest.mark.parametrize("query", ["", "?state=", "?state=made-up&code=x", "?code=x", "?state=state-1&state=x&code=x"])
async def test_a_return_that_nobody_began_is_refused(house: House, query: str) -> None:
    person = await gone_off(house)
    answer = await person.get(f"/login/corp/callback{query}")
    assert answer.status == 403
    assert SESSION not in person.cookies


async def test_who_begins_at_one_provider_does_not_come_back_from_another(house: House) -> None:
    """RFC 9700, 4.4: a provider must not pass its answers off as another's."""
    person = await gone_off(house)
    assert (await person.get(BACK.replace("corp", "other"))).status == 403
    assert SESSION not in person.cookies


async def test_whoever_stays_away_too_long_begins_anew(house: House) -> None:
    clock = house.office._clock = Clock()
    person = await gone_off(house)
    clock.pass_by(601)
    answer = await person.get(BACK)
    assert answer.status == 403
    assert "took too long" in answer.text


async def test_a_disabled_user_is_refused_in_words(house: House) -> None:
    await (await gone_off(house)).get(BACK)
    wanted = people.UserFilter()
    (user,) = await people.list_users(house.office, OPERATOR, wanted, after_id=None, limit=10)
    await people.change_user(house.office, OPERATOR, user.id, wish_of(user, disabled=True), None)
    person = await gone_off(house)
    answer = await person.get(BACK.replace("state-1", "state-2"))
    assert answer.status == 403
    assert "This user is disabled." in answer.text
    assert SESSION not in person.cookies


async def test_a_user_with_a_password_is_not_taken_over(house: House) -> None:
    await add(house.office, "ada", "owner", password=PASSWORD)
    answer = await (await gone_off(house)).get(BACK)
    assert answer.status == 403
    assert "logs in in another way" in answer.text


async def test_a_provider_that_does_not_answer_is_said_on_the_login_page(house: House) -> None:
    house.provider.refusal = LoginFailed("The provider could not be asked.", details="secret")
    person = house.person()
    await person.get("/login?next=/account")
    answer = await person.submit("/login/corp")
    assert answer.status == 403
    assert "could not be asked" in answer.text
    assert "secret" not in answer.text
    assert answer.form("/login/corp")["next"] == "/account"


async def test_an_unknown_provider_is_said(house: House) -> None:
    person = house.person()
    csrf = (await person.get("/login")).form("/login")["csrf"]
    answer = await person.post("/login/nonesuch", {"csrf": csrf})
    assert answer.status == 404
    assert "There is no login provider nonesuch." in answer.text.replace("&#39;", "'")


async def test_a_provider_is_told_the_address_that_browsers_know(tmp_path: Path) -> None:
    async with house_in(tmp_path, server={"public_url": "https://llm.example.com/"}) as house:
        await gone_off(house, origin="https://10.1.2.3:8443")
        assert house.provider.begun == ["https://llm.example.com/login/corp/callback"]


async def test_the_page_on_the_way_leads_nowhere_but_to_the_provider(house: House) -> None:
    person = await gone_off(house)
    assert person.last is not None
    assert person.last.headers["cache-control"] == "no-store"
    assert person.last.text.count("https://") == 2
    assert person.last.forms == []


async def test_a_waiting_user_is_told_so(house: House) -> None:
    house.provider.identity = replace(house.provider.identity, email="new@example.com")
    person = await gone_off(house, "/")
    await person.get(BACK)
    answer = await person.follow()
    assert answer.status == 403
    assert "Waiting for an admin" in answer.text
