"""Where counts are, when there is not room for all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.errors import LimitReached
from gateway.limits import books
from gateway.limits.books import Clock
from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.limiter import Plan, Reserve, Used
from gateway.records import Limits
from gateway.shared.layout import LAYOUT, lay_out
from gateway.shared.memory import SharedMemory, prepare
from tests.gateway.limits.scripts import plan_of

NOTHING = Reserve(0, 0)
SMALL = 8


class Hands:
    """Of a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def clock(self) -> Clock:
        return Clock(lambda: self.now, lambda: self.now)


@pytest.fixture
def memory(tmp_path: Path) -> SharedMemory:
    layout = lay_out([replace(place.area, capacity=SMALL) for place in LAYOUT.places])
    prepare(tmp_path / "shared.mmap", 2, layout)
    return SharedMemory(tmp_path / "shared.mmap", layout)


@pytest.fixture
def hands() -> Hands:
    return Hands()


async def use(limiter: EmbeddedLimiter, plan: Plan) -> None:
    limiter.settle(await limiter.admit(plan, NOTHING), Used(1, 1))


async def test_the_place_of_whoever_was_away_for_a_minute_goes_to_another(memory: SharedMemory, hands: Hands) -> None:
    limiters = [EmbeddedLimiter(memory, column, hands.clock()) for column in (0, 1)]
    plans = [plan_of(Limits(requests_per_minute=2), start=number) for number in range(SMALL * 3)]
    for number, plan in enumerate(plans):
        await use(limiters[number % 2], plan)
        await use(limiters[number % 2], plan)
        with pytest.raises(LimitReached):
            await limiters[1 - number % 2].admit(plan, NOTHING)
        hands.now += 61 / SMALL
    for plan in plans:
        await use(limiters[0], plan)
        await use(limiters[1], plan)
        with pytest.raises(LimitReached):
            await limiters[0].admit(plan, NOTHING)
        hands.now += 61


async def test_what_a_period_needs_is_not_taken_away(memory: SharedMemory, hands: Hands) -> None:
    limiter = EmbeddedLimiter(memory, 0, hands.clock())
    kept = plan_of(Limits(budget_nano_usd=100))
    await use(limiter, kept)
    hands.now += 120
    for number in range(1, SMALL * 2):
        await use(limiter, plan_of(Limits(requests_per_minute=1), start=number))
        hands.now += 61
    assert (await limiter.left(kept))[0].used == 1


async def test_without_a_place_a_process_counts_alone_and_says_so(
    memory: SharedMemory, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "PRIVATE", 2)
    mine, other = (EmbeddedLimiter(memory, column, hands.clock()) for column in (0, 1))
    for number in range(SMALL):
        await use(mine, plan_of(Limits(budget_nano_usd=100), start=number))
    alone = plan_of(Limits(requests_per_minute=1), start=100)
    mixed = Plan((*alone.subjects, *plan_of(Limits(max_parallel=1)).subjects))
    with capture_logs() as lines:
        running = await mine.admit(mixed, NOTHING)
    assert [line["event"] for line in lines] == ["limits are counted by each process alone"]
    with pytest.raises(LimitReached, match="at once"):
        await other.admit(plan_of(Limits(max_parallel=1)), NOTHING)
    with pytest.raises(LimitReached):
        await mine.admit(alone, NOTHING)
    await use(other, alone)
    mine.settle(running, Used(0, 0, counted=False))
    await use(mine, alone)
    for number in range(3):
        await use(mine, plan_of(Limits(requests_per_minute=1), start=200 + number))
    assert (await mine.left(alone))[0].used == 0, "the oldest is forgotten"
