"""Clients that ask again and again, whatever happens to the gateway, and remember what was answered in full."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.e2e.wire import Answer, Cut, Wire, dialled

PAUSE_SECONDS = 0.02
"""Between a connection that broke and the next: a client that hammers would measure itself."""


class Traffic:
    """What a crowd of clients has seen so far."""

    def __init__(self, port: int, request: Callable[[int], bytes]) -> None:
        """`request` makes the bytes of a request from its number."""
        self.acknowledged: list[str] = []
        """Ids of the requests whose answers came in full."""
        self.statuses: Counter[int] = Counter()
        self.broken = 0
        """Connections that ended in the middle."""
        self.ended = False
        self._port, self._request = port, request
        self._asked = 0

    async def run(self) -> None:
        """One client, until the traffic has ended."""
        while not self.ended:
            try:
                async with dialled(self._port) as wire:
                    await self._use(wire)
            except (Cut, OSError):
                self.broken += 1
                await asyncio.sleep(PAUSE_SECONDS)

    async def _use(self, wire: Wire) -> None:
        while not self.ended:
            self._asked += 1
            answer = await wire.ask(self._request(self._asked))
            self._note(answer)
            if answer.header("connection") == "close":
                return

    def _note(self, answer: Answer) -> None:
        self.statuses[answer.status] += 1
        self.acknowledged.append(answer.header("x-sluicegate-request-id") or "")


@asynccontextmanager
async def traffic(port: int, clients: int, request: Callable[[int], bytes]) -> AsyncIterator[Traffic]:
    """So many clients at once; at the end each finishes what it has begun."""
    crowd = Traffic(port, request)
    tasks = [asyncio.create_task(crowd.run()) for _ in range(clients)]
    try:
        yield crowd
    finally:
        crowd.ended = True
        await asyncio.wait_for(asyncio.gather(*tasks), 20)
