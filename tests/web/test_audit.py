"""The audit log as a page: who sees it, what it can be asked for, how a change is told, files, what strangers wrote."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from gateway.management import keys, people
from gateway.management.keys import KeyWish
from gateway.management.office import Actor, Change, Subject
from gateway.management.people import NewUser
from gateway.usage.figures import DAY
from tests.gateway.management.crowd import add
from tests.gateway.management.offices import OPERATOR
from tests.web.markup import assert_well_formed
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import PASSWORD, House, Person, house_in
from web.differing import Difference, differences


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_in(tmp_path) as made:
        yield made


@pytest.fixture
async def owner(house: House) -> Person:
    await add(house.office, "olga", "owner", password=PASSWORD)
    return await house.signed_in("olga@example.com")


async def note(house: House, action: str = "key.create", who: Actor = OPERATOR, **said: Any) -> None:
    subject = said.pop("subject", Subject("key", "k1", "app"))

    def perform(change: Change) -> None:
        change.note(action, subject, **said)

    await house.office.change(who, perform)


def actions_in(text: str) -> list[str]:
    return re.findall(r'title="Only this action"><code>([^<]+)</code>', text)


async def test_only_those_see_it_who_may(house: House) -> None:
    for role, status in (("viewer", 403), ("member", 403), ("admin", 200)):
        await add(house.office, role, role, password=PASSWORD)  # type: ignore[arg-type] # one of them
        person = await house.signed_in(f"{role}@example.com")
        for path in ("/audit", "/audit?format=csv", "/audit?format=jsonl"):
            assert (await person.get(path)).status == status
        assert ('href="/audit"' in (await person.get("/")).text) == (status == 200)
    assert (await house.person().get("/audit")).to.startswith("/login")


async def test_a_change_says_what_differs_and_leads_to_the_thing(house: House, owner: Person) -> None:
    made = await keys.create_key(house.office, OPERATOR, KeyWish(name="app", budget_usd=5.0))
    await keys.change_key(house.office, OPERATOR, made.key.id, KeyWish(name="app", budget_usd=7.5), None)
    page = await owner.get("/audit")
    assert_well_formed(page.text)
    assert actions_in(page.text)[:2] == ["key.change", "key.create"]
    assert f'href="/keys/key:{made.key.id}"' in page.text
    assert re.search(r"<dt>budget_usd</dt><dd><del>5.0</del> <ins>7.5</ins>", page.text)
    assert "1 value differs" in page.text or "values differ" in page.text
    assert made.secret not in page.text
    assert "command line" in page.text


async def test_the_address_says_which_changes(house: House, owner: Person) -> None:
    await note(house, "key.create")
    await note(house, "key.change", subject=Subject("key", "k2", "Batch"))
    await note(house, "team.create", subject=Subject("team", "t1", "Rowers"))
    ada = Actor(kind="token", name="ada's laptop", id="tok")
    await note(house, "team.delete", who=ada, subject=Subject("team", "t1", "Rowers"))
    for query, found in (
        ("action=key", ["key.change", "key.create"]),
        ("action=key.change", ["key.change"]),
        ("kind=team", ["team.delete", "team.create"]),
        ("what=batch", ["key.change"]),
        ("what=k1", ["key.create"]),
        ("by=token", ["team.delete"]),
        ("who=LAPTOP", ["team.delete"]),
        ("action=key&what=nothing", []),
    ):
        page = await owner.get(f"/audit?{query}")
        assert actions_in(page.text) == found, query
        assert page.text.count('class="chip"') == query.count("=")
    assert "No change is like that." in owner.last.text  # type: ignore[union-attr] # the last of them


async def test_days_are_those_where_the_viewer_is(house: House, owner: Person) -> None:
    now_us = house.office.now_us
    await note(house)
    for days, found in ((0, True), (1, False)):
        day = _day(now_us + days * DAY)
        assert bool(actions_in((await owner.get(f"/audit?from={day}")).text)) == found
    assert actions_in((await owner.get(f"/audit?to={_day(now_us)}")).text)
    assert not actions_in((await owner.get(f"/audit?to={_day(now_us - DAY)}")).text)
    odd = await owner.get("/audit?from=yesterday&by=nobody")
    assert "Not understood, and left out: From, Kind of actor." in odd.text
    assert actions_in(odd.text)


async def test_a_page_holds_fifty_and_leads_to_older_ones(house: House, owner: Person) -> None:
    for number in range(52):
        await note(house, f"key.{number:02}", subject=Subject("key", str(number), f"k{number:02}"))
    first = await owner.get("/audit?kind=key")
    assert len(actions_in(first.text)) == 50
    older = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert older is not None
    second = await owner.get(html.unescape(older[1]))
    assert actions_in(second.text) == ["key.01", "key.00"]
    assert 'href="/audit?kind=key">Newest' in second.text


async def test_what_the_filters_let_through_is_a_file(house: House, owner: Person) -> None:
    for number in range(60):
        await note(house, "key.create", after={"number": number}, subject=Subject("key", str(number), "=app"))
    await note(house, "team.create", subject=Subject("team", "t", "Rowers"))
    table = await owner.get("/audit?action=key&format=csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert (len(rows), rows[0]["target"], rows[0]["after"]) == (60, "'=app", '{"number":59}')
    lines = (await owner.get("/audit?action=key&format=jsonl")).text.splitlines()
    assert [orjson.loads(line)["after"]["number"] for line in lines] == list(range(59, -1, -1))
    assert 'filename="audit.jsonl"' in owner.last.headers["content-disposition"]  # type: ignore[union-attr] # likewise


async def test_a_log_with_nothing_asked_for_is_told(house: House, owner: Person) -> None:
    page = await owner.get("/audit?before=0")
    assert "There are no older changes." in page.text
    assert_well_formed(page.text)


@pytest.mark.parametrize("text", CORPUS)
async def test_what_strangers_wrote_is_text(house: House, owner: Person, text: str) -> None:
    who = Actor(kind="anybody", name=text, address=text)
    told = {text: text, "inner": {text: [text, {text: text}]}}
    for kind in (text, "provider", "credential", "alias", "key", "setting", "limit"):
        await note(house, text, who=who, subject=Subject(kind, text, text), before={}, after=told)
    page = await owner.get("/audit")
    assert_harmless(page.text)
    assert_well_formed(page.text)
    assert text in html.unescape(page.text)
    fields = {"who": text, "by": text, "action": text, "kind": text, "what": text, "from": text, "to": text}
    for name, value in fields.items():
        assert_harmless((await owner.get("/audit?" + _query({name: value}))).text)


async def test_a_user_who_did_something_is_linked(house: House, owner: Person) -> None:
    await owner.get("/people")
    made = await people.create_user(house.office, OPERATOR, NewUser(email="ada@example.com", name="Ada", role="owner"))
    await note(house, who=Actor(kind="user", name="ada@example.com", id=made.user.id, user_id=made.user.id))
    assert f'<a href="/people/{made.user.id}">ada@example.com</a>' in (await owner.get("/audit")).text


def test_what_differs() -> None:
    assert differences({"a": 1, "b": {"c": [1], "d": True}}, {"a": 1, "b": {"c": [2], "d": False}, "e": "x"}) == (
        Difference("b.c", "[1]", "[2]"),
        Difference("b.d", "yes", "no"),
        Difference("e", "", "x"),
    )
    assert differences(None, {"name": "app", "tags": [], "note": None, "kinds": ["a", "b"]}) == (
        Difference("kinds", "", "a, b"),
        Difference("name", "", "app"),
    )
    assert differences({"name": "app", "empty": {}}, None) == (Difference("name", "app", ""),)
    assert differences(None, None) == ()


def _day(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%d}"


def _query(said: dict[str, str]) -> str:
    return urlencode(said)
