"""When each client key was last used, on its way from a worker to the database.

Knows when to write. A worker that is killed forgets some seconds of it, which harms nobody.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from gateway import logs
from gateway.errors import StateUnavailable
from gateway.store.keys import note_uses
from gateway.store.state import State

WRITE_SECONDS = 10.0
"""Keys that were used are written at most so often."""

LAST_SECONDS = 3.0
"""What the last of them may take to be written, at the end of a worker."""

log = logs.get("gateway.uses")


class Uses:
    """The latest use of each key that the database does not know of yet."""

    def __init__(self, state: State, *, write_seconds: float = WRITE_SECONDS) -> None:
        self._state, self._seconds = state, write_seconds
        self._latest: dict[str, int] = {}
        self._writing: asyncio.Task[None] | None = None
        self._write_at = 0.0
        self._is_late = False

    def note(self, key_id: str, used_at_us: int) -> None:
        """This key was used at this time, Unix microseconds."""
        if used_at_us > self._latest.get(key_id, 0):
            self._latest[key_id] = used_at_us

    def tick(self) -> None:
        """Called now and then: write what is due."""
        loop = asyncio.get_running_loop()
        if not self._latest or loop.time() < self._write_at or (self._writing and not self._writing.done()):
            return
        self._write_at = loop.time() + self._seconds
        self._writing = loop.create_task(self.write())

    async def write(self) -> None:
        """Have the database know all of it; where it cannot be written now, another time."""
        latest, self._latest = self._latest, {}
        if not latest:
            return
        try:
            await self._state.write(lambda session: note_uses(session, latest))
        except StateUnavailable as error:
            for key_id, used_at_us in latest.items():
                self.note(key_id, used_at_us)
            if not self._is_late:  # once, however long it lasts
                log.warning("when keys were last used is written later", keys=len(latest), reason=error.message)
            self._is_late = True
        else:
            self._is_late = False

    async def finish(self) -> None:
        """The same at the end, as far as it can be done soon."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                await self.write()
