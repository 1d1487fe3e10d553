"""Limits of one machine: by the scripts, by its clocks, and when the rules change."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import LimitReached, QuotaSpent
from gateway.limits.books import Clock
from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.limiter import Left, Plan, Reserve, Spent, Used, tightest
from gateway.limits.periods import TOTAL, Kind, period_of
from gateway.records import ClientKey, LimitRule, Limits, Target
from gateway.settings.instants import read_instant, read_zone
from gateway.shared.memory import SharedMemory, prepare
from tests.gateway.limits.scripts import SCRIPTS, TIMED, Script, plan_of, play

NOTHING = Reserve(0, 0)
MAY = read_instant("2026-05-12T12:00:00Z") / 1e6


class Hands:
    """Of a clock that a test moves: both go on together."""

    def __init__(self) -> None:
        self.monotonic, self.unix = 1000.0, MAY

    def clock(self) -> Clock:
        return Clock(lambda: self.monotonic, lambda: self.unix)

    def wait(self, seconds: float) -> None:
        self.monotonic += seconds
        self.unix += seconds


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def memory(tmp_path: Path) -> SharedMemory:
    prepare(tmp_path / "shared.mmap", 3)
    return SharedMemory(tmp_path / "shared.mmap")


@pytest.fixture
def limiter(memory: SharedMemory, hands: Hands) -> EmbeddedLimiter:
    return EmbeddedLimiter(memory, 0, hands.clock())


async def used(limiter: EmbeddedLimiter, plan: Plan) -> dict[str, int]:
    return {left.field: left.used for left in await limiter.left(plan)}


@pytest.mark.parametrize("script", [*SCRIPTS, *TIMED], ids=lambda script: script.name)
async def test_it_plays(limiter: EmbeddedLimiter, hands: Hands, script: Script) -> None:
    await play(limiter, script, hands.wait)


async def test_nothing_is_counted_where_nothing_is_limited(limiter: EmbeddedLimiter) -> None:
    assert limiter.plan(ClientKey("free", id="free")) is None
    assert limiter.target_plan(Target("openai", "gpt-5")) is None


async def test_workers_count_together(memory: SharedMemory, hands: Hands) -> None:
    workers = [EmbeddedLimiter(memory, column, hands.clock()) for column in range(3)]
    plan = plan_of(Limits(max_parallel=3, budget_nano_usd=30))
    running = [await worker.admit(plan, Reserve(0, 9)) for worker in workers]
    for worker in workers:
        with pytest.raises(LimitReached):
            await worker.admit(plan, NOTHING)
    workers[1].settle(running[1], Used(0, 3))
    assert [await used(worker, plan) for worker in workers] == [{"max_parallel": 2, "budget_nano_usd": 21}] * 3
    await workers[2].admit(plan, NOTHING)


async def test_what_a_dead_worker_had_running_is_free_again_and_what_it_spent_stays_spent(
    memory: SharedMemory, hands: Hands
) -> None:
    dead, alive = (EmbeddedLimiter(memory, column, hands.clock()) for column in (0, 1))
    plan = plan_of(Limits(max_parallel=2, budget_nano_usd=100, tokens_per_minute=100))
    dead.settle(await dead.admit(plan, Reserve(50, 50)), Used(5, 5))
    await dead.admit(plan, Reserve(90, 90, 90))
    await alive.admit(plan, Reserve(1, 1, 1))
    memory.release(0)
    assert await used(alive, plan) == {"max_parallel": 1, "budget_nano_usd": 6, "tokens_per_minute": 6}


async def test_a_limit_that_is_changed_holds_at_once(limiter: EmbeddedLimiter) -> None:
    def key(limits: Limits | None) -> Plan | None:
        return limiter.plan(ClientKey("app", id="app", limits=limits))

    plan = key(Limits(requests_per_minute=2))
    assert plan is not None
    running = [await limiter.admit(plan, Reserve(0, 7)) for _ in range(2)]
    assert key(None) is None
    raised = key(Limits(requests_per_minute=3))
    assert raised is not None
    running.append(await limiter.admit(raised, Reserve(0, 7)))
    lowered = key(Limits(requests_per_minute=1, budget_nano_usd=15))
    assert lowered is not None
    for admission in running:
        limiter.settle(admission, Used(0, 5))
    with pytest.raises(QuotaSpent):  # what was spent before there was a budget counts as well
        await limiter.admit(lowered, NOTHING)
    assert await used(limiter, lowered) == {"requests_per_minute": 3, "budget_nano_usd": 15}


async def test_rules_that_are_changed_hold_at_once_and_keep_what_was_counted(limiter: EmbeddedLimiter) -> None:
    key = ClientKey("app", id="app", user_id="u-1")
    assert limiter.plan(key) is None
    limiter.follow((LimitRule("all", "user", Limits(requests_per_month=2)),), "Europe/Berlin")
    plan = limiter.plan(key)
    assert plan is not None
    for _ in range(2):
        limiter.settle(await limiter.admit(plan, NOTHING), Used(0, 0))
    limiter.follow((LimitRule("all", "user", Limits(requests_per_month=3)),), "America/New_York")
    plan = limiter.plan(key)
    assert plan is not None
    await limiter.admit(plan, NOTHING)
    with pytest.raises(QuotaSpent):
        await limiter.admit(plan, NOTHING)
    with pytest.raises(ValueError, match="time zone"):
        limiter.follow((), "Mars/Olympus")


async def test_rules_of_models_are_asked_for_targets(limiter: EmbeddedLimiter) -> None:
    limiter.follow((LimitRule("gpt", "model", Limits(max_parallel=1), match="openai/*"),), "UTC")
    key = ClientKey("app", id="app")
    assert limiter.plan(key) is None
    assert limiter.target_plan(Target("anthropic", "claude")) is None
    plan = limiter.target_plan(Target("openai", "gpt-5"))
    assert plan is not None
    assert plan is limiter.target_plan(Target("openai", "gpt-5"))
    await limiter.admit(plan, NOTHING)
    with pytest.raises(LimitReached, match="model `openai/gpt-5` \\(rule `gpt`\\), 1 requests at once"):
        await limiter.admit(plan, NOTHING)


async def test_a_day_ends_when_it_does_and_not_with_the_second_of_the_other_clock(memory: SharedMemory) -> None:
    hands = Hands()
    hands.unix = read_instant("2026-05-12T23:59:59.7Z") / 1e6
    limiter = EmbeddedLimiter(memory, 0, hands.clock())
    plan = plan_of(Limits(budget_nano_usd=10, budget_period="day"))
    limiter.settle(await limiter.admit(plan, NOTHING), Used(0, 10))
    hands.wait(0.2)
    with pytest.raises(QuotaSpent):
        await limiter.admit(plan, NOTHING)
    hands.wait(0.2)
    assert (await used(limiter, plan))["budget_nano_usd"] == 0
    await limiter.admit(plan, NOTHING)


async def test_how_long_to_wait_is_said_to_the_moment(memory: SharedMemory, hands: Hands) -> None:
    limiter = EmbeddedLimiter(memory, 0, hands.clock())
    plan = plan_of(Limits(requests_per_minute=1))
    await limiter.admit(plan, NOTHING)
    hands.wait(0.75)
    with pytest.raises(LimitReached) as refused:
        await limiter.admit(plan, NOTHING)
    assert refused.value.retry_after == 59.25


A_LIMIT = st.none() | st.integers(2, 20)


@given(
    st.lists(st.tuples(A_LIMIT, A_LIMIT, A_LIMIT, A_LIMIT).map(lambda said: Limits(*said[:2], None, *said[2:]))),
    st.lists(st.integers(0, 3), max_size=3),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_who_is_let_in_hears_of_the_tightest_of_all_limits(
    memory: SharedMemory, hands: Hands, limits: list[Limits], before: list[int]
) -> None:
    """Whatever limits count for him, and whoever's they are."""
    limiter = EmbeddedLimiter(memory, 0, hands.clock())

    async def admit() -> None:
        plan = plan_of(*(said for said in limits if said != Limits()))
        for subject in plan.subjects:
            limiter.reset(subject.id)
        with suppress(LimitReached, QuotaSpent):
            for tokens in before:
                limiter.settle(await limiter.admit(plan, Reserve(tokens, 0, tokens)), Used(tokens, 0))
            admission = await limiter.admit(plan, Reserve(1, 0, 1))
            looked = tightest(await limiter.left(plan))
            limiter.settle(admission, Used(0, 0))
            assert admission.standing == looked

    asyncio.run(admit())


