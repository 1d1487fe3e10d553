"""Which file an address asks for: what there is not, who may have it, and that it is all of a table."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.errors import ControlUnavailable
from gateway.management import keys, people, teams
from gateway.management.keys import KeyWish
from gateway.management.people import NewUser
from gateway.management.teams import MemberWish, TeamWish
from gateway.settings.section import RoleName
from tests.gateway.management.crowd import PASSWORD, add
from tests.gateway.management.offices import OPERATOR
from tests.web.saved import CSV, csv_rows
from tests.web.store import store_in
from tests.web.visiting import Answer, House, Person, house_in
from web.page import Page
from web.pages import PAGES

ROLES: tuple[RoleName, ...] = ("owner", "admin", "member", "viewer", "pending")
OF_ALL = [page for page in PAGES if page.tables and "{" not in page.path]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    with store_in(tmp_path) as store:
        async with house_in(tmp_path, store=store) as made:
            yield made


@pytest.fixture
async def owner(house: House) -> Person:
    await add(house.office, "olga", "owner", password=PASSWORD)
    return await house.signed_in("olga@example.com")


def rows(answer: Answer) -> list[dict[str, str]]:
    assert (answer.status, answer.headers["content-type"]) == (200, CSV), answer.text
    return csv_rows(answer.text.encode())


@pytest.mark.parametrize("page", OF_ALL, ids=lambda page: page.path)
async def test_a_format_or_table_that_there_is_not_is_refused_in_plain_words(owner: Person, page: Page) -> None:
    for query, words in (
        ("format=xls", "There is no such format; this table comes as csv, parquet"),
        ("format=", "There is no such format"),
        ("format=CSV", "There is no such format"),
        ("format=csv&table=nothing", f"This page has no such table; there are {page.tables[0].name}"),
    ):
        answer = await owner.get(f"{page.path}?{query}")
        assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
        assert answer.text.startswith(words)


async def test_a_page_without_tables_says_so(owner: Person) -> None:
    for path in ("/live", "/account", "/sql"):
        answer = await owner.get(f"{path}?format=csv")
        assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
        assert answer.text == "This page has no table that can be had as a file.\n"


@pytest.mark.parametrize("role", ROLES)
async def test_a_file_is_for_whoever_may_see_its_page(house: House, role: RoleName) -> None:
    await add(house.office, "ada", role, password=PASSWORD)
    ada = await house.signed_in("ada@example.com")
    for page in OF_ALL:
        seen = await ada.get(page.path)
        for form in ("csv", "parquet"):
            answer = await ada.get(f"{page.path}?format={form}")
            if page.path == "/people" and role == "member":
                continue  # its first table is not for them
            if page.path == "/requests" and seen.status == 200:
                assert answer.to.startswith("/api/usage/export?"), "where whoever asks is judged once more"
            else:
                assert answer.status == seen.status, page.path
                assert answer.headers["content-type"].startswith("text/html") is (seen.status != 200)


@pytest.mark.parametrize("page", OF_ALL, ids=lambda page: page.path)
async def test_nobody_gets_a_file_without_a_login(house: House, page: Page) -> None:
    answer = await house.person().get(f"{page.path}?format=csv")
    assert answer.status == 303
    assert answer.to.startswith("/login")


async def test_a_table_for_some_is_not_for_others_who_see_the_page(house: House) -> None:
    user = await add(house.office, "mia", "member", password=PASSWORD)
    for name in ("Rowers", "Others"):
        team = await teams.create_team(house.office, OPERATOR, TeamWish(name=name))
        if name == "Rowers":
            await teams.put_member(house.office, OPERATOR, team.id, MemberWish(user_id=user.id, role="member"))
    mia = await house.signed_in("mia@example.com")
    assert (await mia.get("/people")).status == 200
    refused = await mia.get("/people?format=csv")
    assert refused.status == 403
    assert "The table users is not for everybody." in refused.text
    assert [row["name"] for row in rows(await mia.get("/people?format=csv&table=teams"))] == ["Rowers"]


async def test_a_file_has_all_that_the_filter_lets_through_not_a_part(house: House, owner: Person) -> None:
    for number in range(60):
        await people.create_user(house.office, OPERATOR, NewUser(email=f"u{number:02}@example.com", role="viewer"))
    shown = (await owner.get("/people?role=viewer")).text
    assert "u59@example.com" in shown
    assert "u00@example.com" not in shown
    for part in ("", "&before=0", "&after=0", "&block=users"):
        found = rows(await owner.get(f"/people?role=viewer&format=csv{part}"))
        assert [row["email"] for row in found] == [f"u{number:02}@example.com" for number in reversed(range(60))]
    assert len(rows(await owner.get("/people?format=csv"))) == 61
    for number in range(52):
        await keys.create_key(house.office, OPERATOR, KeyWish(name=f"k{number:02}", budget_usd=1.0))
    for part in ("", "&before=0", "&status=active"):
        found = rows(await owner.get(f"/keys?format=csv{part}"))
        assert [row["name"] for row in found] == [f"k{number:02}" for number in reversed(range(52))]
        assert {row["budget_used_nano_usd"] for row in found} == {"0"}


async def test_the_state_is_read_some_at_a_time(house: House, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.saving.BATCH", 7)
    for number in range(20):
        await teams.create_team(house.office, OPERATOR, TeamWish(name=f"t{number:02}"))
    found = rows(await owner.get("/people?format=csv&table=teams"))
    assert [row["name"] for row in found] == [f"t{number:02}" for number in reversed(range(20))]


async def test_a_store_that_is_away_is_said_as_of_the_page(
    house: House, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise ControlUnavailable("The analytics store is shut.", retry_after=1)

    object.__setattr__(house.site, "read", away)
    answer = await owner.get("/spend?format=parquet")
    assert answer.status == 503
    assert "The analytics store is shut." in answer.text
    assert rows(await owner.get("/keys?format=csv")) == [], "which are no concern of that store"
