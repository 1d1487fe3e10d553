"""What Redis is told of what was used and of what is running: all of it, once, whatever it has forgotten meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.limits import redis_outbox
from gateway.limits.limiter import Used
from gateway.limits.redis_scripts import PREFIX, SETTLE
from gateway.records import Limits
from tests.gateway.limits.counting import Node, back, heard, impatient, used
from tests.gateway.limits.scripts import NONE, NOTHING, plan_of
from tests.redis_server import RedisServer, needs_redis
from tests.waiting import auntil

pytestmark = needs_redis


@pytest.fixture
def node(own_redis: RedisServer, tmp_path: Path) -> Node:
    return Node(own_redis, tmp_path)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.limits.redis_link.PROBE_SECONDS", 0.05)


async def test_everything_that_was_lost_under_an_open_connection_is_told_again(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.limits.redis.RENEW_SECONDS", 0.05)
    limits = Limits(max_parallel=3)
    async with impatient(node) as limiter:
        running = [await limiter.admit(plan_of(limits), NOTHING) for _ in range(2)]
        with node.server.client() as client:
            client.flushall()
            client.script_flush()
            await auntil(lambda: bool(client.exists(f"{PREFIX}:leases")))
        await back(limiter)
        assert await used(limiter, limits) == [2]
        for each in running:
            limiter.settle(each, NONE)
        assert await used(limiter, limits) == [0]


async def test_a_lease_that_others_have_ended_is_made_anew(node: Node) -> None:
    limits = Limits(max_parallel=3)
    async with impatient(node) as limiter, impatient(node) as other:
        running = [await limiter.admit(plan_of(limits), NOTHING)]
        with node.server.client() as client:
            client.zadd(f"{PREFIX}:leases", {limiter._lease: 1})
        assert await used(other, limits) == [0]
        running.append(await limiter.admit(plan_of(limits), NOTHING))  # which finds out
        await back(limiter)
        assert await used(other, limits) == [2]
        for each in running:
            limiter.settle(each, NONE)
        await heard(limiter)
        assert await used(other, limits) == [0]


async def test_a_settlement_whose_answer_is_lost_counts_once(node: Node) -> None:
    limits = Limits(max_parallel=5, budget_nano_usd=1000)
    async with impatient(node) as limiter:
        for _ in range(3):
            running = [await limiter.admit(plan_of(limits), NOTHING) for _ in range(2)]
            node.server.freeze()
            for each in running:
                limiter.settle(each, Used(0, 10))
                limiter._outbox.flush()
            await auntil(lambda: not limiter._link.is_here)
            node.server.thaw()  # it does what it was asked on the connection that was given up, and is asked again
            await back(limiter)
        assert await used(limiter, limits) == [0, 60]


async def test_scripts_that_were_forgotten_lose_no_settlement(node: Node) -> None:
    limits = Limits(max_parallel=50, budget_nano_usd=1000)
    async with impatient(node, redis_timeout_seconds=5.0) as limiter:
        running = [await limiter.admit(plan_of(limits), NOTHING) for _ in range(20)]
        with node.server.client() as client:
            for each in running:
                client.script_flush()
                limiter.settle(each, Used(0, 1))
                limiter._outbox.flush()
                await asyncio.sleep(0)
        await auntil(lambda: not limiter._outbox._sent)
        await back(limiter)
        assert await used(limiter, limits) == [0, 20]


async def test_a_batch_is_taken_in_its_turn_and_once(node: Node) -> None:
    async with impatient(node) as limiter:

        async def taken(number: int, how: str) -> int:
            answer = await limiter._link.run(SETTLE, 1, PREFIX, "lease", number, how, "1 1 1")
            return int(answer)

        assert [await taken(number, "next") for number in (1, 2, 2, 1)] == [1, 1, 0, 0]
        assert [await taken(number, "next") for number in (4, 5)] == [-1, -1]
        assert [await taken(number, "resent") for number in (2, 3, 4, 5)] == [0, 1, 1, 1]
        assert await taken(6, "next") == 1


async def test_an_outage_costs_as_much_memory_as_there_are_subjects(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_outbox, "LOOSE", 40)
    monkeypatch.setattr(redis_outbox, "MOST", 60)
    limits = Limits(requests_per_month=10_000, budget_nano_usd=10_000)
    with capture_logs() as lines:
        async with impatient(node) as limiter:
            limiter._outbox._loose = 40
            first = [await limiter.admit(plan_of(limits), NOTHING) for _ in range(5)]
            node.server.kill()
            await auntil(lambda: not limiter._link.is_here)
            for number in range(500):
                limiter.settle(await limiter.admit(plan_of(limits, start=number % 5), NOTHING), Used(0, 1))
                assert len(limiter._outbox._waiting) <= 40
            for each in first:
                limiter.settle(each, Used(0, 3))
            node.server.start()
            await back(limiter)
            assert await used(limiter, limits) == [100, 115]
            assert not limiter._held
            node.server.kill()
            await auntil(lambda: not limiter._link.is_here)
            for number in range(200):
                limiter.settle(await limiter.admit(plan_of(limits, start=number), NOTHING), Used(0, 1))
            assert len(limiter._outbox._waiting) <= 120
    lost = [line for line in lines if "lost" in line["event"]]
    assert lost
    assert all(line["log_level"] == "error" for line in lost)


async def test_what_is_lost_in_an_outage_is_not_held_for_ever(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_outbox, "MOST", 10)
    limits = Limits(max_parallel=1)
    async with impatient(node) as limiter:
        running = [await limiter.admit(plan_of(limits, start=number), NOTHING) for number in range(20)]
        node.server.kill()
        await auntil(lambda: not limiter._link.is_here)
        limiter._outbox._loose = 10
        for each in running:
            limiter.settle(each, NONE)
        node.server.start()
        await back(limiter)
        await heard(limiter)
        assert not limiter._held
        assert [(await limiter.left(plan_of(limits, start=number)))[0].used for number in range(20)] == [0] * 20
