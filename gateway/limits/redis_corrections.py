"""Corrections of what is counted in Redis, made as soon as it answers: what the ledger knows better, what is forgotten.

Each may be made twice. Does not know who asks for them, nor why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from gateway import logs
from gateway.limits.redis_link import Away, Link, Refused, Script
from gateway.limits.redis_rows import Today
from gateway.limits.redis_scripts import FORGET, PREFIX, RAISE

ROWS_AT_ONCE = 200
"""In one call: the server does nothing else meanwhile."""

MOST = 50_000
"""Kept while nobody takes them; the oldest of more are forgotten, for the ledger is asked again and again."""

log = logs.get("limits")


class Corrections:
    """Those that wait. Lives in one event loop."""

    def __init__(self, link: Link, today: Callable[[], Today]) -> None:
        self._link, self._today = link, today
        self._raises: list[str] = []
        self._forgets: list[str] = []
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Make them as they come."""
        self._task = asyncio.create_task(self._live())

    async def end(self) -> None:
        """Make none any more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def forget(self, subject: str) -> None:
        """Have a subject counted from nothing."""
        self._forgets.append(subject)
        self._wanted.set()

    def raise_to(self, row: str) -> None:
        """Have so much counted at least."""
        self._raises.append(row)
        if len(self._raises) > MOST:
            del self._raises[:-MOST]
        self._wanted.set()

    def go_on(self) -> None:
        """The server answers again."""
        self._wanted.set()

    async def _live(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            with suppress(Away):  # what is left goes on with the next connection
                while self._forgets:
                    await self._make(FORGET, self._forgets[0])
                    del self._forgets[:1]
                while rows := self._raises[:ROWS_AT_ONCE]:
                    await self._make(RAISE, self._today().text, *rows)
                    del self._raises[: len(rows)]

    async def _make(self, script: Script, *words: str) -> None:
        try:
            await self._link.run(script, 1, PREFIX, *words)
        except Refused as error:
            log.error("a correction was refused by Redis, and is lost", error=str(error))
