"""Logging in with a password and out again, and the session in between, as a browser has them."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from gateway.access import attempts
from gateway.management import people, sessions
from gateway.management.sessions import SessionFilter
from gateway.settings.model import LoginSettings
from tests.gateway.management.crowd import PASSWORD, Clock, add, wish_of
from tests.gateway.management.offices import OPERATOR
from tests.web.visiting import CORP, House, house_in

SESSION = "__Host-sluicegate"
ADA = "ada@example.com"


async def count_of_sessions(house: House) -> int:
    return len(await sessions.list_sessions(house.office, OPERATOR, SessionFilter(), after_id=None, limit=50))


async def test_whoever_shows_the_right_password_is_signed_in_and_goes_on(house: House) -> None:
    await add(house.office, "ada", "viewer", password=PASSWORD)
    ada = house.person()
    asked = await ada.get("/?block=figures&since=1")
    assert asked.status == 401
    asked = await ada.get("/account?tab=a%20b")
    assert (asked.status, asked.to) == (303, "/login?next=/account%3Ftab%3Da%2520b")
    shown = await ada.follow()
    assert shown.status == 200
    done = await ada.submit("/login", email="Ada@Example.com ", password=PASSWORD)
    assert (done.status, done.to) == (303, "/account?tab=a%20b")
    here = await ada.follow()
    assert here.status == 200
    assert ADA in here.text


async def test_the_session_s_cookie_is_for_this_host_and_no_script(house: House) -> None:
    await add(house.office, "ada", password=PASSWORD)
    done = await house.person().log_in(ADA)
    cookie = done.cookie(SESSION)
    assert {"Path=/", "HttpOnly", "SameSite=Lax", "Secure", "Max-Age=604800"} <= set(cookie.split("; ")[1:])
    assert done.headers["cache-control"] == "no-store"


async def test_a_login_never_goes_on_with_a_session_that_was_there(house: House) -> None:
    """Whatever cookie the browser had before, what it has afterwards nobody knew."""
    for name in ("ada", "bob"):
        await add(house.office, name, password=PASSWORD)
    person = await house.signed_in("bob@example.com")
    planted = person.cookies[SESSION]
    person.cookies["sluicegate"] = "planted"
    form = (await person.get("/account")).form("/logout")
    done = await person.post("/login", {**form, "email": ADA, "password": PASSWORD})
    assert done.status == 303
    assert person.cookies[SESSION] != planted
    assert "sluicegate" not in person.cookies
    assert ADA in (await person.get("/account")).text
    person.cookies[SESSION] = planted
    assert (await person.get("/account")).to == "/login?next=/account"


async def test_whoever_is_signed_in_needs_no_form(house: House) -> None:
    await add(house.office, "ada", "viewer", password=PASSWORD)
    ada = await house.signed_in(ADA)
    assert (await ada.get("/login?next=/account")).to == "/account"
    assert (await ada.get("/login")).to == "/"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\tx", "account"]
)
async def test_no_login_leads_elsewhere(house: House, elsewhere: str) -> None:
    await add(house.office, "ada", "viewer", password=PASSWORD)
    ada = house.person()
    page = await ada.get("/login?next=" + elsewhere.replace("\t", "%09"))
    assert page.form("/login")["next"] == page.form("/login/corp")["next"] == "/"
    done = await ada.submit("/login", email=ADA, password=PASSWORD, next=elsewhere)
    assert done.to == "/"


@pytest.mark.parametrize(("email", "password"), [(ADA, "wrong horse battery"), ("eve@example.com", PASSWORD), ("", "")])
async def test_a_wrong_login_says_so_and_nothing_else(house: House, email: str, password: str) -> None:
    await add(house.office, "ada", "viewer", password=PASSWORD)
    answer = await house.person().log_in(email, password)
    assert answer.status == 403
    assert "The e-mail address or the password is wrong." in answer.text
    assert answer.form("/login")["email"] == email
    assert answer.form("/login")["password"] == ""
    assert answer.cookie(SESSION) == ""


async def test_whoever_guesses_must_wait_and_is_told_how_long(house: House) -> None:
    await add(house.office, "ada", "viewer", password=PASSWORD)
    house.office._clock = Clock()
    person = house.person()
    for _ in range(attempts.BY_ACCOUNT_AND_ADDRESS.free):
        assert (await person.log_in(ADA, "wrong horse battery")).status == 403
    answer = await person.log_in(ADA)
    assert answer.status == 429
    assert answer.headers["retry-after"] == "1"
    assert "Too many failed attempts. Try again in 1 seconds." in answer.text
    assert (await house.signed_in(ADA, address="198.51.100.9")).cookies[SESSION]


async def test_a_logout_ends_the_session_at_the_server_too(house: House) -> None:
    await add(house.office, "ada", "viewer", password=PASSWORD)
    ada = await house.signed_in(ADA)
    kept = dict(ada.cookies)
    await ada.get("/")
    done = await ada.submit("/logout")
    assert (done.status, done.to) == (303, "/login?said=signed-out")
    assert SESSION not in ada.cookies
    assert "clear-site-data" not in done.headers
    assert "You are signed out." in (await ada.follow()).text
    ada.cookies = kept
    answer = await ada.get("/")
    assert answer.to == "/login"
    assert SESSION not in ada.cookies, "a browser need not show again what is over"
    assert await count_of_sessions(house) == 0


async def test_a_session_ends_by_itself(house: House) -> None:
    await add(house.office, "ada", "viewer", password=PASSWORD)
    clock = house.office._clock = Clock()
    ada = await house.signed_in(ADA)
    for _ in range(7 * 3):
        clock.pass_by(479 * 60)
        assert (await ada.get("/")).status == 200
    clock.pass_by(12 * 3600)
    assert (await ada.get("/")).status == 303
    ada = await house.signed_in(ADA)
    clock.pass_by(481 * 60)
    assert (await ada.get("/")).status == 303


async def test_whoever_is_disabled_is_out_at_once(house: House) -> None:
    user = await add(house.office, "ada", "viewer", password=PASSWORD)
    ada = await house.signed_in(ADA)
    await people.change_user(house.office, OPERATOR, user.id, wish_of(user, disabled=True), None)
    assert (await ada.get("/")).status == 303
    assert (await ada.log_in(ADA)).status == 403


async def test_a_part_of_a_page_is_no_place_for_the_login(house: House) -> None:
    """htmx would put the form into the page; it loads the page anew in its place."""
    assert (await house.person().get("/?block=figures")).status == 401


async def test_logins_with_a_password_can_be_switched_off(tmp_path: Path) -> None:
    async with house_in(tmp_path, LoginSettings(passwords=False, providers=(CORP,))) as house:
        person = house.person()
        page = await person.get("/login")
        assert [action for action, _ in page.forms] == ["/login/corp"]
        form = page.form("/login/corp")
        answer = await person.post("/login", {**form, "email": ADA, "password": PASSWORD})
        assert answer.status == 403
        assert "switched off" in answer.text
        house.office.settings = structs.replace(house.office.settings, login=LoginSettings(passwords=False))
        assert "no OpenID provider" in (await person.get("/login")).text


async def test_before_there_is_an_owner_the_page_says_what_to_do(house: House) -> None:
    assert "setup-link" in (await house.person().get("/login")).text
    await add(house.office, "ada", "owner", password=PASSWORD)
    assert "setup-link" not in (await house.person().get("/login")).text


@pytest.mark.parametrize("path", ["/login", "/setup", "/password", "/account", "/login/corp/callback"])
async def test_over_plain_http_nobody_else_s_machine_is_asked_for_a_password(house: House, path: str) -> None:
    await add(house.office, "ada", "viewer", password=PASSWORD)
    person = house.person(origin="http://gate.example")
    answer = await person.get(path)
    assert answer.status == 403
    assert "Not over plain HTTP" in answer.text
    assert "trusted_proxies" in answer.text
    answer = await person.post("/login", {"email": ADA, "password": PASSWORD})
    assert (answer.status, answer.cookie(SESSION)) == (403, "")


async def test_the_notice_names_the_address_to_use(tmp_path: Path) -> None:
    async with house_in(tmp_path, server={"public_url": "https://llm.example.com"}) as house:
        assert (
            "Open https://llm.example.com in place" in (await house.person(origin="http://10.1.2.3").get("/login")).text
        )


@pytest.mark.parametrize(
    ("asked", "proxies", "status"),
    [("llm.example.com", (), 200), ("llm.example.com:8080", (), 403), ("llm.example.com", ("10.0.0.0/8",), 403)],
)
async def test_where_no_proxy_is_named_the_operator_s_word_for_the_address_counts(
    tmp_path: Path, asked: str, proxies: tuple[str, ...], status: int
) -> None:
    """A proxy that says nothing, or is not believed; one that is believed says itself that this was plain HTTP."""
    async with house_in(
        tmp_path, server={"public_url": "https://llm.example.com", "trusted_proxies": proxies}
    ) as house:
        assert (await house.person(origin=f"http://{asked}").get("/login")).status == status


@pytest.mark.parametrize(
    "origin", ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]", "http://a.localhost"]
)
async def test_on_this_machine_plain_http_will_do(house: House, origin: str) -> None:
    await add(house.office, "ada", "viewer", password=PASSWORD)
    person = house.person(origin=origin)
    done = await person.log_in(ADA)
    assert done.status == 303
    assert "Secure" in done.cookie(SESSION)


async def test_the_operator_may_allow_it_from_elsewhere(tmp_path: Path) -> None:
    async with house_in(tmp_path, LoginSettings(insecure=True)) as house:
        await add(house.office, "ada", "viewer", password=PASSWORD)
        ada = await house.signed_in(ADA, origin="http://10.1.2.3:8080")
        assert "__Host-" not in "".join(ada.cookies)
        assert (await ada.get("/")).status == 200
        await ada.submit("/logout")
        assert "sluicegate" not in ada.cookies
        assert (await ada.get("/")).to == "/login"


async def test_a_session_from_plain_http_is_not_taken_where_that_is_not_allowed(house: House) -> None:
    await add(house.office, "ada", "viewer", password=PASSWORD)
    ada = await house.signed_in(ADA)
    ada.cookies["sluicegate"] = ada.cookies.pop(SESSION)
    assert (await ada.get("/")).status == 303


async def test_asking_for_the_address_of_a_form_leads_to_its_page(house: House) -> None:
    person = house.person()
    assert (await person.get("/logout")).to == "/login"
    assert (await person.get("/login/corp")).to == "/login"
    assert (await person.get("/account/tokens")).to == "/account"
