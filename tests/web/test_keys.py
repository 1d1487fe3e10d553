"""The list of client keys and the page of one: who sees and changes which, secrets that are shown once, what is wrong
with a form, what was said by strangers."""

from __future__ import annotations

import csv
import html
import io
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from gateway.access.tokens import digest
from gateway.management import keys, teams
from gateway.management.keys import KeyView, KeyWish
from gateway.management.people import UserView
from gateway.management.teams import MemberWish, TeamWish
from gateway.settings.objects import ClientKeySettings
from gateway.usage.figures import HOUR
from tests.gateway.management.crowd import add
from tests.gateway.management.offices import OPERATOR
from tests.web.markup import assert_well_formed
from tests.web.store import Store, store_in
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import PASSWORD, Answer, House, Person, house_in

NOW = time.time_ns() // 1000
SECRET = re.compile(r"sk-slg-[A-Za-z0-9_-]{32}")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
async def house(tmp_path: Path, store: Store) -> AsyncIterator[House]:
    async with house_in(tmp_path, store=store) as made:
        yield made


@pytest.fixture
async def owner(house: House) -> Person:
    await add(house.office, "olga", "owner", password=PASSWORD)
    return await house.signed_in("olga@example.com")


async def make(house: House, name: str = "app", **more: Any) -> KeyView:
    return (await keys.create_key(house.office, OPERATOR, KeyWish(name=name, **more))).key


async def member_in(house: House, name: str = "mia") -> tuple[UserView, Person]:
    user = await add(house.office, name, "member", password=PASSWORD)
    return user, await house.signed_in(f"{name}@example.com")


async def team_of(house: House, name: str, user: UserView, role: Any) -> str:
    team = await teams.create_team(house.office, OPERATOR, TeamWish(name=name))
    await teams.put_member(house.office, OPERATOR, team.id, MemberWish(user_id=user.id, role=role))
    return team.id


def say(house: House, *said: ClientKeySettings) -> None:
    """The configuration file has these keys."""
    house.office.settings = structs.replace(house.office.settings, client_keys=said)


def page_of(key: KeyView) -> str:
    return f"/keys/key:{key.id}"


def actions_in(answer: Answer) -> set[str]:
    return {action for action, _ in answer.forms} - {"/logout"}


def names_in(text: str) -> list[str]:
    return re.findall(r'<a class="row" href="/keys/[^"]+">([^<]+)</a>', text)


async def test_it_is_well_formed_empty_and_full(house: House, owner: Person) -> None:
    assert_well_formed((await owner.get("/keys")).text)
    assert "There is no key yet." in owner.last.text  # type: ignore[union-attr] # it was just answered
    await make(house, budget_usd=10.0, requests_per_minute=60, tags=("batch",), models=("openai/*",))
    house.around.oversight.used["budget_nano_usd"] = 9_000_000_000
    answer = await owner.get("/keys")
    assert_well_formed(answer.text)
    for shown in ("$9.00 of $10.00", "60 requests/min", "openai/*", "active", "sk-slg-"):
        assert shown in answer.text


async def test_filters_stand_in_the_address_and_are_taken_away_one_by_one(house: House, owner: Person) -> None:
    user = await add(house.office, "ada")
    for name, more in (("one", {"paused": True}), ("two", {"tags": ("batch",)}), ("three", {"user_id": user.id})):
        await make(house, name, **more)
    for query, found in (
        ("status=paused", ["one"]),
        ("tag=batch", ["two"]),
        (f"user={user.id}", ["three"]),
        ("search=t", ["three", "two"]),
        ("search=nothing", []),
    ):
        answer = await owner.get(f"/keys?{query}")
        assert names_in(answer.text) == found
        assert 'class="chip"' in answer.text
    odd = await owner.get("/keys?status=nonsense")
    assert len(names_in(odd.text)) == 3
    assert "There is no status nonsense" in odd.text


async def test_a_page_holds_fifty_and_leads_to_older_ones(house: House, owner: Person) -> None:
    for number in range(52):
        await make(house, f"k{number:02}")
    first = await owner.get("/keys?search=k")
    assert len(names_in(first.text)) == 50
    older = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert older is not None
    second = await owner.get(html.unescape(older[1]))
    assert names_in(second.text) == ["k01", "k00"]
    assert 'href="/keys?search=k">Newest' in second.text


