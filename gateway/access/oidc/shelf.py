"""What was fetched lately: kept for a time, and fetched once however many ask for it at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")

MOST_KEPT = 64
"""Things on a shelf; issuers are few, so this only bounds what a mistake can do."""


class Shelf(Generic[Item]):
    """Things by address, for one event loop. What could not be fetched is not remembered."""

    def __init__(self, keep_seconds: float, clock: Callable[[], float]) -> None:
        """`clock` tells seconds since any moment, as long as it is always the same."""
        self._keep = keep_seconds
        self._clock = clock
        self._kept: dict[str, tuple[float, Item]] = {}
        self._under_way: dict[str, asyncio.Task[Item]] = {}

    async def get(self, address: str, fetch: Callable[[], Awaitable[Item]], *, anew: bool = False) -> Item:
        """What is kept under an address, or what `fetch` brings; `anew` does not believe what is kept."""
        kept = self._kept.get(address)
        if kept is not None and not anew and self._clock() - kept[0] < self._keep:
            return kept[1]
        task = self._under_way.get(address)
        if task is None:
            task = self._under_way[address] = asyncio.create_task(self._fill(address, fetch))
            task.add_done_callback(_hear)
        # Whoever gives up does not take the answer away from the others.
        return await asyncio.shield(task)

    async def _fill(self, address: str, fetch: Callable[[], Awaitable[Item]]) -> Item:
        try:
            item = await fetch()
        finally:
            del self._under_way[address]
        if address not in self._kept and len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[address] = (self._clock(), item)
        return item


def _hear(task: asyncio.Task[Item]) -> None:
    """Takes note of an error that nobody waits for any more; those who wait are told."""
    if not task.cancelled():
        task.exception()
