"""Limits that several machines count together in Redis: what is let in, what is refused, what running requests hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.errors import BudgetSpent, LimitReached, QuotaSpent
from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.limiter import Admission, Plan, Reserve, Subject, Used
from gateway.limits.redis import RedisLimiter
from gateway.records import Limits
from gateway.settings.model import LimitSettings
from gateway.shared.memory import SharedMemory, prepare
from tests.redis_server import RedisServer, needs_redis
from tests.waiting import auntil

pytestmark = needs_redis


@pytest.fixture
def memory(tmp_path: Path) -> SharedMemory:
    prepare(tmp_path / "shared.mmap", 1)
    return SharedMemory(tmp_path / "shared.mmap")


@asynccontextmanager
async def counting(redis: RedisServer, memory: SharedMemory, **said: object) -> AsyncIterator[RedisLimiter]:
    settings = LimitSettings(redis_url=redis.url(), **{"redis_timeout_seconds": 5.0, **said})  # type: ignore[arg-type]
    limiter = RedisLimiter(settings, EmbeddedLimiter(memory, 0))
    await limiter.start()
    try:
        yield limiter
    finally:
        await limiter.close()


def plan(**limits: int | str) -> Plan:
    return Plan((Subject("client key `app`", b"k" * 16, Limits(**limits)),))  # type: ignore[arg-type]


NOTHING = Reserve(0, 0)


async def test_a_limit_on_requests_lets_in_as_many_as_it_says(redis: RedisServer, memory: SharedMemory) -> None:
    async with counting(redis, memory) as limiter:
        asked = plan(requests_per_minute=3)
        admitted = [await limiter.admit(asked, NOTHING) for _ in range(3)]
        assert [each.standing[0].used for each in admitted] == [1, 2, 3]
        with pytest.raises(LimitReached) as refused:
            await limiter.admit(asked, NOTHING)
        assert 58 <= (refused.value.retry_after or 0) <= 60


async def test_kinds(redis: RedisServer, memory: SharedMemory) -> None:
    async with counting(redis, memory) as limiter:
        one = await limiter.admit(plan(max_parallel=1), NOTHING)
        with pytest.raises(LimitReached):
            await limiter.admit(plan(max_parallel=1), NOTHING)
        limiter.settle(one, Used(0, 0))
        limiter.settle(await limiter.admit(plan(max_parallel=1), NOTHING), Used(0, 0))
        budget = plan(budget_nano_usd=10)
        first = await limiter.admit(budget, Reserve(0, 10))
        with pytest.raises(LimitReached):
            await limiter.admit(budget, Reserve(0, 1))
        limiter.settle(first, Used(0, 3))
        second = await limiter.admit(budget, Reserve(0, 10))
        assert second.standing[0].used == 13
        limiter.settle(second, Used(0, 8))
        with pytest.raises(QuotaSpent):
            await limiter.admit(budget, Reserve(0, 1))
        assert (await limiter.left(budget))[0].used == 11
