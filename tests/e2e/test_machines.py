"""Two gateways that count in one Redis: limits hold over both, rests are known to both, and both go on without it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.pools.board import Board
from gateway.settings.model import RestSettings
from gateway.shared.memory import SharedMemory
from gateway.store.generations import shared_file
from tests.e2e.wire import Answer, ask, chat_body, request
from tests.gateway_process import GatewayProcess, configuration, running
from tests.providers import MockProcess
from tests.redis_server import PASSWORD, RedisServer, needs_redis
from tests.waiting import auntil

pytestmark = needs_redis

KEY = "sk-key-of-two-machines-"

MORE = """
[[providers]]
id       = "limited"
format   = "openai_chat"
base_url = "{mock}/v1"

[[providers.credentials]]
name    = "exhausted"
api_key = "sk-exhausted-account"

[[client_keys]]
name = "quota"
key  = "{key}quota"
requests_per_month = 6

[[client_keys]]
name = "outage"
key  = "{key}outage"
requests_per_month = 6

[limits]
redis_url = "{redis}"
redis_timeout_seconds = 2
nodes = 2

[rests]
probe_seconds = 0
"""


class Machines(NamedTuple):
    one: GatewayProcess
    other: GatewayProcess
    redis: RedisServer

    async def chats(self, key: str, count: int, *, model: str = "mock/gpt-4o-mini") -> list[Answer]:
        """Ask them in turn."""
        ports = (self.one.port, self.other.port)
        asked = request("POST", "/v1/chat/completions", chat_body(model), key=KEY + key)
        return [await ask(ports[number % 2], asked) for number in range(count)]


@pytest.fixture
async def machines(own_redis: RedisServer, mock: MockProcess, tmp_path: Path) -> AsyncIterator[Machines]:
    toml = configuration(mock.url, MORE.format(mock=mock.url, redis=own_redis.url(), key=KEY))
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    with running(tmp_path / "one", toml, workers=2) as one, running(tmp_path / "other", toml, workers=2) as other:
        yield Machines(one.complete(), other.complete(), own_redis)
        for gateway in (one, other):
            assert gateway.close() == 0, gateway.tail()
            assert PASSWORD not in gateway.said()


def resting(gateway: GatewayProcess) -> set[str]:
    """Credentials that rest for as long as the provider said: a rest of a second might be over before it is told."""
    board, now_us = Board(SharedMemory(shared_file(gateway.data_dir)), RestSettings()), time.time_ns() // 1000
    return {rest.credential for rest in board.rests(now_us) if rest.standing.until_us > now_us + 30_000_000}


async def test_two_machines_are_one(machines: Machines) -> None:
    # A quota is one quota.
    statuses = [answer.status for answer in await machines.chats("quota", 10)]
    assert statuses == [200] * 6 + [429] * 4

    # What one learns of a credential the other knows.
    assert not resting(machines.other)
    exhausted = chat_body("limited/gpt-4o-mini;status=429;retry=60")
    limited = await ask(machines.one.port, request("POST", "/v1/chat/completions", exhausted))
    assert limited.status == 429
    await auntil(lambda: resting(machines.one) == {"exhausted"})
    await auntil(lambda: resting(machines.other) == {"exhausted"})

    # Each counts half of it, alone, while nobody answers.
    machines.redis.kill()
    statuses = [answer.status for answer in await machines.chats("outage", 10)]
    assert statuses == [200] * 6 + [429] * 4
    assert [answer.status for answer in await machines.chats("quota", 2)] == [429] * 2

    # And what they counted alone is counted when it is back.
    machines.redis.start()
    await auntil(lambda: all(gateway.said().count("Redis answers again") == 3 for gateway in machines[:2]), 10)
    assert [answer.status for answer in await machines.chats("outage", 2)] == [429] * 2
    for gateway in machines[:2]:
        said = [line for line in gateway.said().splitlines() if "Redis" in line]
        assert len(said) == 6, said  # the beginning and the end, by two workers and the control process