async def test_how_it_stands_is_said_with_when_it_is_free_again(limiter: EmbeddedLimiter, hands: Hands) -> None:
    limits = Limits(5, 1000, 2, 10, 5000, 10**9, "total")
    plan, now_us = plan_of(limits), round(MAY * 1e6)
    june_us = read_instant("2026-06-01")
    name = plan.subjects[0].name
    ends = [now_us, now_us, 0, june_us, june_us, 0]
    fields = ("requests_per_minute", "tokens_per_minute", "max_parallel", "requests_per_month", "tokens_per_month")
    most = dict(zip((*fields, "budget_nano_usd"), (5, 1000, 2, 10, 5000, 10**9), strict=True))

    def lefts(used: tuple[int, ...], ends: list[int], held: tuple[int, int] = (0, 0)) -> tuple[Left, ...]:
        rows = zip(most.items(), used, ends, (0, 0, 0, 0, *held), strict=True)
        return tuple(
            Left(name, field, limit, said, at, aside)  # type: ignore[arg-type]
            for (field, limit), said, at, aside in rows
        )

    assert await limiter.left(plan) == lefts((0,) * 6, ends)
    minute = [now_us + 60_000_000] * 2
    admission = await limiter.admit(plan, Reserve(300, 70, 100))
    assert await limiter.left(plan) == lefts((1, 300, 1, 1, 300, 70), minute + ends[2:], held=(300, 70))
    assert admission.standing == tightest(await limiter.left(plan))
    hands.wait(10.0)
    limiter.settle(admission, Used(50, 20))
    assert await limiter.left(plan) == lefts((1, 50, 0, 1, 50, 20), [minute[0], minute[1] + 10_000_000, *ends[2:]])
    hands.wait(59.0)
    assert [left.used for left in await limiter.left(plan)] == [0, 50, 0, 1, 50, 20]


