"""The orders of a pool that are put together once are those that would be worked out for each request."""

from __future__ import annotations

import pytest

from gateway.records import Credential, Target
from gateway.routing.dispatch import Dispatch
from gateway.routing.pool import LONGEST_CYCLE, pool_of
from gateway.routing.strategies import STRATEGIES
from tests.gateway.routing.boards import Slate, conduct, leads_to, pool, script

TURNS = 3 * LONGEST_CYCLE


class Uneasy(Slate):
    """A board that never says that nothing is the matter."""

    def is_calm(self, credentials: tuple[Credential, ...], target: Target, now_us: int) -> bool:
        return False


def held(*weights: int) -> tuple[Credential, ...]:
    return tuple(Credential("p", f"p{index}", "s", weight=weight) for index, weight in enumerate(weights))


@pytest.mark.parametrize("weights", [(), (4,), (1, 1), (3, 1, 2), (1,) * LONGEST_CYCLE, (9, 9)], ids=str)
@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_calm_or_not_the_order_is_the_same_at_every_turn(strategy: str, weights: tuple[int, ...]) -> None:
    provider = pool("p", *held(*weights), strategy=strategy)
    boards = (Slate(), Uneasy())
    calm, uneasy = (conduct(provider, board=board, attempts=99) for board in boards)
    for _ in range(TURNS):
        assert script(Dispatch(leads_to("p"), calm)) == script(Dispatch(leads_to("p"), uneasy))
    assert boards[0].turns == boards[1].turns


def test_long_cycles_are_not_kept() -> None:
    found = leads_to("p")
    for strategy, weights in (("round_robin", (1,) * (LONGEST_CYCLE + 1)), ("weighted", (LONGEST_CYCLE, 1))):
        assert not pool_of(found, pool("p", *held(*weights), strategy=strategy), found.targets[0]).lines
    kept = pool_of(found, pool("p", *held(LONGEST_CYCLE - 1, 1), strategy="weighted"), found.targets[0])
    assert len(kept.lines) == LONGEST_CYCLE
