"""The models there are: figures, prices and by which row, filters, pages of them, and the registry."""

from __future__ import annotations

import csv
import html
import io
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.management.models import TierView
from gateway.records import RegistryState
from gateway.usage.figures import DAY, HOUR
from tests.gateway.management.crowd import add
from tests.web.foreseen import model_of, price_of
from tests.web.markup import assert_well_formed
from tests.web.store import Store, store_in
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import PASSWORD, House, Person, house_in
from web.pages.models import ROWS, TABS

NOW = time.time_ns() // 1000
DOLLAR = 1_000_000_000


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


def fill(house: House, store: Store) -> None:
    house.around.foresight.known = [
        model_of("mock/gpt-4o", price=price_of(cache_read=1.25, tiers=(TierView(above=200_000, input=5, output=20),))),
        model_of("mock/mini", price=price_of("override mock/*", input=0.15, output=0.6)),
        model_of("mock/odd", price=None, said_by="catalogue"),
        model_of("other/gpt-4o"),
    ]
    house.around.foresight.unlisted = {"mock/never": model_of("mock/never", said_by=None, price=None)}
    store.add(
        {"started_at_us": NOW - HOUR, "cost_nano_usd": 3 * DOLLAR, "model": "gpt-4o", "first_byte_us": 300_000},
        {"started_at_us": NOW - HOUR, "cost_nano_usd": DOLLAR, "model": "gpt-4o", "first_byte_us": 500_000},
        {"started_at_us": NOW - HOUR, "cost_nano_usd": None, "cost_source": "unpriced", "model": "never"},
        {"started_at_us": NOW - HOUR, "cost_nano_usd": None, "cost_source": "unpriced", "model": "gone"},
        {"started_at_us": NOW - 9 * DAY, "cost_nano_usd": DOLLAR, "model": "mini"},
    )


def names(text: str) -> list[str]:
    return re.findall(r'<td class="name" title="([^",]+), known from', html.unescape(text))


@pytest.mark.parametrize("path", TABS)
async def test_a_tab_is_well_formed_empty_and_full(house: House, owner: Person, store: Store, path: str) -> None:
    assert_well_formed((await owner.get(path)).text)
    fill(house, store)
    answer = await owner.get(path)
    assert answer.status == 200
    assert_well_formed(answer.text)
    assert f'<a href="{path}" aria-current="page">' in html.unescape(answer.text)


async def test_a_model_is_shown_with_its_price_and_use(house: House, owner: Person, store: Store) -> None:
    fill(house, store)
    text = html.unescape((await owner.get("/models")).text)
    assert names(text) == ["mock/gpt-4o", "mock/never", "mock/mini", "mock/odd", "other/gpt-4o"]
    for shown in ("128 k", "16.0 k", "images, tools", "$2.50+", "$5.00 above 200,000 tokens", "$1.25", "$4.00",
                  "400 ms", "override", "openai/gpt-4o of 2026-11-20", ">registry<",
                  "not known", "1 model that was asked"):  # fmt: skip
        assert shown in text, shown
    assert "mock/gone" not in text
    assert re.search(r'href="/requests\?[^"]*provider=mock&model=gpt-4o"', text)


async def test_what_is_an_estimate_in_part_says_so(house: House, owner: Person, store: Store) -> None:
    fill(house, store)
    store.add({"started_at_us": NOW - HOUR, "cost_nano_usd": 2 * DOLLAR, "model": "mini", "usage_source": "estimated"})
    text = (await owner.get("/models")).text
    assert re.findall(r'title="[^"]*an estimate">≈ ([^<]+)<', html.unescape(text)) == ["$2.00"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("search=GPT", ["mock/gpt-4o", "other/gpt-4o"]),
        ("provider=other", ["other/gpt-4o"]),
        ("can=tools&provider=mock&used=yes", ["mock/gpt-4o", "mock/never"]),
        ("can=audio", []),
        ("price=none", ["mock/never", "mock/odd"]),
        ("price=override", ["mock/mini"]),
        ("price=list", ["mock/gpt-4o", "other/gpt-4o"]),
        ("used=no&range=30d", ["mock/odd", "other/gpt-4o"]),
        ("sort=name", ["mock/gpt-4o", "mock/mini", "mock/never", "mock/odd", "other/gpt-4o"]),
        ("sort=input_price", ["mock/mini", "mock/gpt-4o", "other/gpt-4o", "mock/never", "mock/odd"]),
        ("sort=nonsense&search=odd", ["mock/odd"]),
    ],
)
async def test_the_address_says_which_models(
    house: House, owner: Person, store: Store, query: str, found: list[str]
) -> None:
    fill(house, store)
    answer = await owner.get(f"/models?{query}")
    assert names(answer.text) == found
    assert_well_formed(answer.text)


