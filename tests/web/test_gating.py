"""Who sees what: each page and form for somebody of each role, and for nobody."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.access.roles import ROLES
from gateway.management import people, tokens
from gateway.management.tokens import NewToken
from gateway.settings.section import RoleName
from tests.gateway.management.crowd import PASSWORD, actor_of, add, wish_of
from tests.gateway.management.offices import OPERATOR
from tests.web.visiting import House, Person, house_in, query_of
from web.frame import Nothing
from web.page import Action, Page, Site, Visit
from web.pages import ACTIONS, PAGES

ROLES_IN: tuple[RoleName, ...] = ("owner", "admin", "member", "viewer", "pending")


async def load(site: Site, visit: Visit) -> Nothing:
    return Nothing()


def made_up(path: str, *permissions: str) -> Page:
    return Page(
        path=path,
        title=path.strip("/").capitalize(),
        summary="Made up.",
        template="waiting.html",
        load=load,
        permissions=permissions,
        group="Run",
    )


MADE_UP = (
    made_up("/made-up/keys", "keys:read", "keys:own"),
    made_up("/made-up/people", "people:read"),
    made_up("/made-up/own"),
)


@pytest.fixture
async def large(tmp_path: Path) -> AsyncIterator[House]:
    """A dashboard with pages for some only."""
    async with house_in(tmp_path, pages=(*PAGES, *MADE_UP)) as made:
        yield made


@pytest.mark.parametrize("role", ROLES_IN)
async def test_a_page_is_for_those_who_have_one_of_its_permissions(large: House, role: RoleName) -> None:
    await add(large.office, "ada", role, password=PASSWORD)
    ada = await large.signed_in("ada@example.com")
    for page in (*MADE_UP, PAGES[0]):
        allowed = not page.permissions or bool(ROLES[role] & set(page.permissions))
        assert (await ada.get(page.path)).status == (200 if allowed else 403), page.path


@pytest.mark.parametrize("role", ROLES_IN)
async def test_the_rail_lists_only_what_one_may_see(large: House, role: RoleName) -> None:
    await add(large.office, "ada", role, password=PASSWORD)
    text = (await (await large.signed_in("ada@example.com")).get("/account")).text
    for page in (*MADE_UP, PAGES[0]):
        allowed = not page.permissions or bool(ROLES[role] & set(page.permissions))
        assert (f'<li><a href="{page.path}"' in text) is allowed, page.path


@pytest.mark.parametrize("page", [*PAGES, *MADE_UP], ids=lambda page: page.path)
async def test_nobody_sees_what_is_not_for_everybody(large: House, page: Page) -> None:
    answer = await large.person().get(page.path)
    if page.is_public:
        assert answer.status in (200, 404, 303)
    else:
        assert answer.status == 303
        assert answer.to.startswith("/login")
        assert answer.text == ""


@pytest.mark.parametrize("action", [each for each in ACTIONS if not each.page.is_public], ids=lambda each: each.path)
async def test_nobody_sends_what_is_not_for_everybody(house: House, action: Action) -> None:
    person = house.person()
    csrf = (await person.get("/login")).form("/login")["csrf"]
    answer = await person.post(action.path, {"csrf": csrf})
    there = action.page.path.replace("{", "%7B").replace("}", "%7D")
    assert (answer.status, query_of(answer.to)) == (303, {"next": there})


async def test_whoever_waits_is_told_so_wherever_they_go_and_goes_on_once_let_in(house: House) -> None:
    user = await add(house.office, "ada", "pending", password=PASSWORD)
    ada = await house.signed_in("ada@example.com")
    answer = await ada.get("/")
    assert answer.status == 403
    assert "Waiting for an admin" in answer.text
    assert "ada@example.com" in answer.text
    assert "/logout" in {action for action, _ in answer.forms}
    await people.change_user(house.office, OPERATOR, user.id, wish_of(user, role="member"), None)
    answer = await ada.get("/")
    assert answer.status == 200
    assert "Overview" in answer.text


async def test_members_see_what_their_own_keys_did_and_viewers_see_everybody_s(house: House) -> None:
    for role in ("member", "viewer"):
        await add(house.office, role, role, password=PASSWORD)
        page = await (await house.signed_in(f"{role}@example.com")).get("/")
        assert ("What your own keys did" in page.text) is (role == "member")
        assert (await (await house.signed_in(f"{role}@example.com")).get("/?block=figures")).status == 200


async def test_the_frame_says_who_is_signed_in_and_lets_them_out(house: House) -> None:
    await add(house.office, "ada", "viewer", password=PASSWORD)
    text = (await (await house.signed_in("ada@example.com")).get("/")).text
    assert 'href="/account"' in text
    assert 'action="/logout"' in text
    assert "ada@example.com" in text
    assert "Demo" not in text


async def test_where_there_is_nothing_the_frame_stays_for_whoever_is_signed_in(house: House) -> None:
    await add(house.office, "ada", "viewer", password=PASSWORD)
    ada = await house.signed_in("ada@example.com")
    for somebody, framed in ((ada, True), (house.person(), False)):
        answer = await somebody.get("/nothing")
        assert answer.status == 404
        assert ('action="/logout"' in answer.text) is framed
        answer = await somebody.post("/", {})
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_in_a_demo_everybody_looks_around_and_may_still_log_in(tmp_path: Path) -> None:
    async with house_in(tmp_path, demo=True) as house:
        await add(house.office, "ada", "owner", password=PASSWORD)
        person = house.person()
        page = await person.get("/")
        assert page.status == 200
        assert 'id="part-figures"' in page.text
        assert ">Demo</span>" in page.text
        assert 'href="/login"' in page.text
        assert 'href="/account"' not in page.text
        assert (await person.get("/account")).to == "/login?next=/account"
        assert (await person.log_in("ada@example.com")).status == 303
        page = await person.get("/")
        assert ">Demo</span>" not in page.text
        person.cookies["__Host-sluicegate"] = person.cookies["__Host-sluicegate"][::-1]
        assert ">Demo</span>" in (await person.get("/")).text


async def test_in_a_demo_everybody_sees_every_page(tmp_path: Path) -> None:
    async with house_in(tmp_path, demo=True) as house:
        person = house.person()
        rail = re.findall(r'<li><a href="(/[^"?]*)', (await person.get("/")).text)
        assert set(rail) == {page.path for page in PAGES if page.group is not None}


async def test_an_api_token_opens_pages_but_is_nobody_who_is_signed_in(house: House) -> None:
    user = await add(house.office, "ada", "owner", password=PASSWORD)
    actor = await actor_of(house.office, user)
    made = await tokens.create_token(house.office, actor, NewToken(name="x", scopes=("usage:read",)))
    person = Person(house.app)
    shown = {"authorization": f"Bearer {made.secret}"}
    assert (await person.get("/", **shown)).status == 200
    assert (await person.get("/account", **shown)).status == 303
    assert (await person.get("/", authorization=f"Bearer {made.secret[:-1]}_")).status == 303


async def test_a_state_that_cannot_be_read_is_said_and_lets_nobody_in(house: House) -> None:
    await add(house.office, "ada", "viewer", password=PASSWORD)
    ada = await house.signed_in("ada@example.com")
    await house.office.state.close()
    for path in ("/", "/account", "/login"):
        answer = await ada.get(path)
        assert answer.status == 503
        assert "Requests are served all the same." in answer.text