async def test_what_is_shown_is_a_file_too(house: House, owner: Person) -> None:
    made = await make(house, "app", budget_usd=2.0, max_parallel=3)
    answer = await owner.get("/keys?format=csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert [row[name] for name in ("id", "name", "max_parallel")] == [f"key:{made.id}", "app", "3"]


async def test_a_key_is_made_and_its_secret_shown_once(house: House, owner: Person) -> None:
    await add(house.office, "ada")
    house.around.foresight.named["app"] = ("embed", "openai/gpt-x")
    await owner.get("/keys")
    done = await owner.submit(
        "/keys",
        name="app",
        owner="ada@example.com",
        models="openai/gpt-x, fast",
        budget_usd="12.50",
        budget_period="week",
        requests_per_minute="1,000",
        tokens_per_month="5000000",
        endpoints="/v1/chat/completions",
        expires_at="2090-01-31",
        tags="batch, team=a",
        strict="yes",
    )
    assert done.status == 200
    assert done.headers["cache-control"] == "no-store, no-transform"
    assert_well_formed(done.text)
    (secret,) = set(SECRET.findall(done.text))
    assert '"model":"openai/gpt-x"' in html.unescape(done.text)
    row = await house.office.read(
        lambda session: session.row(
            "keys/presented", {"digest": digest(secret.encode(), house.office.secrets.keys), "id": ""}
        )
    )
    assert row is not None
    made = await keys.get_key(house.office, OPERATOR, row["id"])
    assert (made.name, made.models) == ("app", ("openai/gpt-x", "fast"))
    assert (made.budget_usd, made.budget_period) == (12.5, "week")
    assert (made.requests_per_minute, made.tokens_per_month, made.tags) == (1000, 5_000_000, ("batch", "team=a"))
    assert (made.expires_at, made.strict) == ("2090-01-31T00:00:00.000000Z", True)
    assert secret not in (await owner.get("/keys")).text
    assert secret not in (await owner.get(page_of(made))).text


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"name": ""}, "name", "Give it a name"),
        ({"name": "two words"}, "name", "letters, digits"),
        ({"name": "taken"}, "name", "a key <code>taken</code> already"),
        ({"owner": "nobody@example.com"}, "owner", "no user with this"),
        ({"requests_per_minute": "many"}, "requests_per_minute", "whole number"),
        ({"max_parallel": "0"}, "max_parallel", "from 1 on"),
        ({"budget_usd": "-3"}, "budget_usd", "US dollars"),
        ({"expires_at": "tomorrow"}, "expires_at", "a date"),
        ({"models": "x" * 301}, "models", "300"),
        ({"tags": ",".join("x" * 101 for _ in range(1))}, "tags", "100"),
    ],
)
async def test_what_is_wrong_stands_beside_the_field(
    house: House, owner: Person, typed: dict[str, str], field: str, words: str
) -> None:
    await make(house, "taken")
    await owner.get("/keys")
    answer = await owner.submit("/keys", **{"name": "app", **typed})
    assert answer.status in (409, 422)
    (found,) = re.findall(rf'id="keys-{field}-wrong">(.*?)</p>', answer.text)
    assert words in html.unescape(found)
    assert_well_formed(answer.text)
    assert names_in(answer.text) == ["taken"]


async def test_members_see_and_make_their_own(house: House) -> None:
    user, mia = await member_in(house)
    led, joined = await team_of(house, "led", user, "admin"), await team_of(house, "joined", user, "member")
    theirs = await make(house, "theirs")
    shared = await make(house, "shared", team_id=joined)
    say(house, ClientKeySettings(name="said", key="sk-of-the-file"))
    page = await mia.get("/keys")
    assert names_in(page.text) == ["shared"]
    assert "Models without a price" not in page.text
    done = await mia.submit("/keys", name="mine")
    assert SECRET.search(done.text)
    await mia.get("/keys")
    assert (await mia.submit("/keys", name="of-the-team", owner="led")).status == 200
    found = {
        each.name: each
        for each in await keys.list_keys(house.office, OPERATOR, keys.KeyFilter(), after_id=None, limit=9)
    }
    assert (found["mine"].user_id, found["of-the-team"].team_id) == (user.id, led)
    for owner in ("joined", "olga@example.com", "mia@example.com", "nothing"):
        await mia.get("/keys")
        answer = await mia.submit("/keys", name="more", owner=owner)
        assert (answer.status, "You may make keys for yourself" in answer.text) == (403, True)
    assert (await mia.get(page_of(theirs))).status == 404
    assert (await mia.get("/keys/said")).status == 404
    assert actions_in(await mia.get(page_of(shared))) == set()
    csrf = mia.last.form("/logout")["csrf"]  # type: ignore[union-attr] # it was just answered
    for action in ("pause", "resume", "rotate", "revoke", "change", "count-anew"):
        answer = await mia.post(f"{page_of(shared)}/{action}", {"csrf": csrf, "name": "shared"})
        assert answer.status == 403, action


async def test_a_viewer_sees_no_keys_at_all(house: House) -> None:
    await add(house.office, "vera", "viewer", password=PASSWORD)
    vera = await house.signed_in("vera@example.com")
    assert (await vera.get("/keys")).status == 403


