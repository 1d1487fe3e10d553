"""One-time links in a browser: the first owner (T43), and choosing a password."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from gateway.management import invitations, people
from gateway.management.links import LinkWish
from tests.gateway.management.crowd import PASSWORD, Clock, add
from tests.gateway.management.offices import OPERATOR
from tests.web.visiting import OTHER_PASSWORD, House

OWNER = {"email": "Ada@Example.com", "name": "Ada", "password": PASSWORD, "again": PASSWORD}
SESSION = "__Host-sluicegate"


async def setup_token(house: House) -> str:
    link = await invitations.make_setup_link(house.office, OPERATOR)
    assert link is not None
    return link.token


async def password_token(house: House, name: str = "bob") -> str:
    user = await add(house.office, name)
    return (await people.make_password_link(house.office, OPERATOR, user.id, LinkWish())).token


async def test_the_setup_link_makes_the_first_owner_who_is_signed_in(house: House) -> None:
    token, person = await setup_token(house), house.person()
    asked = await person.get(f"/setup?token={token}")
    assert (asked.status, asked.to) == (303, "/setup")
    shown = await person.follow()
    assert shown.status == 200
    assert shown.form("/setup")["token"] == token
    done = await person.submit("/setup", **OWNER)
    assert (done.status, done.to) == (303, "/")
    assert person.cookies[SESSION]
    assert "__Host-sluicegate-setup" not in person.cookies
    assert "owner" in (await person.get("/account")).text
    assert (await house.signed_in("ada@example.com")).cookies


async def test_the_token_stands_in_no_address_and_no_cache(house: House) -> None:
    token, person = await setup_token(house), house.person()
    asked = await person.get(f"/setup?token={token}")
    shown = await person.follow()
    for answer in (asked, shown):
        assert answer.headers["cache-control"] == "no-store"
        assert token not in answer.to
    assert not re.findall(rf'(?:href|action|src|content)="[^"]*{token}', shown.text)
    cookie = asked.cookie("__Host-sluicegate-setup")
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Max-Age=3600"} <= set(cookie.split("; "))


async def test_looking_at_a_link_does_not_use_it_up(house: House) -> None:
    token = await setup_token(house)
    for _ in range(3):
        person = house.person()
        await person.get(f"/setup?token={token}")
        assert (await person.follow()).status == 200
        assert (await person.get("/setup")).status == 200
    assert (await person.submit("/setup", **OWNER)).status == 303


async def test_it_works_once_and_for_one(house: House) -> None:
    token = await setup_token(house)
    first, second = house.person(), house.person()
    for person in (first, second):
        await person.get(f"/setup?token={token}")
        await person.follow()
    assert (await first.submit("/setup", **OWNER)).status == 303
    late = await second.submit("/setup", **{**OWNER, "email": "eve@example.com"})
    assert late.status == 409
    assert "There is an owner already" in late.text
    assert SESSION not in second.cookies


async def test_it_has_its_time(house: House) -> None:
    clock = house.office._clock = Clock()
    token, person = await setup_token(house), house.person()
    await person.get(f"/setup?token={token}")
    await person.follow()
    clock.pass_by(24 * 3600 + 1)
    late = await person.submit("/setup", **OWNER)
    assert late.status == 404
    assert "no longer works" in late.text
    assert "sluicegate user setup-link" in late.text


async def test_it_is_void_once_there_is_an_owner_whoever_made_them(house: House) -> None:
    token, person = await setup_token(house), house.person()
    await add(house.office, "ada", "owner", password=PASSWORD)
    await person.get(f"/setup?token={token}")
    assert (await person.follow()).status == 409
    form = (await person.get("/login")).form("/login")
    answer = await person.post("/setup", {**OWNER, "csrf": form["csrf"], "token": token, "email": "eve@example.com"})
    assert answer.status == 409
    assert SESSION not in person.cookies


@pytest.mark.parametrize(
    "token", ["", "x", "slg-lnk-" + "A" * 43, "slg-ses-" + "A" * 43, "<script>", "a\r\nset-cookie: b=c"]
)
@pytest.mark.parametrize("path", ["/setup", "/password"])
async def test_a_made_up_link_leads_nowhere(house: House, path: str, token: str) -> None:
    person = house.person()
    asked = await person.get(f"{path}?token={quote(token)}")
    assert asked.status == 303
    shown = await person.follow()
    assert shown.status == 404
    assert "link" in shown.text


async def test_without_a_token_there_is_no_form(house: House) -> None:
    for path in ("/setup", "/password"):
        answer = await house.person().get(path)
        assert answer.status == 404
        assert "The link is not complete" in answer.text
        assert answer.forms == []


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"email": "nobody"}, "email", "no e-mail address"),
        ({"email": "a" * 250 + "@example.com"}, "email", "at most 254"),
        ({"name": "x" * 201}, "name", "at most 200"),
        ({"name": "a\x00b"}, "name", "cannot be typed"),
        ({"password": "short", "again": "short"}, "password", "at least 12"),
        ({"password": "ada@example.com1", "again": "ada@example.com1"}, "password", "e-mail address or the name"),
        ({"again": "something else"}, "again", "differ"),
    ],
)
async def test_what_is_wrong_stands_beside_the_field(
    house: House, typed: dict[str, str], field: str, words: str
) -> None:
    token, person = await setup_token(house), house.person()
    await person.get(f"/setup?token={token}")
    await person.follow()
    answer = await person.submit("/setup", **{**OWNER, **typed})
    assert answer.status == 422
    assert re.search(rf'id="setup-{field}-wrong">[^<]*{words}', answer.text)
    assert re.search(rf'<input id="setup-{field}"[^>]* aria-invalid="true"', answer.text)
    again = answer.form("/setup")
    assert (again["password"], again["again"]) == ("", "")
    assert again["token"] == token
    assert (await person.submit("/setup", **OWNER)).status == 303


async def test_somebody_chooses_a_password_by_link(house: House) -> None:
    person = house.person()
    await person.get(f"/password?token={await password_token(house)}")
    shown = await person.follow()
    assert "bob@example.com" in shown.text
    wrong = await person.submit("/password", password="bob@example.com!", again="bob@example.com!")
    assert wrong.status == 422
    done = await person.submit("/password", password=OTHER_PASSWORD, again=OTHER_PASSWORD)
    assert (done.status, done.to) == (303, "/")
    assert "bob@example.com" in (await person.follow()).text
    assert (await house.person().log_in("bob@example.com", OTHER_PASSWORD)).status == 303
    assert (await person.get("/password")).status == 404


async def test_a_new_password_ends_what_was_signed_in_before(house: House) -> None:
    user = await add(house.office, "ada", password=PASSWORD)
    before = await house.signed_in("ada@example.com")
    link = await people.make_password_link(house.office, OPERATOR, user.id, LinkWish())
    person = house.person()
    await person.get(f"/password?token={link.token}")
    await person.follow()
    await person.submit("/password", password=OTHER_PASSWORD, again=OTHER_PASSWORD)
    assert (await before.get("/")).status == 303
    late = await person.post("/password", {"token": link.token, "password": PASSWORD, "again": PASSWORD})
    assert late.status == 404


async def test_a_link_for_one_purpose_is_none_for_the_other(house: House) -> None:
    token, person = await password_token(house), house.person()
    await person.get(f"/setup?token={token}")
    assert (await person.follow()).status == 404


async def test_whoever_is_signed_in_as_another_becomes_the_one_of_the_link(house: House) -> None:
    await add(house.office, "ada", "owner", password=PASSWORD)
    person = await house.signed_in("ada@example.com")
    former = person.cookies[SESSION]
    await person.get(f"/password?token={await password_token(house)}")
    await person.follow()
    await person.submit("/password", password=OTHER_PASSWORD, again=OTHER_PASSWORD)
    assert "bob@example.com" in (await person.get("/account")).text
    person.cookies[SESSION] = former
    assert (await person.get("/account")).status == 303
