"""The overview: what it makes of requests, whole and by its block, empty and full, for everybody and for some."""

from __future__ import annotations

import html
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ControlUnavailable
from gateway.management import keys
from gateway.management.keys import KeyWish
from gateway.pools.board import Rest
from gateway.pools.fields import Kind
from gateway.records import Credential, Provider
from gateway.routing.standing import Standing
from gateway.settings.demo import DEMO_KEY, add_demo
from gateway.settings.model import Settings
from gateway.settings.objects import ClientKeySettings
from gateway.usage.figures import DAY
from tests.gateway.management.crowd import actor_of, add
from tests.web.markup import assert_well_formed
from tests.web.store import Store, store_in
from tests.web.visiting import PASSWORD, House, Person, Surroundings, house_in
from web.pages import overview

MINUTE = 60_000_000
HOUR = 60 * MINUTE


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


def ago(microseconds: int) -> int:
    return time.time_ns() // 1000 - microseconds


def fill(store: Store) -> None:
    """Three that went well, of two models and keys; one refused, one failed, one that its client left."""
    store.add(
        {"started_at_us": ago(5 * MINUTE), "key_id": "key:1", "cost_nano_usd": 12_000_000_000, "first_byte_us": 31_000},
        {"started_at_us": ago(3 * HOUR), "key_id": "key:1", "cost_nano_usd": 400_000_000},
        {
            "started_at_us": ago(4 * HOUR),
            "key": "other",
            "key_id": "key:2",
            "provider": "second",
            "model": "llama",
            "cost_nano_usd": None,
            "cost_source": "unpriced",
        },
        {"started_at_us": ago(HOUR), "status": 429, "error": "rate_limited", "provider": None, "model": None},
        {"started_at_us": ago(2 * HOUR), "status": 502, "error": "upstream_closed"},
        {"started_at_us": ago(2 * HOUR), "status": 499, "error": "client_disconnected"},
        {"started_at_us": ago(30 * HOUR), "cost_nano_usd": 6_000_000_000},
    )


async def test_it_is_well_formed_empty_and_full(owner: Person, store: Store) -> None:
    for span in ("1h", "24h", "7d", "30d", "90d"):
        assert_well_formed((await owner.get(f"/?range={span}")).text)
    fill(store)
    for span in ("1h", "24h", "7d", "30d", "90d"):
        assert_well_formed((await owner.get(f"/?range={span}")).text)


async def test_its_block_comes_alone_and_is_part_of_the_page(owner: Person, store: Store) -> None:
    fill(store)
    block = await owner.get("/?block=figures")
    assert block.status == 200
    assert "<html" not in block.text
    assert_well_formed(block.text)
    assert "Spend by model" in block.text
    assert (await owner.get("/?block=nothing")).status == 404


async def test_the_figures_are_those_of_the_time(owner: Person, store: Store) -> None:
    fill(store)
    text = html.unescape((await owner.get("/")).text)
    for shown in ("mock/gpt-4o", "upstream_closed", "rate_limited", "other", "team", "5 min ago", "$12.00"):
        assert shown in text, shown
    context = await load(owner, store)
    by_label = {figure.label: figure for figure in context.figures}
    # One that was left and one that failed had the example's cost as well.
    assert by_label["Requests"].value == "6"
    assert by_label["Spend"].value == "$12.41"
    assert by_label["Errors"].exact == "1 failed and 1 refused of 6"
    assert by_label["Active keys"].value == "3"


async def test_rankings_say_what_is_an_estimate_and_whose_a_model_is(owner: Person, store: Store) -> None:
    cost = 3_000_000_000
    store.add(
        {"started_at_us": ago(MINUTE), "cost_nano_usd": cost, "usage_source": "estimated", "model": "lab/a-model"}
    )
    text = html.unescape((await owner.get("/")).text)
    assert text.count('title="$3.00, 1 request is an estimate">≈ $3.00</td>') == 2
    assert '<span class="quiet">mock/</span><span><bdi>lab/a-model</bdi></span>' in text
    assert '<td class="name" title="mock/lab/a-model">' in text


