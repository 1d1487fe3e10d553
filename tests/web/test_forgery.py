"""Forms that another site has a browser send, for every form there is; and that looking changes nothing (T39)."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from gateway.management.audit import AuditFilter
from gateway.store.session import Session
from tests.gateway.management.crowd import PASSWORD, add
from tests.web.visiting import House, Person
from web.page import Action
from web.pages import ACTIONS, PAGES

POSTS = [action for action in ACTIONS if action.method == "POST"]
ADA = "ada@example.com"

FORGED: dict[str, dict[str, str]] = {
    "from another site": {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
    "from a sibling": {"sec-fetch-site": "same-site", "origin": "https://other.gate.example"},
    "by its origin": {"sec-fetch-site": "", "origin": "https://evil.example"},
    "by the origin's scheme": {"sec-fetch-site": "", "origin": "http://gate.example"},
    "without anything": {"sec-fetch-site": "", "origin": ""},
    "of nowhere": {"sec-fetch-site": "", "origin": "null"},
}


def path_of(action: Action) -> str:
    return action.path.replace("{provider}", "corp")


async def everything(house: House) -> dict[str, Any]:
    """What the state holds, as far as forms change it."""

    def perform(session: Session) -> dict[str, Any]:
        noted = session.rows("audit/listed", {**structs.asdict(AuditFilter()), "before_id": None, "limit": 1000})
        return {"noted": [row["id"] for row in noted], "flows": session.row("openid/flows")}

    return await house.office.read(perform)


async def somebody(house: House, action: Action, **more: Any) -> Person:
    """A browser that may send this form."""
    await add(house.office, "ada", "owner", password=PASSWORD)
    if action.page.is_public and action.path != "/logout":
        person = house.person(**more)
        await person.get("/login")
        return person
    return await house.signed_in(ADA, **more)


@pytest.mark.parametrize("action", POSTS, ids=path_of)
async def test_a_form_of_somebody_else_does_nothing(house: House, action: Action) -> None:
    person = await somebody(house, action)
    before, cookies = await everything(house), dict(person.cookies)
    fields = {"email": ADA, "password": PASSWORD, "name": "x", "scopes": "usage:read", "provider": "corp"}
    for how, headers in FORGED.items():
        answer = await person.post(path_of(action), fields, **headers)
        assert answer.status == 403, how
        assert await everything(house) == before, how
        assert person.cookies == cookies, how


@pytest.mark.parametrize("action", POSTS, ids=path_of)
async def test_a_form_of_ours_is_known_even_from_an_old_browser(house: House, action: Action) -> None:
    """By the token in it, which is this browser's alone."""
    person = await somebody(house, action, fetch_metadata=False)
    page = await person.get("/account")
    if page.status != 200:
        page = await person.get("/login")
    answer = await person.post(path_of(action), {"csrf": page.forms[0][1]["csrf"]})
    assert answer.status != 405
    assert "does not show that it comes from a page" not in answer.text


async def test_the_token_of_one_browser_is_worth_nothing_in_another(house: House) -> None:
    await add(house.office, "ada", "owner", password=PASSWORD)
    evil, ada = house.person(fetch_metadata=False), house.person(fetch_metadata=False)
    theirs = (await evil.get("/login")).form("/login")["csrf"]
    await ada.get("/login")
    answer = await ada.post("/login", {"csrf": theirs, "email": ADA, "password": PASSWORD})
    assert answer.status == 403
    assert "__Host-sluicegate" not in ada.cookies
    assert (await ada.log_in(ADA)).status == 303
    before_login = ada.cookies["__Host-sluicegate-visitor"]
    assert before_login
    answer = await ada.post("/logout", {"csrf": theirs})
    assert answer.status == 403


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
async def test_looking_changes_nothing(house: House, page: Any) -> None:
    await add(house.office, "ada", "owner", password=PASSWORD)
    ada = await house.signed_in(ADA)
    before = await everything(house)
    for path in (page.path, f"{page.path}?said=ended&next=/x&token=y"):
        await ada.get(path)
        await house.person().get(path)
    assert await everything(house) == before


@pytest.mark.parametrize("action", POSTS, ids=path_of)
async def test_no_form_is_carried_out_by_looking_at_its_address(house: House, action: Action) -> None:
    person = await somebody(house, action)
    before, cookies = await everything(house), dict(person.cookies)
    await person.get(f"{path_of(action)}?email={ADA}&password={PASSWORD}&id=1&provider=corp")
    assert await everything(house) == before
    assert {name for name in cookies if name == "__Host-sluicegate"} <= person.cookies.keys()


@pytest.mark.parametrize(
    ("body_type", "status"), [("application/json", 415), ("text/plain", 415), ("multipart/form-data; boundary=x", 415)]
)
async def test_a_form_is_what_browsers_make_of_ours(house: House, body_type: str, status: int) -> None:
    answer = await house.person().post("/login", {"email": ADA}, **{"content-type": body_type})
    assert answer.status == status


async def test_a_form_is_not_endless(house: House) -> None:
    assert (await house.person().post("/login", {"email": "x" * 70_000})).status == 413
    assert (await house.person().post("/login", {f"f{n}": "x" for n in range(300)})).status == 400
