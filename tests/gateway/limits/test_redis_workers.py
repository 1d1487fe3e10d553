"""Limits over several real processes that count in one Redis: exact, and whole again when one of them is killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from gateway.limits.limiter import Reserve, Used
from gateway.limits.redis import RedisLimiter
from gateway.limits.redis_scripts import PREFIX
from tests.gateway.limits.another import BUDGET, COST, PARALLEL, begin, heard
from tests.gateway.limits.counting import Node
from tests.gateway.limits.far_worker import far_together, far_worker
from tests.gateway.limits.scripts import plan_of
from tests.redis_server import RedisServer, needs_redis
from tests.waiting import auntil

pytestmark = needs_redis


@pytest.fixture
def node(redis: RedisServer, tmp_path: Path) -> Node:
    return Node(redis, tmp_path)


async def figures(limiter: RedisLimiter) -> dict[str, int]:
    return {left.field: left.used for left in await limiter.left(plan_of(PARALLEL))}


def leases(redis: RedisServer) -> dict[str, float]:
    """When each lease is over, in milliseconds of the server's clock."""
    with redis.client() as client:
        return dict(client.zrange(f"{PREFIX}:leases", 0, -1, withscores=True))


def now_ms(redis: RedisServer) -> int:
    with redis.client() as client:
        seconds, microseconds = client.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


@pytest.mark.parametrize(("task", "limit"), [("requests", 1000), ("tokens", 600)])
def test_three_workers_let_in_exactly_as_many_as_a_limit_says(
    redis: RedisServer, tmp_path: Path, task: str, limit: int
) -> None:
    assert sum(far_together(redis.url(), tmp_path, task, 450, 450, 450)) == limit


async def test_five_hundred_at_once_cannot_overdraw_a_budget_for_ten(node: Node, tmp_path: Path) -> None:
    admitted = far_together(node.server.url(), tmp_path, "rushed", 167, 167, 166)
    async with node.counting() as limiter:
        (left,) = await limiter.left(plan_of(BUDGET))
    assert sum(admitted) == 10
    assert left.used == 10 * COST <= left.limit + COST


async def test_what_a_killed_worker_held_is_free_again_within_six_seconds(node: Node, tmp_path: Path) -> None:
    held = {"max_parallel": 30, "budget_nano_usd": 30 * COST, "tokens_per_minute": 30 * 500}
    with far_worker(node.server.url(), tmp_path / "doomed", "held", 30) as doomed:
        assert heard(doomed) == 0
        begin(doomed)
        assert heard(doomed) == 30
        async with node.counting() as limiter:
            assert await figures(limiter) == held
            (lease,) = leases(node.server).keys() - {limiter._lease}
            former = leases(node.server)[lease]
            await auntil(lambda: leases(node.server)[lease] > former)  # as long as it lives
            os.kill(doomed.pid, signal.SIGKILL)
            doomed.wait()
            assert await figures(limiter) == held
            assert leases(node.server)[lease] <= now_ms(node.server) + 6000
            # The rest of it is enough to see that nobody renews it.
            with node.server.client() as client:
                client.zincrby(f"{PREFIX}:leases", -3500, lease)
            began = time.monotonic()
            while (await figures(limiter))["max_parallel"]:
                assert time.monotonic() - began < 20
            assert await figures(limiter) == dict.fromkeys(held, 0)
            # What others have running stays.
            admission = await limiter.admit(plan_of(PARALLEL), Reserve(1, 1))
            limiter.settle(admission, Used(1, 1))


async def test_a_worker_that_stops_lets_go_at_once(node: Node) -> None:
    async with node.counting() as other:
        async with node.counting() as limiter:
            await limiter.admit(plan_of(PARALLEL), Reserve(1, 1))
            assert (await figures(other))["max_parallel"] == 1
        assert (await figures(other))["max_parallel"] == 0


async def test_a_worker_that_was_killed_while_it_wrote_leaves_whole_figures(node: Node, tmp_path: Path) -> None:
    async with node.counting() as limiter:
        for number in range(3):
            with far_worker(node.server.url(), tmp_path / str(number), "churned", 0) as doomed:
                assert heard(doomed) == 0
                begin(doomed)
                assert heard(doomed) == 0
                before = (await figures(limiter))["budget_nano_usd"]
            with node.server.client() as client:
                for lease in leases(node.server).keys() - {limiter._lease}:
                    client.zadd(f"{PREFIX}:leases", {lease: 1})
            await figures(limiter)
            after = await figures(limiter)
            assert after["max_parallel"] == 0
            assert after["budget_nano_usd"] >= before - 3
