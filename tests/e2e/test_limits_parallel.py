"""Parallel requests over several workers: a place is free again as soon as its request is over, however that came."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from tests.e2e.limited import Key, Limited, at_once, chat_with, code_of, flowing, limited, spent_of
from tests.e2e.wire import Wire, dialled
from tests.providers import MockProcess
from tests.waiting import auntil, until

PLACES = 24
ENDLESS = "mock/gpt;chunks=2000;size=8;pace=100ms"
SOON_S = 1.0
"""What a busy machine may make of the 250 ms in which a place is to be free."""

TIMEOUT = """
[upstream]
first_byte_timeout_seconds = 1.0
"""


@pytest.fixture(scope="module")
def here(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    with limited(tmp_path_factory.mktemp("parallel"), mock.url, TIMEOUT) as made:
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


def places(here: Limited, count: int = 2) -> Key:
    return here.key(max_parallel=count, budget_usd=100.0, tokens_per_month=10**12)


def stream(key: Key, model: str = ENDLESS) -> bytes:
    return chat_with(key, model, stream=True, max_tokens=5000)


def held(key: Key) -> int:
    return key.used["max_parallel"]


def is_free(key: Key) -> bool:
    """Nothing is held any more; money and tokens were spent or not."""
    return held(key) == 0


async def check_has_room(here: Limited, key: Key, *, for_one: bool) -> None:
    answer = await here.chat(key)
    if for_one:
        assert answer.status == 200
    else:
        assert (answer.status, code_of(answer), answer.header("retry-after")) == (429, "rate_limit_exceeded", "1")


async def test_streams_on_all_workers_take_all_places(here: Limited) -> None:
    key = places(here, PLACES)
    async with flowing(here.gateway.port, [stream(key)] * PLACES) as wires:
        assert held(key) == PLACES
        refused = await at_once(here.gateway.port, [chat_with(key)] * 12)
        assert {answer.status for answer in refused} == {429}
        assert {answer.header("retry-after") for answer in refused} == {"1"}
        for wire in wires:
            wire.abort()
        await auntil(lambda: is_free(key), SOON_S)
    rows = here.records(key, PLACES + 12)
    assert {row["worker"] for row in rows if row["status"] == 200} == {0, 1, 2}
    used = key.used
    assert used["budget_nano_usd"] == spent_of(rows)
    assert used["tokens_per_month"] == sum(row["input_tokens"] + row["output_tokens"] for row in rows)


async def test_a_hundred_at_once_find_no_more_places_than_there_are(here: Limited, mock: MockProcess) -> None:
    key = places(here, 7)
    waiting = [chat_with(key, "mock/gpt;first=700ms;tag=crowd")] * 100
    statuses = [answer.status for answer in await at_once(here.gateway.port, waiting)]
    assert (statuses.count(200), statuses.count(429)) == (7, 93)
    assert len(mock.requests("crowd")) == 7
    assert is_free(key)


async def test_a_stream_that_ends_frees_its_place_before_its_last_byte(here: Limited) -> None:
    key = places(here)
    requests = [stream(key), stream(key, "mock/gpt;chunks=6;pace=50ms")]
    async with flowing(here.gateway.port, requests) as (_, ending):
        await check_has_room(here, key, for_one=False)
        await read_all(ending)
        assert held(key) == 1
        await check_has_room(here, key, for_one=True)


async def read_all(wire: Wire) -> bytes:
    """The chunks of a body whose head was read."""
    return b"".join([piece async for piece in wire._chunks()])


async def test_a_client_that_leaves_in_the_midst_of_a_stream_frees_its_place(here: Limited) -> None:
    key = places(here)
    async with flowing(here.gateway.port, [stream(key)] * 2) as (_, leaving):
        await check_has_room(here, key, for_one=False)
        leaving.abort()
        await auntil(lambda: held(key) == 1, SOON_S)
        await check_has_room(here, key, for_one=True)


@pytest.mark.parametrize("streams", [False, True])
async def test_a_client_that_leaves_before_the_first_byte_frees_its_place(
    here: Limited, mock: MockProcess, tag: str, streams: bool
) -> None:
    key = places(here, 1)
    async with dialled(here.gateway.port) as leaving:
        leaving.send(chat_with(key, f"mock/gpt;first=60s;tag={tag}", stream=streams))
        await auntil(lambda: mock.requests(tag))
        assert held(key) == 1
        leaving.abort()
        await auntil(lambda: is_free(key), SOON_S)
    assert key.used == {"max_parallel": 0, "budget_nano_usd": 17_000, "tokens_per_month": 17}, "its prompt was sent"
    await check_has_room(here, key, for_one=True)


@pytest.mark.parametrize(
    ("script", "status"), [("first=200ms;status=500", 500), ("first=60s", 504), ("first=200ms;reset=0", 502)]
)
async def test_an_attempt_that_fails_frees_its_place_with_the_answer(here: Limited, script: str, status: int) -> None:
    key = places(here, 1)
    failing = asyncio.create_task(here.chat(key, f"mock/gpt;{script}"))
    await auntil(lambda: held(key) == 1)
    await check_has_room(here, key, for_one=False)
    assert (await failing).status == status
    assert key.used == {"max_parallel": 0, "budget_nano_usd": 0, "tokens_per_month": 0}
    await check_has_room(here, key, for_one=True)


async def test_a_stream_that_breaks_frees_its_place(here: Limited) -> None:
    key = places(here, 1)
    async with flowing(here.gateway.port, [stream(key, "mock/gpt;chunks=20;pace=30ms;cut=8")]) as (breaking,):
        await check_has_room(here, key, for_one=False)
        assert b'"error"' in await read_all(breaking)
        await check_has_room(here, key, for_one=True)


async def test_a_killed_worker_frees_what_it_held_and_the_others_keep_theirs(here: Limited) -> None:
    """Its streams are cut off, and the supervisor gives back their places and what was set aside for them."""
    key = here.key(max_parallel=PLACES, budget_usd=10_000.0, tokens_per_month=10**12)
    slow = "mock/gpt;chunks=2000;size=8;pace=400ms"
    async with flowing(here.gateway.port, [stream(key, slow)] * PLACES):
        before = key.used
        one = {name: amount // PLACES for name, amount in before.items()}
        assert before["max_parallel"] == PLACES
        os.kill(here.gateway.workers()[1], signal.SIGKILL)
        await auntil(lambda: held(key) < PLACES)
        kept = held(key)
        assert 0 < kept < PLACES
        assert key.used == {name: amount * kept for name, amount in one.items()}
        async with flowing(here.gateway.port, [stream(key, slow)] * (PLACES - kept)):
            await check_has_room(here, key, for_one=False)
    await auntil(lambda: is_free(key), SOON_S)
    until(lambda: len(here.gateway.workers()) == 3)