@pytest.mark.parametrize(
    ("zone", "period", "ends"),
    [
        ("UTC", "day", "2026-05-13T00:00:00Z"),
        ("UTC", "week", "2026-05-18T00:00:00Z"),
        ("Europe/Berlin", "week", "2026-05-17T22:00:00Z"),
        ("UTC", "month", "2026-06-01T00:00:00Z"),
        ("America/New_York", "month", "2026-06-01T04:00:00Z"),
    ],
)
async def test_a_budget_begins_anew_with_its_period(
    limiter: EmbeddedLimiter, hands: Hands, zone: str, period: Kind, ends: str
) -> None:
    limiter.follow((), zone)
    plan = plan_of(Limits(budget_nano_usd=5, budget_period=period))
    limiter.settle(await limiter.admit(plan, NOTHING), Used(0, 5))
    hands.wait(read_instant(ends) / 1e6 - 1 - hands.unix)
    with pytest.raises(QuotaSpent) as refused:
        await limiter.admit(plan, NOTHING)
    assert refused.value.retry_after == 1.0
    hands.wait(1.0)
    await limiter.admit(plan, NOTHING)


async def test_what_was_used_can_be_forgotten_and_what_runs_goes_on(limiter: EmbeddedLimiter) -> None:
    plan = plan_of(Limits(requests_per_minute=2, max_parallel=5, budget_nano_usd=10))
    limiter.settle(await limiter.admit(plan, NOTHING), Used(0, 8))
    running = await limiter.admit(plan, Reserve(0, 3))
    limiter.reset(plan.subjects[0].id)
    assert await used(limiter, plan) == {"requests_per_minute": 0, "max_parallel": 1, "budget_nano_usd": 3}
    limiter.settle(running, Used(0, 2, counted=False))
    assert await used(limiter, plan) == {"requests_per_minute": 0, "max_parallel": 0, "budget_nano_usd": 2}