async def test_a_time_before_that_is_known_in_part_is_nothing_to_compare_with(owner: Person, store: Store) -> None:
    fill(store)
    assert {figure.change.text for figure in (await load(owner, store)).figures} == {""}
    store.add({"started_at_us": time.time_ns() // 1000 - 3 * DAY})
    by_label = {figure.label: figure for figure in (await load(owner, store)).figures}
    assert by_label["Requests"].change.text == "▲ +500 %"


async def load(person: Person, store: Store) -> Any:
    """The context that the page's template was given."""
    found: list[Any] = []
    original = overview.PAGE.load

    async def spy(site: Any, visit: Any) -> Any:
        found.append(await original(site, visit))
        return found[-1]

    object.__setattr__(overview.PAGE, "load", spy)
    try:
        await person.get("/")
    finally:
        object.__setattr__(overview.PAGE, "load", original)
    return found[-1]


async def test_an_empty_time_says_what_to_do(owner: Person) -> None:
    text = (await owner.get("/")).text
    assert "No request in this time" in text
    assert "curl -N" in text
    assert "$SLUICEGATE_KEY" in text


async def test_whoever_may_see_their_own_sees_no_others(house: House, store: Store) -> None:
    mia = await actor_of(house.office, await add(house.office, "mia", "member", password=PASSWORD))
    made = await keys.create_key(house.office, mia, KeyWish(name="mias"))
    store.add(
        {"key": "mias", "key_id": f"key:{made.key.id.removeprefix('key:')}", "requested_model": "hers"},
        {"key": "team", "requested_model": "theirs", "provider": "secretive"},
    )
    text = (await (await house.signed_in("mia@example.com")).get("/")).text
    assert "mias" in text
    assert "team" not in text
    assert "secretive" not in text


async def test_what_is_wrong_at_the_moment_stands_on_top(house: House, owner: Person, store: Store) -> None:
    fill(store)
    assert "do not have" not in (await owner.get("/")).text
    house.around.ingest["trouble"] = "the disk is full"
    house.around.alerts.open_now = 2
    house.around.providers = (Provider("mock", "openai_chat", "http://127.0.0.1:1", ("*",), "round_robin", ()),)
    until = time.time_ns() // 1000 + MINUTE
    house.around.pools.resting = (Rest(Kind.TARGET, "mock", "", "gpt-4o", Standing(until, True, "breaker")),)
    text = html.unescape((await owner.get("/")).text)
    assert "the disk is full" in text
    assert "1 request went to models without a price" in text
    assert "2 alerts are open." in text


async def test_a_provider_is_in_the_state_that_its_own_page_says(house: House, owner: Person, store: Store) -> None:
    store.add({"attempts": ()})
    one, other = Credential("mock", "one", "x"), Credential("mock", "other", "x")
    house.around.providers = (
        Provider("mock", "openai_chat", "http://127.0.0.1:1", ("*",), "round_robin", (one, other)),
    )
    until = time.time_ns() // 1000 + MINUTE
    for resting, word in ((("one",), "partly resting"), (("one", "other"), "resting")):
        rest = Standing(until, True, "auth")
        house.around.pools.resting = tuple(Rest(Kind.CREDENTIAL, "mock", name, "", rest) for name in resting)
        house.around.pools.standing = lambda credential, model, now_us, rest=rest: rest
        assert f'<span class="dot"></span>{word}</span>' in (await owner.get("/")).text
    house.around.pools.resting = ()
    house.around.providers = (replace(house.around.providers[0], credentials=(replace(one, models=()),)),)
    assert '<span class="dot"></span>paused</span>' in (await owner.get("/")).text


async def test_what_a_client_said_is_text(owner: Person, store: Store) -> None:
    evil = "<script>alert(1)</script>"
    store.add({"key": evil, "model": evil, "provider": evil, "error": evil, "status": 502, "requested_model": evil})
    text = (await owner.get("/")).text
    assert "<script>alert" not in text
    assert html.escape(evil) in text


async def test_the_curl_line_of_a_demo_works_as_it_is(house: House) -> None:
    settings = add_demo(Settings(), "http://127.0.0.1:1")
    site = type("Site", (), {"settings": staticmethod(lambda: settings), "demo": True})
    line = overview.curl(site, "http://gate.example:8080")  # type: ignore[arg-type] # all it asks for
    assert DEMO_KEY in line
    assert "http://gate.example:8080/v1/chat/completions" in line


async def test_no_other_key_is_ever_shown() -> None:
    settings = Settings(client_keys=(ClientKeySettings(name="demo", key="sk-private"),))
    for demo in (True, False):
        around = {"settings": staticmethod(lambda: settings), "demo": demo, "around": Surroundings()}
        site = type("Site", (), around)
        line = overview.curl(site, "http://gate.example")  # type: ignore[arg-type] # likewise
        assert "sk-private" not in line
        assert "$SLUICEGATE_KEY" in line
        assert '"model":"fast"' in line


async def test_a_store_that_is_away_is_not_hidden(tmp_path: Path, store: Store) -> None:
    async def away(name: str, parameters: object, **_: object) -> list[dict[str, Any]]:
        raise ControlUnavailable("The analytics store is not open at the moment.", retry_after=1)

    store.read = away  # type: ignore[method-assign]
    async with house_in(tmp_path / "other", store=store) as house:
        await add(house.office, "olga", "owner", password=PASSWORD)
        answer = await (await house.signed_in("olga@example.com")).get("/")
    assert answer.status == 503
    assert "Requests are served all the same" in answer.text