async def test_the_page_of_a_key_is_well_formed_empty_and_full(house: House, owner: Person, store: Store) -> None:
    key = await make(house, budget_usd=10.0, requests_per_minute=60)
    answer = await owner.get(page_of(key))
    assert_well_formed(answer.text)
    assert "No request with this key in this time." in answer.text
    assert "Spend by model" not in answer.text
    store.add(
        {"started_at_us": NOW - HOUR, "key": "app", "key_id": f"key:{key.id}", "cost_nano_usd": 10**9},
        {"started_at_us": NOW - HOUR, "key": "other", "cost_nano_usd": 10**9, "model": "not-this"},
    )
    house.around.oversight.used["budget_nano_usd"] = 11 * 10**9
    for rolled in (0, NOW):
        house.around.rolled_until_us = 0 if not rolled else NOW // (24 * HOUR) * 24 * HOUR
        answer = await owner.get(page_of(key))
        assert_well_formed(answer.text)
        for shown in ("$11.00 of $10.00 used", "Spend by model", "Requests by outcome", "requests a minute"):
            assert shown in answer.text
        assert "not-this" not in answer.text
    assert f'href="/requests?range=30d&amp;key=key%3A{key.id}"' in answer.text


async def test_a_key_is_found_by_its_name(house: House, owner: Person) -> None:
    key = await make(house)
    assert ((await owner.get("/keys/app")).status, owner.last and owner.last.to) == (303, page_of(key))
    assert {(await owner.get(f"/keys/{wrong}")).status for wrong in ("nothing", "key:nothing")} == {404}


async def test_a_key_is_paused_and_resumed(house: House, owner: Person) -> None:
    key = await make(house)
    await owner.get(page_of(key))
    assert (await owner.submit(f"{page_of(key)}/pause")).to == f"{page_of(key)}?said=key-paused"
    page = await owner.follow()
    assert "The key is paused" in page.text
    assert f"{page_of(key)}/pause" not in actions_in(page)
    assert (await owner.submit(f"{page_of(key)}/resume")).status == 303
    assert (await keys.get_key(house.office, OPERATOR, key.id)).status == "active"


async def test_a_key_is_given_anew_and_the_secret_shown_once(house: House, owner: Person) -> None:
    key = await make(house)
    await owner.get(page_of(key))
    done = await owner.submit(f"{page_of(key)}/rotate", name="app")
    assert done.headers["cache-control"] == "no-store, no-transform"
    (secret,) = set(SECRET.findall(done.text))
    assert_well_formed(done.text)
    assert secret[-4:] == (await keys.get_key(house.office, OPERATOR, key.id)).last_four
    assert not SECRET.search((await owner.get(page_of(key))).text)


async def test_a_key_is_revoked_by_typing_its_name(house: House, owner: Person) -> None:
    key = await make(house)
    await owner.get(page_of(key))
    for doing in ("rotate", "revoke"):
        wrong = await owner.submit(f"{page_of(key)}/{doing}", name="apq")
        assert (wrong.status, f"Type the key&#39;s name, app, to {doing} it" in wrong.text) == (422, True)
    assert (await keys.get_key(house.office, OPERATOR, key.id)) == key
    assert (await owner.submit(f"{page_of(key)}/revoke", name="app")).status == 303
    page = await owner.follow()
    assert "revoked" in page.text
    assert actions_in(page) == set()
    assert "revoked" in (await owner.get("/keys?status=revoked")).text


async def test_a_key_is_changed_and_nobody_s_change_is_lost(house: House, owner: Person) -> None:
    user = await add(house.office, "ada")
    key = await make(
        house, user_id=user.id, expires_at="2090-01-31T10:30:00Z", credentials=("openai/a",), capture=False
    )
    page = await owner.get(page_of(key))
    assert 'value="ada@example.com"' in page.text
    assert 'value="2090-01-31"' in page.text
    fields = page.form(f"{page_of(key)}/change")
    done = await owner.post(
        f"{page_of(key)}/change", {**fields, "name": "renamed", "budget_usd": "3", "budget_period": "day"}
    )
    assert done.to == f"{page_of(key)}?said=key-changed"
    now = await keys.get_key(house.office, OPERATOR, key.id)
    assert (now.name, now.budget_usd, now.budget_period, now.user_id) == ("renamed", 3.0, "day", user.id)
    assert (now.expires_at, now.credentials, now.capture) == ("2090-01-31T10:30:00.000000Z", ("openai/a",), False)
    stale = await owner.post(f"{page_of(key)}/change", {**fields, "name": "again"})
    assert (stale.status, "by now" in stale.text) == (412, True)
    wrong = await owner.post(f"{page_of(key)}/change", {**owner.last.form(f"{page_of(key)}/change"), "name": "a b"})  # type: ignore[union-attr]
    assert 'id="keys-{id}-change-name-wrong"' in wrong.text
    assert_well_formed(wrong.text)


