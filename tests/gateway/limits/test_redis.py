"""Limits that several machines count in Redis: by the scripts of any limiter, and what running requests hold."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.errors import LimitReached, QuotaSpent
from gateway.limits.limiter import Left, Reserve, Spent, Used, tightest
from gateway.limits.periods import TOTAL, period_of
from gateway.limits.redis import RedisLimiter
from gateway.limits.redis_scripts import PREFIX
from gateway.records import ClientKey, LimitRule, Limits, Target
from gateway.settings.instants import read_zone
from tests.gateway.limits.counting import MAY, Hands, Node, by_hand, heard
from tests.gateway.limits.scripts import NONE, NOTHING, SCRIPTS, TIMED, Script, plan_of, play
from tests.redis_server import RedisServer, needs_redis
from tests.waiting import auntil

pytestmark = needs_redis


@pytest.fixture
def node(redis: RedisServer, tmp_path: Path) -> Node:
    return Node(redis, tmp_path)


@pytest.fixture
def hands(node: Node, monkeypatch: pytest.MonkeyPatch) -> Hands:
    return by_hand(node, monkeypatch)


def keys(redis: RedisServer) -> set[str]:
    with redis.client() as client:
        return {key.removeprefix(f"{PREFIX}:")[0] for key in client.scan_iter("*")}


async def used(limiter: RedisLimiter, *limits: Limits) -> list[int]:
    return [left.used for left in await limiter.left(plan_of(*limits))]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
async def test_it_plays(node: Node, script: Script) -> None:
    async with node.counting() as limiter:
        await play(limiter, script)


@pytest.mark.parametrize("script", TIMED, ids=lambda script: script.name)
async def test_it_plays_as_time_passes(node: Node, hands: Hands, script: Script) -> None:
    async with node.counting() as limiter:
        await play(limiter, script, hands.wait)


async def test_how_it_stands_is_told_at_admission_and_when_looked_at(node: Node, hands: Hands) -> None:
    limits = Limits(2, 100, 2, 5, 500, 50, "day")
    may_end, day_end = (period_of(kind, int(MAY), read_zone("UTC")).ends * 10**6 for kind in ("month", "day"))
    name = "client key `0`"
    async with node.counting() as limiter:
        admission = await limiter.admit(plan_of(limits), Reserve(30, 20, 10))
        minute = round((MAY + 60) * 1e6)
        stands = (
            Left(name, "requests_per_minute", 2, 1, minute),
            Left(name, "tokens_per_minute", 100, 30, minute),
            Left(name, "max_parallel", 2, 1, 0),
            Left(name, "requests_per_month", 5, 1, may_end),
            Left(name, "tokens_per_month", 500, 30, may_end, held=30),
            Left(name, "budget_nano_usd", 50, 20, day_end, held=20),
        )
        assert admission.standing == tightest(stands)
        assert await limiter.left(plan_of(limits)) == stands
        hands.wait(5)
        limiter.settle(admission, Used(12, 7))
        hands.wait(10)
        assert [(left.used, left.resets_at_us) for left in await limiter.left(plan_of(limits))] == [
            *((1, minute), (12, minute + 5 * 10**6), (0, 0), (1, may_end), (12, may_end), (7, day_end))
        ]
        assert [left.remaining for left in await limiter.left(plan_of(Limits(budget_nano_usd=3)))] == [0]


async def test_machines_count_together(node: Node) -> None:
    limits = Limits(requests_per_minute=3, max_parallel=2)
    async with node.counting() as one, node.counting() as other:
        first = await one.admit(plan_of(limits), NOTHING)
        await other.admit(plan_of(limits), NOTHING)
        with pytest.raises(LimitReached):
            await one.admit(plan_of(limits), NOTHING)
        one.settle(first, NONE)
        await heard(one)
        await other.admit(plan_of(limits), NOTHING)
        assert await used(one, limits) == [3, 2]


async def test_clocks_of_machines_do_not_matter_to_windows(node: Node) -> None:
    limits = Limits(requests_per_minute=2)
    async with node.counting() as one:
        node.unix = lambda: 4e9
        async with node.counting() as other:
            await one.admit(plan_of(limits), NOTHING)
            await other.admit(plan_of(limits), NOTHING)
            for limiter in (one, other):
                with pytest.raises(LimitReached) as refused:
                    await limiter.admit(plan_of(limits), NOTHING)
                assert 55 < (refused.value.retry_after or 0) <= 60


@pytest.mark.parametrize(("step", "counted"), [(-30, 1), (-3600, 0), (3600, 0)])
async def test_a_clock_of_the_server_that_is_put_back_or_on_stops_nobody_for_long(
    node: Node, hands: Hands, step: float, counted: int
) -> None:
    limits = Limits(requests_per_minute=2)
    async with node.counting() as limiter:
        await limiter.admit(plan_of(limits), NOTHING)
        hands.wait(step)
        assert await used(limiter, limits) == [counted]
        await limiter.admit(plan_of(limits), NOTHING)
        hands.wait(abs(min(step, 0)) % 3600 + 60)
        assert await used(limiter, limits) == [0]


async def test_a_budget_is_exact_up_to_nine_million_dollars(node: Node) -> None:
    limit = 2**53 - 3
    async with node.counting() as limiter:
        limits = Limits(budget_nano_usd=limit, budget_period="total")
        limiter.raise_spent(plan_of(limits).ids[0], TOTAL, Spent(limit - 3))
        for spent in (limit - 2, limit - 1, limit):
            admission = await limiter.admit(plan_of(limits), NOTHING)
            limiter.settle(admission, Used(0, 1))
            assert await used(limiter, limits) == [spent]


async def test_what_nobody_needs_is_not_kept(node: Node) -> None:
    async with node.counting() as limiter:
        everything = Limits(9, 900, 9, 9, 900, 900)
        limiter.settle(await limiter.admit(plan_of(everything), Reserve(5, 5, 5)), Used(5, 5))
        await heard(limiter)
        assert keys(node.server) == {"w", "b", "q", "l", "s"}
        with node.server.client() as client:
            kept = {key.split(":")[1]: client.ttl(key) for key in client.scan_iter("*")}
        assert kept.pop("leases") == -1
        assert 0 < kept["w"] <= 120
        assert 0 < kept["b"] <= 86400
        assert kept["q"] + 5 >= 86400
        assert 0 < kept["s"] <= 7 * 86400
    assert keys(node.server) == {"w", "b", "q"}


async def test_the_counts_of_a_budget_for_good_are_kept_for_good(node: Node) -> None:
    async with node.counting() as limiter:
        for limits in (Limits(budget_nano_usd=9), Limits(budget_nano_usd=9, budget_period="total")):
            limiter.settle(await limiter.admit(plan_of(limits), NOTHING), Used(0, 1))
        assert await used(limiter, limits) == [2]
    with node.server.client() as client:
        assert client.ttl(f"{PREFIX}:q:{plan_of(limits).ids[0].hex()}") == -1


async def test_whoever_is_cancelled_while_it_is_let_in_holds_nothing_and_does_not_count(
    own_redis: RedisServer, tmp_path: Path
) -> None:
    limits = Limits(requests_per_minute=9, max_parallel=1)
    async with Node(own_redis, tmp_path).counting() as limiter:
        assert await used(limiter, limits) == [0, 0]
        own_redis.freeze()
        asking = asyncio.create_task(limiter.admit(plan_of(limits), NOTHING))
        await asyncio.sleep(0)
        asking.cancel()
        own_redis.thaw()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await auntil(lambda: limiter._outbox._number == 1)
        assert await used(limiter, limits) == [0, 0]


async def test_what_the_ledger_knows_is_counted_at_least(node: Node, hands: Hands) -> None:
    limits = Limits(requests_per_month=50, tokens_per_month=5000, budget_nano_usd=500)
    subject, (month, day) = plan_of(limits).ids[0], (period_of(k, int(MAY), read_zone("UTC")) for k in ("month", "day"))
    async with node.counting() as limiter:
        limiter.raise_spent(subject, month, Spent(100, 1000, 10))
        await heard(limiter)
        assert await used(limiter, limits) == [10, 1000, 100]
        limiter.raise_spent(subject, month, Spent(50, 2000, 5))
        limiter.raise_spent(subject, month._replace(id=month.id - 1), Spent(400, 4000, 40))
        limiter.raise_spent(subject, day, Spent(300, 4000, 40))
        await heard(limiter)
        assert await used(limiter, limits) == [10, 2000, 100]
        assert await used(limiter, Limits(budget_nano_usd=500, budget_period="day")) == [300]
        limiter.raise_spent(subject, month, Spent(500))
        await heard(limiter)
        with pytest.raises(QuotaSpent):
            await limiter.admit(plan_of(limits), NOTHING)
        limiter.reset(subject)
        await heard(limiter)
        assert await used(limiter, limits) == [0, 0, 0]


async def test_a_reset_leaves_what_is_running(node: Node) -> None:
    limits = Limits(requests_per_minute=5, max_parallel=5)
    async with node.counting() as limiter:
        admission = await limiter.admit(plan_of(limits), NOTHING)
        limiter.reset(plan_of(limits).ids[0])
        await heard(limiter)
        assert await used(limiter, limits) == [0, 1]
        limiter.settle(admission, NONE)
        assert await used(limiter, limits) == [0, 0]


async def test_rules_and_their_calendar_can_change(node: Node, hands: Hands) -> None:
    key, target = ClientKey("app", id="app", team_id="t"), Target("openai", "gpt-5")
    rules = (
        LimitRule("team", "team", Limits(budget_nano_usd=10, budget_period="day")),
        LimitRule("model", "model", Limits(max_parallel=1), "openai/*"),
    )
    async with node.counting() as limiter:
        assert limiter.plan(key) is None
        assert limiter.target_plan(target) is None
        limiter.follow(rules, "Asia/Tokyo")
        plan, of_target = limiter.plan(key), limiter.target_plan(target)
        assert plan is not None
        assert of_target is not None
        limiter.settle(await limiter.admit(plan, NOTHING), Used(0, 10))
        with pytest.raises(QuotaSpent):
            await limiter.admit(plan, NOTHING)
        hands.wait(3 * 3600)  # it is midnight in Tokyo
        await limiter.admit(plan, NOTHING)
        with pytest.raises(ValueError, match="time zone"):
            limiter.follow(rules, "Mars/Olympus")


async def test_a_limit_that_is_given_later_knows_what_was_used_before(node: Node) -> None:
    async with node.counting() as limiter:
        before = plan_of(Limits(requests_per_minute=9))
        for _ in range(2):
            limiter.settle(await limiter.admit(before, Reserve(9, 9)), Used(3, 4))
        assert await used(limiter, Limits(None, None, None, 9, 99, 99)) == [2, 6, 8]


async def test_an_account_that_may_touch_nothing_but_our_keys_is_enough(own_redis: RedisServer, tmp_path: Path) -> None:
    rules = ("~{sluicegate}*", "+@read", "+@write", "+@scripting", "+@connection", "+time")
    with own_redis.client() as client:
        client.execute_command("ACL", "SETUSER", "sluicegate", "reset", "on", ">secret", *rules)
    node = Node(own_redis, tmp_path)
    everything = Limits(9, 900, 9, 9, 900, 900)
    async with node.counting(f"unix://sluicegate:secret@{own_redis.socket}?db=3", redis_away="refuse") as limiter:
        limiter.settle(await limiter.admit(plan_of(everything), Reserve(5, 5, 5)), Used(5, 5))
        limiter.raise_spent(plan_of(everything).ids[0], TOTAL, Spent(9))
        limiter.reset(plan_of(everything).ids[0])
        await heard(limiter)
        assert await limiter.share_rests(["a 1000 1quota"]) == [b"a 1000 1quota"]
    with own_redis.client() as client:
        assert not client.dbsize()


async def test_what_would_be_refused_is_told_without_counting(node: Node) -> None:
    limits = Limits(requests_per_minute=1, requests_per_month=9)
    async with node.counting() as limiter:
        assert await limiter.refused(plan_of(limits)) is None
        assert await used(limiter, limits) == [0, 0]
        await limiter.admit(plan_of(limits), NOTHING)
        refused = await limiter.refused(plan_of(limits))
        with pytest.raises(LimitReached) as raised:
            await limiter.admit(plan_of(limits), NOTHING)
        assert isinstance(refused, LimitReached)
        assert refused.limit == raised.value.limit == "requests_per_minute"
        assert await used(limiter, limits) == [1, 1]
