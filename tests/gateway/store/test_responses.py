from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from msgspec import structs

from gateway.errors import StateUnavailable, UnknownPreviousResponse
from gateway.records import StoredResponse
from gateway.store import responses, sqlite
from gateway.store.responses import ResponseStore
from gateway.store.state import State, Where, state_file

NOW = 1_700_000_000
MAX_BYTES = 4096


class Clock:
    """Unix seconds, as the test has it."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(where: Where, clock: Clock) -> AsyncIterator[ResponseStore]:
    made = ResponseStore(State(where), max_bytes=MAX_BYTES, clock=clock)
    yield made
    await made.close()


def record(name: str, previous: str | None = None, **changes: Any) -> StoredResponse:
    """A response that was asked `ask-<name>` and said `say-<name>`."""
    fields: dict[str, Any] = {
        "id": name,
        "key": "team",
        "created_at": NOW,
        "expires_at": NOW + 100,
        "previous_id": previous,
        "provider": "mock",
        "credential": "first",
        "model": "fast",
        "status": "completed",
        "input": orjson.dumps([{"role": "user", "content": f"ask-{name}"}]),
        "response": orjson.dumps({"id": name, "output": [{"type": "message", "content": f"say-{name}"}]}),
    }
    return StoredResponse(**{**fields, **changes})


async def history(store: ResponseStore, name: str, key: str = "team") -> list[str] | None:
    """The contents of the items of a history."""
    items = await store.history(name, key)
    return None if items is None else [item["content"] for item in items]


async def test_what_was_kept_is_found_as_it_was(store: ResponseStore) -> None:
    kept = record("one", input='[{"content": "Grüße 👋"}]'.encode())
    await store.keep(kept)
    assert await store.find("one", "team") == kept


async def test_a_write_is_there_for_everybody_when_it_returns(store: ResponseStore, where: Where) -> None:
    await store.keep(record("one"))
    other = ResponseStore(State(where), max_bytes=MAX_BYTES, clock=lambda: NOW)
    assert await other.find("one", "team") is not None
    await other.close()


async def test_several_may_write_at_once(store: ResponseStore, where: Where, clock: Clock) -> None:
    other = ResponseStore(State(where), max_bytes=MAX_BYTES, clock=clock)
    writing = [
        each.keep(record(f"{number}-{place}")) for number in range(100) for place, each in enumerate((store, other))
    ]
    await asyncio.gather(*writing)
    assert await store.find("99-1", "team") is not None
    assert await other.find("99-0", "team") is not None
    await other.close()


async def test_kept_again_it_is_replaced(store: ResponseStore) -> None:
    await store.keep(record("one", status="in_progress"))
    await store.keep(record("one"))
    found = await store.find("one", "team")
    assert found is not None
    assert found.status == "completed"


@pytest.mark.parametrize("name", ["two", "", "o'ne", "one\0", "\ud800", "x" * 100_000])
async def test_an_id_that_is_not_there_is_not_found(name: str, store: ResponseStore) -> None:
    await store.keep(record("one"))
    assert await store.find(name, "team") is None
    assert await store.history(name, "team") is None
    assert not await store.delete(name, "team")


async def test_nobody_else_sees_it_continues_it_or_deletes_it(store: ResponseStore) -> None:
    await store.keep(record("one"))
    assert await store.find("one", "other") is None
    assert await store.history("one", "other") is None
    assert not await store.delete("one", "other")
    assert await store.find("one", "team") is not None


async def test_two_keys_may_have_the_same_id(store: ResponseStore) -> None:
    await store.keep(record("one"))
    await store.keep(record("one", key="other", model="slow"))
    for key, model in (("team", "fast"), ("other", "slow")):
        found = await store.find("one", key)
        assert found is not None
        assert found.model == model
    assert await store.delete("one", "other")
    assert await store.find("one", "team") is not None


async def test_a_chain_does_not_lead_into_another_keys_responses(store: ResponseStore) -> None:
    await store.keep(record("one", key="other"))
    await store.keep(record("two", "one"))
    assert await store.history("two", "team") is None


async def test_what_has_expired_is_not_there(store: ResponseStore, clock: Clock) -> None:
    await store.keep(record("one"))
    clock.now = NOW + 99.9
    assert await store.find("one", "team") is not None
    clock.now = NOW + 100
    assert await store.find("one", "team") is None
    assert await store.history("one", "team") is None
    assert not await store.delete("one", "team")


async def test_a_history_is_the_chain_oldest_first(store: ResponseStore) -> None:
    for name, previous in (("one", None), ("two", "one"), ("three", "two"), ("aside", "one")):
        await store.keep(record(name, previous))
    assert await history(store, "one") == ["ask-one", "say-one"]
    assert await history(store, "three") == ["ask-one", "say-one", "ask-two", "say-two", "ask-three", "say-three"]
    assert await history(store, "aside") == ["ask-one", "say-one", "ask-aside", "say-aside"]


async def test_a_response_without_output_adds_its_input_alone(store: ResponseStore) -> None:
    await store.keep(record("one", response=b'{"output": null}'))
    await store.keep(record("two", "one", response=b"{}", input=b"[]"))
    assert await history(store, "two") == ["ask-one"]


@pytest.mark.parametrize("lost", ["one", "two"])
async def test_a_chain_with_a_missing_link_has_no_history(lost: str, store: ResponseStore) -> None:
    for name, previous in (("one", None), ("two", "one"), ("three", "two")):
        await store.keep(record(name, previous))
    await store.delete(lost, "team")
    assert await store.history("three", "team") is None


async def test_a_chain_with_an_expired_link_has_no_history(store: ResponseStore, clock: Clock) -> None:
    await store.keep(record("one", expires_at=NOW + 10))
    await store.keep(record("two", "one"))
    assert await history(store, "two") is not None
    clock.now = NOW + 10
    assert await store.history("two", "team") is None


async def test_a_chain_has_a_longest_length(store: ResponseStore) -> None:
    previous = None
    for place in range(responses.MOST_LINKS):
        await store.keep(record(str(place), previous))
        previous = str(place)
    items = await history(store, str(previous))
    assert items is not None
    assert len(items) == 2 * responses.MOST_LINKS
    await store.keep(record("over", previous))
    with pytest.raises(UnknownPreviousResponse, match="too long") as refused:
        await store.history("over", "team")
    assert refused.value.param == "previous_response_id"


async def test_a_chain_has_a_largest_size(store: ResponseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    await store.keep(record("one"))
    await store.keep(record("two", "one"))
    monkeypatch.setattr(responses, "MOST_HISTORY_BYTES", 150)
    assert await history(store, "one") is not None
    with pytest.raises(UnknownPreviousResponse, match="too long"):
        await store.history("two", "team")


async def test_a_circle_ends(store: ResponseStore) -> None:
    await store.keep(record("one", "two"))
    await store.keep(record("two", "one"))
    with pytest.raises(UnknownPreviousResponse, match="too long"):
        await store.history("two", "team")


async def test_of_a_response_that_is_too_large_only_the_fact_is_kept(store: ResponseStore) -> None:
    big = record("big", response=orjson.dumps({"output": ["x" * MAX_BYTES]}))
    await store.keep(big)
    found = await store.find("big", "team")
    assert found == structs.replace(big, omitted=True, input=None, response=None)
    await store.keep(record("next", "big"))
    for name in ("big", "next"):
        with pytest.raises(UnknownPreviousResponse, match=r"'big' was not kept.*responses.max_bytes"):
            await store.history(name, "team")


async def test_the_largest_size_can_change_meanwhile(store: ResponseStore) -> None:
    big = record("big", response=orjson.dumps({"output": [{"content": "x" * MAX_BYTES}]}))
    store.max_bytes = 2 * MAX_BYTES
    await store.keep(big)
    assert await store.find("big", "team") == big


async def test_of_one_that_the_provider_keeps_only_the_owner_is_kept(store: ResponseStore) -> None:
    await store.keep(record("one", native=True))
    found = await store.find("one", "team")
    assert found == record("one", native=True, input=None, response=None)
    with pytest.raises(UnknownPreviousResponse, match="kept by the provider 'mock' alone"):
        await store.history("one", "team")


async def test_expired_ones_are_deleted_in_batches(
    store: ResponseStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "EXPIRED_AT_ONCE", 2)
    for name in ("one", "two", "three"):
        await store.keep(record(name))
    await store.keep(record("later", expires_at=NOW + 101))
    assert await store.forget_expired() == 0
    clock.now = NOW + 100
    assert [await store.forget_expired() for _ in range(3)] == [2, 1, 0]
    assert await store.find("later", "team") is not None


async def test_space_that_is_free_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "PAGES_AT_ONCE", 50)
    store = ResponseStore(State(Where(state_file(tmp_path))), max_bytes=1024 * 1024)
    for name in ("one", "two"):
        await store.keep(record(name, response=orjson.dumps({"output": ["x" * 400_000]}), expires_at=2**40))
        assert await store.delete(name, "team")
    rounds = 0
    while await store.give_back_space():
        rounds += 1
    assert rounds > 1
    await store.close()
    assert state_file(tmp_path).stat().st_size < 400_000


async def test_giving_back_space_ends_where_a_file_cannot_shrink(tmp_path: Path) -> None:
    with closing(sqlite3.connect(state_file(tmp_path))) as other:
        other.execute("create table made_without_it (x integer)")
    store = ResponseStore(State(Where(state_file(tmp_path))), max_bytes=1024 * 1024)
    await store.keep(record("one", response=orjson.dumps({"output": ["x" * 400_000]})))
    await store.forget_expired()
    assert not await store.give_back_space()
    await store.close()


async def test_giving_back_space_ends_whatever_the_engine(store: ResponseStore) -> None:
    await store.keep(record("one"))
    assert not await store.give_back_space()


ASKING: dict[str, Callable[[ResponseStore], Any]] = {
    "keep": lambda store: store.keep(record("one")),
    "find": lambda store: store.find("one", "team"),
    "history": lambda store: store.history("one", "team"),
    "delete": lambda store: store.delete("one", "team"),
    "forget": lambda store: store.forget_expired(),
    "give back": lambda store: store.give_back_space(),
}


@pytest.mark.parametrize("what", ASKING)
async def test_everything_says_so_when_the_file_cannot_be_used(what: str, tmp_path: Path) -> None:
    state_file(tmp_path).mkdir()
    store = ResponseStore(State(Where(state_file(tmp_path))), max_bytes=MAX_BYTES)
    with pytest.raises(StateUnavailable) as refused:
        await ASKING[what](store)
    assert refused.value.retry_after
    state_file(tmp_path).rmdir()
    await ASKING[what](store)
    await store.close()


def test_a_worker_does_not_load_other_databases_for_it() -> None:
    program = "import sys, gateway.store.responses; sys.exit('duckdb' in sys.modules or 'psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


async def led_to(store: ResponseStore, name: str, key: str = "team") -> list[tuple[str, list[str], list[str]]]:
    """What a response answers: by response, what was asked and what was said."""
    found = await store.led_to(name, key)
    return [
        (given.response_id, [item["content"] for item in given.asked], [item["content"] for item in given.answered])
        for given in found
    ]


async def test_what_led_to_a_response_is_all_before_it_and_its_request(store: ResponseStore) -> None:
    for name, previous in (("one", None), ("two", "one"), ("three", "two")):
        await store.keep(record(name, previous))
    assert await led_to(store, "one") == [("one", ["ask-one"], [])]
    assert await led_to(store, "three") == [
        ("one", ["ask-one"], ["say-one"]),
        ("two", ["ask-two"], ["say-two"]),
        ("three", ["ask-three"], []),
    ]
    assert await led_to(store, "three", "other") == []


@pytest.mark.parametrize("name", ["none", "one\0", "\ud800"])
async def test_nothing_led_to_what_is_not_there(name: str, store: ResponseStore) -> None:
    await store.keep(record("one"))
    assert await led_to(store, name) == []


@pytest.mark.parametrize("gap", [{"native": True}, {"response": b"x" * MAX_BYTES}, {"expires_at": NOW}])
async def test_what_led_to_a_response_is_told_as_far_back_as_there_is_no_gap(
    gap: dict[str, Any], store: ResponseStore
) -> None:
    await store.keep(record("one"))
    await store.keep(record("two", "one", **gap))
    await store.keep(record("three", "two"))
    await store.keep(record("four", "three"))
    assert await led_to(store, "two") == []
    assert await led_to(store, "four") == [("three", ["ask-three"], ["say-three"]), ("four", ["ask-four"], [])]
