"""Settlements on their way to Redis, and held here while it is away: each is taken there once.

Knows batches and their numbers. They follow each other without waiting; one whose answer was lost is sent again under
its number, and the server takes it once. Does not know what the rows mean, but how to add them up: while nobody takes
them they are summed by subject, so that an outage costs as much memory as there are subjects, not requests.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from gateway import logs
from gateway.limits.redis_link import Answer, Away, Link, Refused
from gateway.limits.redis_rows import Settlement, Today, merged
from gateway.limits.redis_scripts import PREFIX, SETTLE

ROWS_AT_ONCE = 200
"""In one call: the server does nothing else meanwhile."""

UNANSWERED = 64
"""Batches on their way at once; what comes then waits here."""

LOOSE = 4096
"""Rows that wait as they are; more are summed."""

MOST = 50_000
"""Rows that are kept at all, summed."""

_NOT_NEXT = -1

log = logs.get("limits")


class _Batch(NamedTuple):
    number: int
    rows: list[Settlement]


class Outbox:
    """The settlements of one process. Lives in one event loop."""

    def __init__(
        self, link: Link, lease: str, today: Callable[[], Today], taken: Callable[[Sequence[Settlement]], None]
    ) -> None:
        """`taken` hears of every row once: when the server has it, or it is lost."""
        self._link, self._lease, self._today, self._taken = link, lease, today, taken
        self._number = 0
        self._sent: deque[_Batch] = deque()
        self._last: Answer | None = None
        self._waiting: list[Settlement] = []
        self._loose = LOOSE
        self._is_due = False

    def add(self, rows: Sequence[Settlement]) -> None:
        """Have these taken, with whatever else comes in this turn of the event loop."""
        self._waiting += rows
        if len(self._waiting) > self._loose:
            self._sum_up()
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Send what there is, in front of whatever is asked next."""
        self._is_due = False
        while self._waiting and self._link.is_here and len(self._sent) < UNANSWERED:
            self._number += 1
            batch = _Batch(self._number, self._waiting[:ROWS_AT_ONCE])
            del self._waiting[:ROWS_AT_ONCE]
            self._sent.append(batch)
            self._last = self._link.post(SETTLE, *self._words(batch, "next"))
            self._last.add_done_callback(lambda answer, batch=batch: self._note(batch, answer))  # type: ignore[misc]

    async def resend(self) -> None:
        """Send every batch again whose answer is missing: on a new connection, before anything else. Raises Away."""
        await self._link.load(SETTLE)
        while self._sent:
            batch = self._sent[0]
            try:
                await self._link.prepare(SETTLE, *self._words(batch, "resent"))
            except Refused as error:
                self._note_lost(batch, error)
            self._note_taken(batch)

    async def flushed(self) -> None:
        """Return when the server has everything, or is away."""
        self.flush()
        while self._sent and self._last is not None and self._link.is_here:
            with suppress(Away, Refused):
                await self._last
            await asyncio.sleep(0)
            self.flush()

    def _words(self, batch: _Batch, how: str) -> tuple[str | int, ...]:
        texts = (row.text for row in batch.rows)
        return (1, PREFIX, self._lease, batch.number, how, self._today().text, *texts)

    def _note(self, batch: _Batch, answer: Answer) -> None:
        error = None if answer.cancelled() else answer.exception()
        if isinstance(error, Away) or batch not in self._sent:
            return  # it is sent again with the next connection, or was already
        if isinstance(error, Refused):
            self._note_lost(batch, error)
        elif error is not None or answer.result() == _NOT_NEXT:
            self._link.restart("it has forgotten our scripts")  # and so did not take this one, nor any behind it
            return
        self._note_taken(batch)
        if self._waiting:
            self.flush()

    def _note_taken(self, batch: _Batch) -> None:
        if batch in self._sent:
            self._sent.remove(batch)
            self._taken(batch.rows)

    def _note_lost(self, batch: _Batch, error: Refused) -> None:
        log.error("settlements were refused by Redis, and are lost", rows=len(batch.rows), error=str(error))

    def _sum_up(self) -> None:
        self._waiting = merged(self._waiting)
        if (over := len(self._waiting) - MOST) > 0:
            log.error("settlements are lost: too many wait for Redis", rows=over)
            lost, self._waiting = self._waiting[:over], self._waiting[over:]
            self._taken(lost)  # what they held is not held any more, whoever hears of it
        # Not again for each one that comes, where there are many subjects.
        self._loose = max(LOOSE, 2 * len(self._waiting))
