"""A request that was to try a target whose breaker is half open gives the try back, whenever its client leaves."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.errors import ClientDisconnected
from gateway.records import ClientKey, Target
from gateway.relay.course import Course
from gateway.relay.errand import Errand
from gateway.relay.times import Times
from gateway.routing.dispatch import Attempt
from gateway.routing.standing import Standing
from gateway.routing.targets import TargetList
from tests.gateway.routing.boards import Slate, conduct, pool

TARGET = Target("a", "m")


class HalfOpen(Slate):
    """A board on which the breaker of `a/m` is half open."""

    def __init__(self) -> None:
        super().__init__()
        self.breakers["a/m"] = Standing(
            time.time_ns() // 1000 + 60_000_000, hard=True, reason="breaker", probe_due=True
        )
        self.given_back: list[tuple[Target, int]] = []

    def give_back(self, target: Target, claimed_at_us: int, now_us: int) -> None:
        self.given_back.append((target, claimed_at_us))


class Scene:
    """An exchange on its way to that target, as far as its course needs one. `leave` is when the client does."""

    def __init__(self, leave: str) -> None:
        self._leave = leave
        self.board = HalfOpen()
        self.relay = SimpleNamespace(board=self.board, access=self, limiter=self)
        self.conduct = conduct(pool("a", "a0", auth="google"), board=self.board)
        self.key = ClientKey("k", id="k")
        self.thread = self.ask = self.dispatch = None
        self.target_admissions: dict[Target, Any] = {}
        self.trials: list[Any] = []
        self.errand, self.gone, self.times = Errand(), False, Times()

    def _left(self) -> None:
        self.gone = True
        self.errand.give_up()

    def admitted_key(self) -> ClientKey:
        return self.key

    def target_plan(self, target: Target) -> None:
        """Nothing limits it."""

    async def passage(self, attempt: Attempt) -> object:
        if self._leave == "on the way":
            self._left()
        return object()

    def begin(self, *what: object) -> None:
        raise AssertionError("nothing is sent for a client that has left")

    def is_ready(self, *who: object) -> bool:
        return False

    async def prepare(self, *who: object) -> None:
        self._left()
        await asyncio.Event().wait()


@pytest.mark.parametrize("leave", ["on the way", "as a token is asked for"])
async def test_a_try_that_was_claimed_is_given_back(leave: str) -> None:
    scene: Any = Scene(leave)
    with pytest.raises(ClientDisconnected):
        await Course(scene, TargetList((TARGET,))).run()
    assert scene.board.claimed == ["a/m"]
    assert [target for target, at_us in scene.board.given_back if at_us] == [TARGET]
