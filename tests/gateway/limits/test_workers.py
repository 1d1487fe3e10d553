"""Limits over several real processes: exact, and whole again when one of them is killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.limiter import Reserve, Used
from gateway.shared.memory import SharedMemory, prepare
from tests.gateway.limits.another import BUDGET, COST, PARALLEL, begin, heard, together, worker
from tests.gateway.limits.scripts import plan_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    prepare(tmp_path / "shared.mmap", 3)
    return tmp_path / "shared.mmap"


async def figures(path: Path) -> dict[str, int]:
    return {left.field: left.used for left in await EmbeddedLimiter(SharedMemory(path), None).left(plan_of(PARALLEL))}


@pytest.mark.parametrize(("task", "limit"), [("requests", 1000), ("tokens", 600)])
def test_three_workers_let_in_exactly_as_many_as_a_limit_says(path: Path, task: str, limit: int) -> None:
    assert sum(together(path, task, 700, 700, 700)) == limit


async def test_five_hundred_at_once_cannot_overdraw_a_budget_for_ten(path: Path) -> None:
    admitted = together(path, "rushed", 167, 167, 166)
    (left,) = await EmbeddedLimiter(SharedMemory(path), None).left(plan_of(BUDGET))
    assert sum(admitted) == 10
    assert left.used == 10 * COST <= left.limit + COST


async def test_what_a_killed_worker_held_is_free_again(path: Path) -> None:
    with worker(path, 1, "held", 30) as doomed:
        assert heard(doomed) == 0
        begin(doomed)
        assert heard(doomed) == 30
        held = {"max_parallel": 30, "budget_nano_usd": 30 * COST, "tokens_per_minute": 30 * 500}
        assert await figures(path) == held
    assert await figures(path) == held
    SharedMemory(path).release(1)
    assert await figures(path) == dict.fromkeys(held, 0)


async def test_a_worker_that_is_killed_while_it_writes_leaves_nothing_locked_and_nothing_held(path: Path) -> None:
    limiter, memory = EmbeddedLimiter(SharedMemory(path), 0), SharedMemory(path)
    for _ in range(8):
        with worker(path, 2, "churned", 0) as doomed:
            assert heard(doomed) == 0
            begin(doomed)
            assert heard(doomed) == 0
            before = (await figures(path))["budget_nano_usd"]
        memory.release(2)
        after = await figures(path)
        assert after["max_parallel"] == 0
        assert after["budget_nano_usd"] >= before - 3  # what was set aside is free, what was spent is not
        limiter.settle(await limiter.admit(plan_of(PARALLEL), Reserve(1, 1)), Used(1, 1))