async def test_hundreds_are_shown_a_page_at_a_time(house: House, owner: Person) -> None:
    house.around.foresight.known = [model_of(f"mock/m{number:03}") for number in range(2 * ROWS + 10)]
    first = (await owner.get("/models?sort=name")).text
    second = (await owner.get(html.unescape(re.findall(r'href="([^"]+)" rel="next"', first)[0]))).text
    third = (await owner.get(html.unescape(re.findall(r'href="([^"]+)" rel="next"', second)[0]))).text
    assert [names(text)[0] for text in (first, second, third)] == ["mock/m000", "mock/m050", "mock/m100"]
    assert 'rel="prev"' not in first
    assert 'rel="next"' not in third
    back = (await owner.get(html.unescape(re.findall(r'href="([^"]+)" rel="prev"', third)[0]))).text
    assert names(back) == names(second)


async def test_what_is_filtered_is_a_file(house: House, owner: Person, store: Store) -> None:
    fill(house, store)
    answer = await owner.get("/models?format=csv&provider=mock&after=mock/never")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["name"] for row in rows] == ["mock/gpt-4o", "mock/never", "mock/mini", "mock/odd"]
    assert (rows[0]["input_usd"], rows[0]["cost_usd"], rows[0]["p50_first_byte_us"]) == ("2.5", "4.0", "400000")
    assert rows[1]["input_usd"] == ""


async def test_the_registry_says_how_old_it_is_and_what_was_not_believed(
    house: House, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = CORPUS[0]
    state = RegistryState("2026-11-20", "fetched", 2345, "https://models.dev/api.json", NOW - HOUR, NOW - HOUR,
                          f"no answer {evil}", (f"openai/gpt-5: 0 {evil}",))  # fmt: skip
    monkeypatch.setattr(house.around, "registry_state", lambda: state)
    text = (await owner.get("/models")).text
    assert_harmless(text)
    for shown in ("2026-11-20", "2,345", "1 h ago", "1: these prices stay", "openai/gpt-5: 0", "no answer"):
        assert shown in text, shown
    await owner.submit("/models/refresh")
    assert house.around.begun == ["refresh-prices"]
    assert "is being fetched" in (await owner.follow()).text


async def test_a_viewer_sees_no_form_and_sends_none(house: House, owner: Person, store: Store) -> None:
    fill(house, store)
    await add(house.office, "vera", "viewer", password=PASSWORD)
    viewer = await house.signed_in("vera@example.com")
    for path in TABS:
        answer = await viewer.get(path)
        assert answer.status == 200
        allowed = {"/logout", "/models/where/ask"}
        assert {action for action, _ in answer.forms} <= allowed, path
    form = (await viewer.get("/models")).form("/logout")
    for action in ("/models/refresh", "/models/aliases/create", "/models/aliases/change", "/models/aliases/delete"):
        fields = {**form, "name": "a", "target": "mock/gpt-4o", "typed": "a"}
        assert (await viewer.post(action, fields)).status == 403, action
    assert house.around.begun == []


async def test_a_member_sees_the_use_of_their_own_keys(house: House, store: Store) -> None:
    fill(house, store)
    await add(house.office, "mia", "member", password=PASSWORD)
    text = (await (await house.signed_in("mia@example.com")).get("/models")).text
    assert "those of your own keys" in text
    assert "$4.00" not in text
    assert "mock/never" not in text


async def test_names_of_strangers_are_text(house: House, owner: Person) -> None:
    for evil in CORPUS:
        house.around.foresight.known += [model_of(f"mock/{evil}", price=price_of(evil)), model_of(evil, price=None)]
    for path in TABS:
        assert_harmless((await owner.get(path)).text)
    for evil in CORPUS:
        answer = await owner.get(f"/models?search={html.escape(evil)}&sort={html.escape(evil)}&price=none&can=x")
        assert_harmless(answer.text)
