"""One's own page: password, sessions, API tokens, logins at providers."""

from __future__ import annotations

import re

import pytest

from gateway.management import openid, tokens
from gateway.management.people import UserView
from tests.gateway.management.crowd import PASSWORD, actor_of, add
from tests.web.visiting import OTHER_PASSWORD, House, Person

ADA = "ada@example.com"


async def ada_in(house: House, role: str = "viewer") -> tuple[UserView, Person]:
    user = await add(house.office, "ada", role, password=PASSWORD)  # type: ignore[arg-type]
    return user, await house.signed_in(ADA)


async def test_it_says_who_one_is(house: House) -> None:
    _, ada = await ada_in(house)
    page = await ada.get("/account")
    assert page.status == 200
    for shown in ("Ada", ADA, "viewer", "Firefox on Linux", "192.0.2.7", "this one"):
        assert shown in page.text


async def test_a_password_is_changed_by_showing_the_old_one(house: House) -> None:
    _, ada = await ada_in(house)
    elsewhere = await house.signed_in(ADA)
    await ada.get("/account")
    done = await ada.submit("/account/password", current=PASSWORD, password=OTHER_PASSWORD, again=OTHER_PASSWORD)
    assert (done.status, done.to) == (303, "/account?said=password")
    assert "Your password is changed" in (await ada.follow()).text
    assert (await elsewhere.get("/account")).status == 303
    assert (await house.person().log_in(ADA, OTHER_PASSWORD)).status == 303


@pytest.mark.parametrize(
    ("typed", "status", "field"),
    [
        ({"current": "wrong horse battery"}, 403, "current"),
        ({"password": "short", "again": "short"}, 422, "password"),
        ({"again": "something else"}, 422, "again"),
    ],
)
async def test_what_is_wrong_with_it_stands_beside_the_field(
    house: House, typed: dict[str, str], status: int, field: str
) -> None:
    _, ada = await ada_in(house)
    await ada.get("/account")
    right = {"current": PASSWORD, "password": OTHER_PASSWORD, "again": OTHER_PASSWORD}
    answer = await ada.submit("/account/password", **{**right, **typed})
    assert answer.status == status
    assert f'id="account-password-{field}-wrong"' in answer.text
    assert not re.search(r'type="password"[^>]* value=', answer.text)


async def test_one_s_sessions_are_listed_and_ended(house: House) -> None:
    _, ada = await ada_in(house)
    others = [await house.signed_in(ADA, address="198.51.100.9") for _ in range(3)]
    page = await ada.get("/account")
    assert page.text.count("198.51.100.9") == 3
    done = await ada.submit("/account/sessions/end")
    assert done.to == "/account?said=ended"
    assert [(await other.get("/account")).status for other in others].count(303) == 1
    await ada.get("/account")
    done = await ada.submit("/account/sessions/end-others")
    assert "All your other sessions have ended." in (await ada.follow()).text
    assert [(await other.get("/account")).status for other in others] == [303, 303, 303]
    page = await ada.get("/account")
    assert "/account/sessions/end" not in {action for action, _ in page.forms}


async def test_nobody_ends_the_session_of_somebody_else(house: House) -> None:
    _, ada = await ada_in(house)
    await add(house.office, "bob", password=PASSWORD)
    bob = await house.signed_in("bob@example.com")
    await house.signed_in("bob@example.com")
    theirs = (await bob.get("/account")).form("/account/sessions/end")["id"]
    await ada.get("/account")
    csrf = (await ada.get("/account")).form("/logout")["csrf"]
    answer = await ada.post("/account/sessions/end", {"csrf": csrf, "id": theirs})
    assert answer.status == 404
    assert (await bob.get("/account")).status == 200


