"""A client of any dialect that leaves frees the provider of any dialect at once, and leaves one usage record."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.e2e.failing import model_of, provider
from tests.e2e.leaving import ASKS, STREAMS
from tests.e2e.pairs import MODELS, PAIRS
from tests.gateway_process import CLIENT_KEY, GatewayProcess, running
from tests.providers import MockProcess
from tests.waiting import auntil

WITHIN_MS = 500
"""How soon after the client the provider is free; it would go on for many seconds."""

SETTINGS = f"""
[usage]
segment_seconds = 0.02

[[client_keys]]
name = "tester"
key  = "{CLIENT_KEY}"
"""

every_pair = pytest.mark.parametrize("pair", PAIRS, ids="-".join)


@pytest.fixture(scope="module")
def gateway(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """The mock in four dialects."""
    toml = SETTINGS + "".join(provider(name, mock.url, "a-secret") for name in MODELS)
    with running(tmp_path_factory.mktemp("cancel"), toml) as process:
        yield process.complete()
        assert process.close() == 0, process.tail()


async def leave(asking: Coroutine[Any, Any, Any], mock: MockProcess, tag: str) -> float:
    """Begin, leave once the provider was asked; the time of leaving, milliseconds."""
    task = asyncio.ensure_future(asking)
    await auntil(lambda: task.done() or mock.requests(tag))
    assert not task.done(), task.exception()
    assert not mock.disconnects(tag)
    left = time.monotonic() * 1000
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return left


async def check_freed(gateway: GatewayProcess, mock: MockProcess, tag: str, left: float) -> dict[str, Any]:
    """The provider noticed at once; the record says why."""
    (gone,) = await auntil(lambda: mock.disconnects(tag))
    assert gone["at_ms"] - left < WITHIN_MS
    assert [asked["outcome"] for asked in mock.requests(tag)] == ["disconnected"]
    record = gateway.record(tag)
    assert record["error"] == "client_disconnected"
    assert [attempt["error"] for attempt in record["attempts"]] == [None]
    return record


@every_pair
@pytest.mark.parametrize("silence", ["first", "think"])
async def test_gone_before_the_first_byte_of_a_stream(
    gateway: GatewayProcess, mock: MockProcess, tag: str, pair: tuple[str, str], silence: str
) -> None:
    async def listen() -> None:
        async for _ in STREAMS[pair[0]](gateway.url, gateway.key, model_of(pair[1], f";{silence}=30s;tag={tag}")):
            raise AssertionError("it spoke")

    record = await check_freed(gateway, mock, tag, await leave(listen(), mock, tag))
    assert (record["status"], record["stream"], record["response_bytes"]) == (499, True, 0)


@every_pair
async def test_gone_before_a_plain_answer(
    gateway: GatewayProcess, mock: MockProcess, tag: str, pair: tuple[str, str]
) -> None:
    asking = ASKS[pair[0]](gateway.url, gateway.key, model_of(pair[1], f";think=30s;tag={tag}"))
    record = await check_freed(gateway, mock, tag, await leave(asking, mock, tag))
    assert (record["status"], record["stream"], record["response_bytes"]) == (499, False, 0)


@every_pair
@pytest.mark.parametrize("pace", ["chunks=4000;pace=10ms", "stall=3"])
async def test_gone_in_the_middle_of_a_stream(
    gateway: GatewayProcess, mock: MockProcess, tag: str, pair: tuple[str, str], pace: str
) -> None:
    heard = ""
    pieces = STREAMS[pair[0]](gateway.url, gateway.key, model_of(pair[1], f";{pace};tag={tag}"))
    async for piece in pieces:
        heard += piece
        if heard.count(" ") >= 3:
            break
    assert not mock.disconnects(tag)
    left = time.monotonic() * 1000
    await pieces.aclose()
    record = await check_freed(gateway, mock, tag, left)
    assert (record["status"], record["stream"]) == (200, True)
    assert record["response_bytes"] > 0
    assert record["first_byte_us"] > 0