async def test_of_a_key_whose_rules_were_set_its_owner_changes_name_and_tags(house: House) -> None:
    user, mia = await member_in(house)
    key = await make(house, user_id=user.id, budget_usd=5.0)
    page = await mia.get(page_of(key))
    assert "The rules of this key were set by somebody" in page.text
    assert actions_in(page) == {f"{page_of(key)}/{each}" for each in ("rotate", "change", "revoke")}
    assert 'name="budget_usd"' not in page.text
    done = await mia.submit(f"{page_of(key)}/change", name="mine", tags="a b", budget_usd="900")
    assert done.status == 303
    now = await keys.get_key(house.office, OPERATOR, key.id)
    assert (now.name, now.tags, now.budget_usd) == ("mine", ("a", "b"), 5.0)
    await mia.get(page_of(key))
    csrf = mia.last.form("/logout")["csrf"]  # type: ignore[union-attr] # it was just answered
    answer = await mia.post(f"{page_of(key)}/pause", {"csrf": csrf})
    assert (answer.status, "were set by somebody" in answer.text) == (403, True)


async def test_a_key_is_counted_from_nothing(house: House, owner: Person) -> None:
    key = await make(house, budget_usd=5.0)
    await owner.get(page_of(key))
    assert (await owner.submit(f"{page_of(key)}/count-anew")).to == f"{page_of(key)}?said=key-counted"
    assert house.around.oversight.resets == [f"key:{key.id}"]


async def test_keys_of_the_configuration_file_are_shown_and_not_changed(house: House, owner: Person) -> None:
    say(
        house,
        ClientKeySettings(name="said", key="sk-of-the-file", budget_usd=4.0, tags=("batch",)),
        ClientKeySettings(name="former", key="sk-former", expires_at="2020-01-01"),
        ClientKeySettings(name="resting", key="sk-resting", paused=True),
    )
    page = await owner.get("/keys")
    assert names_in(page.text) == ["said", "former", "resting"]
    assert names_in((await owner.get("/keys?status=expired")).text) == ["former"]
    assert names_in((await owner.get("/keys?status=paused")).text) == ["resting"]
    assert names_in((await owner.get("/keys?tag=batch")).text) == ["said"]
    assert names_in((await owner.get("/keys?team=x")).text) == []
    page = await owner.get("/keys/said")
    assert_well_formed(page.text)
    assert "This key stands in the configuration file" in page.text
    assert actions_in(page) == {"/keys/said/count-anew"}
    assert "sk-of-the-file" not in page.text
    csrf = page.form("/logout")["csrf"]
    for action in ("pause", "rotate", "revoke", "change"):
        assert (await owner.post(f"/keys/said/{action}", {"csrf": csrf, "name": "said"})).status == 404


async def test_pages_say_so_while_nobody_counts(house: House, owner: Person) -> None:
    key = await make(house, budget_usd=5.0)
    house.around.oversight.is_away = True
    assert "How much of the budgets is used cannot be told" in (await owner.get("/keys")).text
    assert "cannot be looked up at the moment" in (await owner.get(page_of(key))).text


@pytest.mark.parametrize("text", CORPUS)
async def test_what_strangers_say_is_text(house: House, owner: Person, store: Store, text: str) -> None:
    tag = "".join(each for each in text if each.isprintable()).replace(",", "")
    user = await add(house.office, "ada")
    team = await teams.create_team(house.office, OPERATOR, TeamWish(name=tag))
    key = await make(house, team_id=team.id, tags=(tag,), models=(tag,), providers=(tag,), endpoints=(tag,))
    other = await make(house, "other", user_id=user.id)
    store.add(
        {"started_at_us": NOW - HOUR, "key": tag, "key_id": f"key:{key.id}", "requested_model": text, "model": text}
    )
    for path in ("/keys", page_of(key), page_of(other)):
        assert_harmless((await owner.get(path)).text)
    for word in ("search", "tag", "status", "user", "team", "before"):
        await owner.get(f"/keys?{word}={html.escape(tag)}".replace("#", "").replace(" ", "+"))
        assert_harmless(owner.last.text)  # type: ignore[union-attr] # it was just answered
    await owner.get("/keys")
    typed = dict.fromkeys(("name", "owner", "models", "budget_usd", "tags", "expires_at", "budget_period"), text)
    answer = await owner.submit("/keys", **typed)
    assert answer.status == 422
    assert_harmless(answer.text)
