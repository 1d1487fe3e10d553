"""What is set aside for an exchange is settled, whenever it is cut."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from gateway.api.endpoints import BY_PATH
from gateway.catalog.prices import PriceList
from gateway.errors import ClientDisconnected
from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.limiter import Admission, Plan, Reserve
from gateway.limits.rules import bounds_of
from gateway.records import ClientKey, LimitRule, Limits, ModelFacts, Target
from gateway.relay import allowance
from gateway.routing.targets import TargetList
from gateway.shared.memory import SharedMemory, prepare

LIMITED = Limits(max_parallel=3)
KEY = ClientKey("app", id="app", limits=LIMITED)
TARGET = Target("mock", "gpt-5")
FIELDS = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hello"}]}


class Asking(EmbeddedLimiter):
    """One that has to ask somebody; the exchange is cut before he answers."""

    cut: Any = None

    def admit_at_once(self, plan: Plan, reserve: Reserve) -> Admission | None:  # type: ignore[override]
        return None

    async def admit(self, plan: Plan, reserve: Reserve) -> Admission:
        self.cut.recorded = True
        return super().admit_at_once(plan, reserve)


def exchange_of(limiter: EmbeddedLimiter) -> Any:
    """As much of one as its allowance needs."""
    limiter.follow((LimitRule("of models", "model", LIMITED),), "UTC")
    return SimpleNamespace(
        relay=SimpleNamespace(limiter=limiter, prices=PriceList(())),
        admitted_key=lambda: KEY,
        bounds_at=lambda target: bounds_of(None, ModelFacts(), 1000),
        ask=SimpleNamespace(fields=FIELDS),
        body=orjson.dumps(FIELDS),
        endpoint=BY_PATH["/v1/chat/completions"],
        recorded=False,
        admission=None,
        standing=None,
        target_admissions={},
        target_standings={},
        trials=[],
    )


@pytest.fixture
def memory(tmp_path: Path) -> SharedMemory:
    prepare(tmp_path / "shared.mmap", 1)
    return SharedMemory(tmp_path / "shared.mmap")


async def running(limiter: EmbeddedLimiter) -> list[int]:
    plans = limiter.plan(KEY), limiter.target_plan(TARGET)
    return [left.used for plan in plans if plan is not None for left in await limiter.left(plan)]


async def let_in(exchange: Any) -> None:
    await allowance.admit(exchange, TargetList((TARGET,)))
    await admit_to(exchange)


async def admit_to(exchange: Any) -> None:
    plan = exchange.relay.limiter.target_plan(TARGET)
    assert plan is not None
    await allowance.admit_to(exchange, TARGET, plan)


async def test_what_is_set_aside_is_settled_once(memory: SharedMemory) -> None:
    limiter = EmbeddedLimiter(memory, 0)
    exchange = exchange_of(limiter)
    await let_in(exchange)
    await let_in(other := exchange_of(limiter))
    assert await running(limiter) == [2, 2]
    allowance.settle(exchange, 5, 7)
    allowance.settle(exchange, 5, 7)
    assert await running(limiter) == [1, 1]
    allowance.settle_in_full(other)
    assert await running(limiter) == [0, 0]


async def test_an_exchange_that_was_cut_before_gets_nothing_that_nobody_would_settle(memory: SharedMemory) -> None:
    limiter = EmbeddedLimiter(memory, 0)
    exchange = exchange_of(limiter)
    exchange.recorded = True
    for admit in (allowance.admit(exchange, TargetList((TARGET,))), admit_to(exchange)):
        with pytest.raises(ClientDisconnected):
            await admit
    assert await running(limiter) == [0, 0]


async def test_an_exchange_that_is_cut_meanwhile_gives_back_what_it_got(memory: SharedMemory) -> None:
    limiter = Asking(memory, 0)
    exchange = limiter.cut = exchange_of(limiter)
    with pytest.raises(ClientDisconnected):
        await allowance.admit(exchange, TargetList((TARGET,)))
    assert await running(limiter) == [0, 0]
    exchange = limiter.cut = exchange_of(limiter)
    with pytest.raises(ClientDisconnected):
        await admit_to(exchange)
    assert await running(limiter) == [0, 0]
