"""One clock for all paced streams: whoever is due in the same millisecond is served by the same timer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from heapq import heappop, heappush


class Pacer:
    """Calls back when a time has come. Callbacks must not raise."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: dict[int, list[Callable[[], None]]] = {}
        self._order: list[int] = []
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = 0

    def at(self, due: float, act: Callable[[], None]) -> None:
        """`act` is called at `due` (monotonic seconds) or up to about a millisecond later; there is no cancelling."""
        slot = int(due * 1000) + 1
        waiting = self._slots.get(slot)
        if waiting is not None:
            waiting.append(act)
            return
        self._slots[slot] = [act]
        heappush(self._order, slot)
        self._arm_unless_armed(slot)

    def stop(self) -> None:
        """Nobody is called any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._slots.clear()
        self._order.clear()

    def _arm(self, slot: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed_for = slot
        # Never 0: the loop would spin until the millisecond is over.
        self._timer = self._loop.call_later(max(slot / 1000 - time.monotonic(), 0.001), self._tick)

    def _tick(self) -> None:
        self._timer = None
        order, slots = self._order, self._slots
        now = int(time.monotonic() * 1000)
        while order and order[0] <= now:
            for act in slots.pop(heappop(order)):
                act()
        # An act may have armed the timer already, for a slot that is no longer the next.
        if order:
            self._arm_unless_armed(order[0])

    def _arm_unless_armed(self, slot: int) -> None:
        if self._timer is None or slot < self._armed_for:
            self._arm(slot)
