"""Limiters that count in a Redis of the tests, at their own time or at one that the test moves."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from gateway.limits import redis, redis_corrections, redis_outbox
from gateway.limits.books import Clock
from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.redis import RedisLimiter
from gateway.limits.redis_link import Script
from gateway.limits.redis_scripts import PREFIX
from gateway.records import Limits
from gateway.settings.instants import read_instant
from gateway.settings.model import LimitSettings
from gateway.shared.memory import SharedMemory, prepare
from tests.gateway.limits.scripts import plan_of
from tests.redis_server import RedisServer
from tests.waiting import auntil

CLOCK_KEY = f"{PREFIX}:clock"

# Not in the past: the server would let go of everything at once.
MAY = read_instant("2100-05-12T12:00:00Z") / 1e6


class Node:
    """A machine whose gateways count in a Redis."""

    def __init__(self, server: RedisServer, directory: Path) -> None:
        self.server, self.unix = server, time.time
        self.limiters: list[RedisLimiter] = []
        self._path = directory
        self._numbers = count()

    def memory(self) -> SharedMemory:
        """Its shared memory."""
        path = self._path / f"shared-{next(self._numbers)}.mmap"
        prepare(path, 1)
        return SharedMemory(path)

    @asynccontextmanager
    async def counting(self, url: str = "", **said: Any) -> AsyncIterator[RedisLimiter]:
        """A limiter of one worker, with these settings."""
        settings = LimitSettings(redis_url=url or self.server.url(), **{"redis_timeout_seconds": 5.0, **said})
        local = EmbeddedLimiter(self.memory(), 0, Clock(self.unix, self.unix))
        limiter = RedisLimiter(settings, local, self.unix)
        await limiter.start()
        self.limiters.append(limiter)
        try:
            yield limiter
        finally:
            await limiter.close()


class Hands:
    """Of a clock that a test moves: that of the server and that of the gateways."""

    def __init__(self, node: Node) -> None:
        self._node, self.now = node, MAY
        node.unix = lambda: self.now
        with node.server.client() as client:
            client.set(CLOCK_KEY, self._text())

    def wait(self, seconds: float) -> None:
        """Time passes: behind everything that was said before, and in front of what comes."""
        self.now += seconds
        for limiter in self._node.limiters:
            limiter._outbox.flush()
            if limiter._link._open is not None:
                limiter._link._open.ask(("SET", CLOCK_KEY, self._text()), float("inf"))

    def _text(self) -> str:
        return f"{int(self.now)} {round(self.now % 1 * 1e6)}"


def by_hand(node: Node, monkeypatch: pytest.MonkeyPatch) -> Hands:
    """Have a machine and the scripts go by a clock that the test moves."""
    for module in (redis, redis_outbox, redis_corrections):
        for name, script in vars(module).copy().items():
            if isinstance(script, Script):
                monkeypatch.setattr(module, name, _timed(script))
    return Hands(node)


async def heard(limiter: RedisLimiter) -> None:
    """Return when the server has been told everything."""
    await auntil(lambda: not (limiter._outbox._waiting or limiter._outbox._sent))
    await auntil(lambda: not (limiter._corrections._raises or limiter._corrections._forgets))


def _timed(script: Script) -> Script:
    now = "redis.call('TIME')"
    assert script.text.count(now) == 1
    by_hand = f"{{string.match(redis.call('GET', '{CLOCK_KEY}'), '(%d+) (%d+)')}}"
    return Script.of(script.text.replace(now, by_hand))


SECONDS = 0.2
"""What a question may take where a server is to be away."""


@asynccontextmanager
async def impatient(node: Node, **said: Any) -> AsyncIterator[RedisLimiter]:
    async with node.counting(**{"redis_timeout_seconds": SECONDS, **said}) as limiter:
        await limiter.left(plan_of(Limits(max_parallel=1)))
        yield limiter


async def used(limiter: RedisLimiter, limits: Limits) -> list[int]:
    return [left.used for left in await limiter.left(plan_of(limits))]


async def back(limiter: RedisLimiter) -> None:
    await auntil(lambda: limiter._link.is_here)
    await heard(limiter)
