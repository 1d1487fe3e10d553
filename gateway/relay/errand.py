"""What is done for an exchange beside asking its provider, such as fetching media: no longer than its client waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from gateway.errors import ClientDisconnected

LEFT = "The client left before its answer was complete."

Item = TypeVar("Item")


class Errand:
    """The errands of one exchange, one after another."""

    _given_up = False
    _task: asyncio.Task[Any] | None = None
    waited_us = 0
    """Microseconds they took together: other servers' time, not ours."""

    async def run(self, work: Coroutine[Any, Any, Item]) -> Item:
        """What `work` brings. Raises ClientDisconnected when it is given up, however far it has come, and whatever
        `work` raises."""
        if self._given_up:
            work.close()
            raise ClientDisconnected(LEFT)
        began = time.monotonic_ns()
        task: asyncio.Task[Item] = asyncio.get_running_loop().create_task(work)
        self._task = task
        try:
            brought = await task
        except asyncio.CancelledError:
            if self._given_up:
                raise ClientDisconnected(LEFT) from None
            raise
        finally:
            self._task = None
            self.waited_us += (time.monotonic_ns() - began) // 1000
        if self._given_up:  # as it ended
            raise ClientDisconnected(LEFT)
        return brought

    def give_up(self) -> None:
        """The client has left."""
        self._given_up = True
        if self._task is not None:
            self._task.cancel()
