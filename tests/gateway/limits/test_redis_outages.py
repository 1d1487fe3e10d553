"""While Redis is away, and when it is back: what is let in, what is counted, and that nothing is counted twice."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.errors import BudgetSpent, LimitReached, LimitsUnavailable, QuotaSpent
from gateway.limits.limiter import Reserve, Spent, Used
from gateway.limits.periods import TOTAL
from gateway.limits.redis import RedisLimiter
from gateway.limits.redis_scripts import PREFIX
from gateway.records import Limits
from tests.gateway.limits.counting import SECONDS, Node, back, heard, impatient, used
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


async def let_in(limiter: RedisLimiter, limits: Limits, tries: int) -> int:
    admitted = 0
    for _ in range(tries):
        try:
            await limiter.admit(plan_of(limits), NOTHING)
        except LimitReached:
            continue
        admitted += 1
    return admitted


async def test_this_machine_counts_its_share_alone(node: Node) -> None:
    limits = Limits(requests_per_minute=10)
    with capture_logs() as lines:
        async with impatient(node, nodes=3) as limiter:
            node.server.kill()
            assert await limiter.refused(plan_of(limits)) is None
            assert await let_in(limiter, limits, 10) == 4
            assert await used(limiter, limits) == [4]
            assert isinstance(await limiter.refused(plan_of(limits)), LimitReached)
            node.server.start()
            await back(limiter)
            assert await let_in(limiter, limits, 20) == 10
    events = [line["event"] for line in lines]
    assert events == [
        "Redis does not answer: limits are counted on this machine alone",
        "Redis answers again: limits are counted there",
    ]
    assert all(line["log_level"] == "warning" for line in lines)


async def test_what_is_limited_is_refused_where_that_is_wanted(node: Node) -> None:
    with capture_logs() as lines:
        async with impatient(node, redis_away="refuse") as limiter:
            node.server.kill()
            plan = plan_of(Limits(max_parallel=9))
            for ask in (limiter.admit(plan, NOTHING), limiter.left(plan), limiter.refused(plan)):
                with pytest.raises(LimitsUnavailable) as refused:
                    await ask
                assert (refused.value.status, refused.value.retry_after) == (503, 1.0)
            await auntil(lambda: len(lines) == 1)
            node.server.start()
            await back(limiter)
            await limiter.admit(plan, NOTHING)
    assert lines[0]["event"] == "Redis does not answer: what is limited is refused"


async def test_a_server_that_hangs_keeps_nobody_longer_than_the_timeout(node: Node) -> None:
    limits = Limits(requests_per_minute=100)
    async with impatient(node) as limiter:
        node.server.freeze()
        began = time.monotonic()
        await asyncio.gather(*(limiter.admit(plan_of(limits), NOTHING) for _ in range(20)))
        assert time.monotonic() - began < SECONDS + 1
        began = time.monotonic()
        for _ in range(20):
            await limiter.admit(plan_of(limits), NOTHING)
        assert time.monotonic() - began < SECONDS


async def test_a_worker_starts_while_nobody_answers(node: Node) -> None:
    node.server.kill()
    async with node.counting(redis_timeout_seconds=SECONDS, nodes=2) as limiter:
        assert await let_in(limiter, Limits(max_parallel=4), 5) == 2
        node.server.start()
        await back(limiter)
        assert await used(limiter, Limits(max_parallel=4)) == [0]


async def test_requests_of_before_settle_meanwhile_and_count_afterwards(node: Node) -> None:
    limits = Limits(max_parallel=5, tokens_per_month=1000, budget_nano_usd=1000)
    async with impatient(node) as limiter:
        running = [await limiter.admit(plan_of(limits), Reserve(50, 50)) for _ in range(3)]
        node.server.freeze()
        limiter.settle(running[0], Used(7, 8))
        await auntil(lambda: not limiter._link.is_here)
        limiter.settle(running[1], Used(7, 8))
        limiter.settle(running[1], Used(7, 8))
        node.server.thaw()
        await back(limiter)
        assert await used(limiter, limits) == [1, 14 + 50, 16 + 50]
        limiter.settle(running[2], Used(7, 8))
        assert await used(limiter, limits) == [0, 21, 24]


async def test_what_was_used_meanwhile_is_added_afterwards(node: Node) -> None:
    limits = Limits(max_parallel=5, requests_per_month=100, tokens_per_month=1000, budget_nano_usd=1000)
    async with impatient(node) as limiter:
        limiter.settle(await limiter.admit(plan_of(limits), NOTHING), Used(1, 1))
        await heard(limiter)
        node.server.freeze()
        for tokens in (10, 20):
            limiter.settle(await limiter.admit(plan_of(limits), NOTHING), Used(tokens, tokens))
        limiter.settle(await limiter.admit(plan_of(limits), NOTHING), Used(0, 0, counted=False))
        late = await limiter.admit(plan_of(limits), NOTHING)
        node.server.thaw()
        await back(limiter)
        # Three more: what they asked had arrived, and was done when the server went on.
        requests = (await used(limiter, limits))[1]
        assert requests in (3, 4)
        assert await used(limiter, limits) == [0, requests, 31, 31]
        limiter.settle(late, Used(5, 5))
        assert await used(limiter, limits) == [0, requests + 1, 36, 36]


async def test_a_budget_goes_on_where_it_was(node: Node) -> None:
    limits = Limits(budget_nano_usd=100, budget_period="total")
    async with impatient(node, nodes=2) as limiter:
        limiter.settle(await limiter.admit(plan_of(limits), NOTHING), Used(0, 90))
        await heard(limiter)
        await limiter.admit(plan_of(limits), Reserve(0, 9))  # what is set aside is not spent
        node.server.kill()
        await auntil(lambda: not limiter._link.is_here)
        assert await used(limiter, limits) == [45]  # of 50
        limiter.settle(await limiter.admit(plan_of(limits), NOTHING), Used(0, 5))
        with pytest.raises(BudgetSpent):
            await limiter.admit(plan_of(limits), NOTHING)


async def test_what_was_spent_on_another_day_is_not_of_today(node: Node) -> None:
    now = [time.time()]
    node.unix = lambda: now[0]
    limits = Limits(budget_nano_usd=100, budget_period="day")
    async with impatient(node, nodes=2) as limiter:
        limiter.settle(await limiter.admit(plan_of(limits), NOTHING), Used(0, 100))
        with pytest.raises(QuotaSpent):
            await limiter.admit(plan_of(limits), NOTHING)
        node.server.kill()
        await auntil(lambda: not limiter._link.is_here)
        assert await used(limiter, limits) == [50]
        now[0] += 86400
        assert await used(limiter, limits) == [0]


async def test_what_one_worker_was_told_the_others_of_its_machine_know(node: Node) -> None:
    limits = Limits(requests_per_month=4)
    async with impatient(node, nodes=2) as limiter:
        for _ in range(4):
            limiter.settle(await limiter.admit(plan_of(limits), NOTHING), NONE)
        await heard(limiter)
        node.server.kill()
        await auntil(lambda: not limiter._link.is_here)
        await auntil(lambda: limiter._learning is not None and limiter._learning.done())
        (left,) = await limiter._local.left(plan_of(limits))
        assert left.used == 2


async def test_what_the_ledger_knows_is_counted_meanwhile_too_and_told_afterwards(node: Node) -> None:
    limits = Limits(budget_nano_usd=100, budget_period="total")
    async with impatient(node, nodes=2) as limiter:
        node.server.kill()
        await auntil(lambda: not limiter._link.is_here)
        limiter.raise_spent(plan_of(limits).ids[0], TOTAL, Spent(80))
        assert await used(limiter, limits) == [40]
        node.server.start()
        await back(limiter)
        await auntil(lambda: not limiter._corrections._raises)
        assert await used(limiter, limits) == [80]


async def test_a_server_that_has_lost_everything_hears_what_is_running(node: Node) -> None:
    limits = Limits(max_parallel=2, budget_nano_usd=100)
    async with impatient(node) as limiter:
        running = [await limiter.admit(plan_of(limits), Reserve(0, 20)) for _ in range(2)]
        node.server.kill()
        await auntil(lambda: not limiter._link.is_here)
        node.server.start()
        await back(limiter)
        assert await used(limiter, limits) == [2, 40]
        for each in running:
            limiter.settle(each, Used(0, 5))
        assert await used(limiter, limits) == [0, 10]


async def test_a_question_that_the_server_refuses_is_answered_by_this_machine(node: Node) -> None:
    limits = Limits(budget_nano_usd=100)
    with capture_logs() as lines:
        async with impatient(node) as limiter:
            running = await limiter.admit(plan_of(limits), NOTHING)
            with node.server.client() as client:
                client.delete(f"{PREFIX}:q:{plan_of(limits).ids[0].hex()}")
                client.set(f"{PREFIX}:q:{plan_of(limits).ids[0].hex()}", "what is no hash")
            await limiter.admit(plan_of(limits), NOTHING)
            limiter.settle(running, NONE)
            limiter.raise_spent(plan_of(limits).ids[0], TOTAL, Spent(1))
            await heard(limiter)
            assert limiter._link.is_here
    assert {line["event"] for line in lines} == {
        "Redis refuses what it was asked",
        "settlements were refused by Redis, and are lost",
        "a correction was refused by Redis, and is lost",
    }


async def test_a_wrong_password_is_an_outage_and_is_not_said(node: Node) -> None:
    with capture_logs() as lines:
        url = node.server.url(password="canary-of-a-guess")
        async with node.counting(url, redis_timeout_seconds=SECONDS, redis_away="refuse") as limiter:
            with pytest.raises(LimitsUnavailable):
                await limiter.admit(plan_of(Limits(1)), NOTHING)
            await auntil(lambda: bool(lines))
    assert "canary" not in str(lines)
    assert "AuthenticationError" in lines[0]["reason"] or "invalid" in lines[0]["reason"]


async def test_traffic_goes_on_through_a_restart(node: Node) -> None:
    limits = Limits(max_parallel=1000, requests_per_month=10**6, budget_nano_usd=10**6)
    counted = 0

    async def ask(limiter: RedisLimiter, stop: asyncio.Event) -> None:
        nonlocal counted
        while not stop.is_set():
            admission = await limiter.admit(plan_of(limits), Reserve(5, 5))
            await asyncio.sleep(0.001)
            limiter.settle(admission, Used(1, 1))
            counted += 1

    async with impatient(node) as limiter:
        stop = asyncio.Event()
        asking = [asyncio.create_task(ask(limiter, stop)) for _ in range(8)]
        await auntil(lambda: counted > 50)
        node.server.kill()
        await auntil(lambda: not limiter._link.is_here)
        before = counted
        await auntil(lambda: counted > before + 50)
        node.server.start()
        await auntil(lambda: limiter._link.is_here)
        before = counted
        await auntil(lambda: counted > before + 50)
        stop.set()
        await asyncio.gather(*asking)
        await heard(limiter)
        assert (await used(limiter, limits))[0] == 0
        assert not limiter._held


async def test_quotas_that_are_spent_stay_spent_through_an_outage(node: Node) -> None:
    limits = Limits(requests_per_month=2)
    async with impatient(node) as limiter:
        for _ in range(2):
            limiter.settle(await limiter.admit(plan_of(limits), NOTHING), NONE)
        await heard(limiter)
        node.server.freeze()
        with pytest.raises(QuotaSpent):
            await limiter.admit(plan_of(limits), NOTHING)
        node.server.thaw()
