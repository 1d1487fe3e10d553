"""What Redis is still to hear: settlements, once each, and corrections. Held here while it is away.

Knows batches and their numbers. One batch is on its way at a time; one whose answer was lost is sent again under its
number, and the server takes it once. Does not know what the rows mean, but how to add them up: while nobody takes them
they are summed by subject, so that an outage costs as much memory as there are subjects, not requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from gateway import logs
from gateway.limits.redis_link import Away, Link, Refused, Script
from gateway.limits.redis_rows import Settlement, Today, merged
from gateway.limits.redis_scripts import PREFIX, RAISE, SETTLE

ROWS_AT_ONCE = 200
"""In one call: the server does nothing else meanwhile."""

LOOSE = 4096
"""Rows that wait as they are; more are summed."""

MOST = 50_000
"""Rows that are kept at all, summed."""

log = logs.get("limits")

Run = Callable[..., Awaitable[Any]]


class _Batch(NamedTuple):
    number: int
    rows: list[Settlement]


class Outbox:
    """The way of everything that need not be waited for. Lives in one event loop."""

    def __init__(
        self,
        link: Link,
        lease: str,
        today: Callable[[], Today],
        taken: Callable[[Sequence[Settlement]], None],
    ) -> None:
        """`taken` hears of every row once, when the server has it."""
        self._link, self._lease, self._today, self._taken = link, lease, today, taken
        self._number = 0
        self._sent: _Batch | None = None
        self._waiting: list[Settlement] = []
        self._loose = LOOSE
        self._raises: list[str] = []
        self._corrections: list[tuple[Script, str]] = []
        self._wanted = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Send what there is, as it comes."""
        self._task = asyncio.create_task(self._live())

    async def end(self) -> None:
        """Stop sending."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def settle(self, rows: Sequence[Settlement]) -> None:
        """Have these taken."""
        self._waiting += rows
        if len(self._waiting) > self._loose:
            self._sum_up()
        self._wake()

    def correct(self, script: Script, word: str) -> None:
        """Have a script run with this word, which may be done twice."""
        self._corrections.append((script, word))
        self._wake()

    def raise_to(self, row: str) -> None:
        """Have this counted at least."""
        self._raises.append(row)
        del self._raises[:-MOST]
        self._wake()

    async def resend(self) -> None:
        """Send the batch again whose answer is missing: on a new connection, before anything else. Raises Away."""
        if self._sent is not None:
            await self._send(self._sent, self._link.prepare)

    def go_on(self) -> None:
        """The server answers again."""
        self._wake()

    async def flushed(self) -> None:
        """Return when the server has everything, or is away."""
        await self._idle.wait()

    def _wake(self) -> None:
        if self._link.is_here:
            self._idle.clear()
            self._wanted.set()

    async def _live(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                while await self._send_some():
                    pass
            except Away:
                pass  # everything is still here, and goes on with the next connection
            self._idle.set()

    async def _send_some(self) -> bool:
        """Send the next batch; whether there was one."""
        if self._sent is None and self._waiting:
            self._number += 1
            self._sent = _Batch(self._number, self._waiting[:ROWS_AT_ONCE])
            del self._waiting[:ROWS_AT_ONCE]
        if self._sent is not None:
            await self._send(self._sent, self._link.run)
        elif self._corrections:
            await self._perform(*self._corrections[0])
            del self._corrections[:1]
        elif rows := self._raises[:ROWS_AT_ONCE]:
            await self._perform(RAISE, self._today().text, *rows)
            del self._raises[: len(rows)]
        else:
            return False
        return True

    async def _send(self, batch: _Batch, run: Run) -> None:
        texts = [row.text for row in batch.rows]
        try:
            await run(SETTLE, 1, PREFIX, self._lease, batch.number, self._today().text, *texts)
        except Refused as error:
            log.error("settlements were refused by Redis, and are lost", rows=len(texts), error=str(error))
        if self._sent is batch:  # it may have been sent a second time meanwhile, on a new connection
            self._sent = None
            self._taken(batch.rows)

    async def _perform(self, script: Script, *words: str) -> None:
        try:
            await self._link.run(script, 1, PREFIX, *words)
        except Refused as error:
            log.error("a correction was refused by Redis, and is lost", error=str(error))

    def _sum_up(self) -> None:
        self._waiting = merged(self._waiting)
        if (over := len(self._waiting) - MOST) > 0:
            log.error("settlements are lost: too many wait for Redis", rows=over)
            del self._waiting[:over]
        # Not again for each one that comes, where there are many subjects.
        self._loose = max(LOOSE, 2 * len(self._waiting))