async def test_a_token_is_made_shown_once_and_revoked(house: House) -> None:
    user, ada = await ada_in(house)
    await ada.get("/account")
    done = await ada.submit("/account/tokens", name="deploy", scopes=["usage:read"], expires_at="2090-01-31")
    assert done.status == 200
    assert done.headers["cache-control"] == "no-store, no-transform"
    (secret,) = re.findall(r"slg-api-[A-Za-z0-9_-]{43}", done.text)
    actor = await tokens.find(house.office, secret, None)
    assert (actor.user_id, actor.permissions) == (user.id, frozenset({"usage:read", "usage:own"}))
    page = await ada.get("/account")
    assert secret not in page.text
    assert f"{secret[:13]}…{secret[-4:]}" in page.text
    assert "2090-01-31" in page.text
    assert (await ada.submit("/account/tokens/revoke")).to == "/account?said=revoked"
    assert "deploy" not in (await ada.follow()).text


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"scopes": []}, "scopes", "at least one"),
        ({"name": " "}, "name", "name"),
        ({"name": "x" * 101}, "name", "at most 100"),
        ({"expires_at": "tomorrow"}, "expires_at", "expected a date"),
        ({"expires_at": "2001-01-01"}, "expires_at", "over already"),
    ],
)
async def test_what_is_wrong_with_a_token_stands_beside_the_field(
    house: House, typed: dict[str, object], field: str, words: str
) -> None:
    _, ada = await ada_in(house)
    await ada.get("/account")
    answer = await ada.submit("/account/tokens", **{"name": "deploy", "scopes": ["usage:read"], **typed})
    assert answer.status == 422
    assert re.search(rf'id="(account-tokens-)?{field}-wrong">.*{words}', answer.text)
    assert re.search(r'<details[^>]* id="new-token" open>', answer.text)
    assert answer.text.count("autofocus") == 1, "whoever looks is led to what is wrong"
    if field != "scopes":
        assert re.search(r'value="usage:read" checked', answer.text)


async def test_a_token_has_no_permission_that_one_has_not(house: House) -> None:
    _, ada = await ada_in(house)
    page = await ada.get("/account")
    assert 'value="people:write"' not in page.text
    answer = await ada.submit("/account/tokens", name="x", scopes=["people:write"])
    assert answer.status == 403
    assert "people:write" in answer.text


async def test_whoever_waits_sees_who_they_are_and_nothing_to_make(house: House) -> None:
    _, ada = await ada_in(house, "pending")
    page = await ada.get("/account")
    assert page.status == 200
    assert {action for action, _ in page.forms} == {"/logout", "/account/password"}
    csrf = page.form("/logout")["csrf"]
    for action in ("/account/tokens", "/account/tokens/revoke"):
        answer = await ada.post(action, {"csrf": csrf, "name": "x", "scopes": "tokens:own", "id": "x"})
        assert answer.status == 403


async def test_a_login_at_a_provider_is_connected_and_disconnected(house: House) -> None:
    user, ada = await ada_in(house)
    await ada.get("/account")
    going = await ada.submit("/account/logins/connect")
    assert going.status == 200
    back = await ada.get("/login/corp/callback?state=state-1&code=x")
    assert (back.status, back.to) == (303, "/account?said=connected")
    assert "you can log in with that account too" in (await ada.follow()).text
    page = await ada.get("/account")
    assert page.form("/account/logins/disconnect")["subject"] == "ada-1"
    assert (await ada.submit("/account/logins/disconnect")).to == "/account?said=disconnected"
    actor = await actor_of(house.office, user)
    assert await openid.list_identities(house.office, actor, user.id) == []


async def test_the_only_way_in_stays(house: House) -> None:
    person = house.person()
    await person.get("/login")
    await person.submit("/login/corp")
    assert (await person.get("/login/corp/callback?state=state-1&code=x")).status == 303
    page = await person.get("/account")
    assert "/account/password" not in {action for action, _ in page.forms}
    csrf = page.form("/logout")["csrf"]
    answer = await person.post("/account/logins/disconnect", {"csrf": csrf, "provider": "corp", "subject": "ada-1"})
    assert answer.status in (403, 409)