async def test_the_ledger_only_raises(memory: SharedMemory, hands: Hands) -> None:
    control, worker = EmbeddedLimiter(memory, None, hands.clock()), EmbeddedLimiter(memory, 0, hands.clock())
    plan = plan_of(Limits(budget_nano_usd=100, requests_per_month=9, tokens_per_month=99))
    name = plan.subjects[0].id
    month = period_of("month", int(MAY), read_zone("UTC"))
    control.raise_spent(name, month, Spent(40, tokens=30, requests=3))
    worker.settle(await worker.admit(plan, NOTHING), Used(5, 20))
    control.raise_spent(name, month, Spent(50, tokens=36, requests=2))
    assert await used(control, plan) == {"budget_nano_usd": 60, "requests_per_month": 4, "tokens_per_month": 36}
    control.raise_spent(name, period_of("month", int(MAY) - 40 * 86400, read_zone("UTC")), Spent(90))
    control.raise_spent(name, TOTAL, Spent(70, tokens=1000, requests=1000))
    assert await used(control, plan) == {"budget_nano_usd": 60, "requests_per_month": 4, "tokens_per_month": 36}
    for_good = plan_of(Limits(budget_nano_usd=100, budget_period="total"))
    assert await used(control, for_good) == {"budget_nano_usd": 70}


async def test_whoever_only_looks_lets_nothing_in(memory: SharedMemory) -> None:
    with pytest.raises(ValueError, match="only a worker"):
        await EmbeddedLimiter(memory, None).admit(plan_of(Limits(max_parallel=1)), NOTHING)


async def test_counts_of_a_period_outlive_a_restart_and_those_of_the_minute_do_not(
    tmp_path: Path, hands: Hands
) -> None:
    path, plan = tmp_path / "shared.mmap", plan_of(Limits(requests_per_minute=9, budget_nano_usd=9, max_parallel=9))
    prepare(path, 1)
    first = EmbeddedLimiter(SharedMemory(path), 0, hands.clock())
    first.settle(await first.admit(plan, NOTHING), Used(0, 4))
    await first.admit(plan, Reserve(0, 1))
    prepare(path, 1)
    hands.monotonic = 5.0  # the machine was started anew, and the boot id did not tell
    again = EmbeddedLimiter(SharedMemory(path), 0, hands.clock())
    assert await used(again, plan) == {"requests_per_minute": 0, "budget_nano_usd": 4, "max_parallel": 0}


@pytest.mark.parametrize(
    ("step", "spent"),
    [(-1.0, 5), (-86400.0, 5), (-400 * 86400.0, 0), (86400.0, 0)],
    ids=["a second back", "a day back", "a year back", "a day on"],
)
async def test_a_clock_that_is_set(limiter: EmbeddedLimiter, hands: Hands, step: float, spent: int) -> None:
    """Going back a day cannot renew a budget; a date that is far ahead of the present one was no date."""
    hands.unix = read_instant("2026-05-12T00:00:00Z") / 1e6
    plan = plan_of(Limits(budget_nano_usd=5, budget_period="day"))
    limiter.settle(await limiter.admit(plan, NOTHING), Used(0, 5))
    hands.unix += step
    assert await used(limiter, plan) == {"budget_nano_usd": spent}


async def test_workers_read_their_clocks_a_little_apart(memory: SharedMemory) -> None:
    ahead, behind = Hands(), Hands()
    ahead.wait(0.01)
    behind.monotonic -= 0.01
    plan = plan_of(Limits(requests_per_minute=10))
    workers = [EmbeddedLimiter(memory, column, hands.clock()) for column, hands in enumerate((ahead, behind))]
    for number in range(10):
        await workers[number % 2].admit(plan, NOTHING)
    for worker in workers:
        with pytest.raises(LimitReached):
            await worker.admit(plan, NOTHING)
