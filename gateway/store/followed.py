"""A file that one process writes and others go by: read anew when the word in shared memory tells of it.

Knows that word, and that reading takes a thread, so that no request waits for it. What is read is the caller's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from gateway import logs
from gateway.store.generations import Generations

Item = TypeVar("Item")

log = logs.get("gateway.store")


class Followed(Generic[Item]):
    """What the file says in this process; `tell` is called in the event loop when that has changed."""

    def __init__(self, generations: Generations, load: Callable[[], Item], tell: Callable[[], None]) -> None:
        """`load` reads the file, here for the first time, later in a thread."""
        self._generations, self._load, self._tell = generations, load, tell
        self._seen = generations.local("registry")
        self._loading: asyncio.Task[None] | None = None
        self.held: Item = load()
        """The last that was read."""

    def tick(self) -> None:
        """Called some ten times a second: see whether there is something else."""
        if self._seen != self._generations.local("registry") and (self._loading is None or self._loading.done()):
            self._loading = asyncio.get_running_loop().create_task(self._follow())

    async def close(self) -> None:
        """Follow no more."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait((self._loading,))

    async def _follow(self) -> None:
        seen = self._generations.local("registry")  # what is told while it is read may not be in it
        try:
            found = await asyncio.to_thread(self._load)
            if found != self.held:
                self.held = found
                self._tell()
        except Exception:  # whatever it was, what holds goes on doing so
            log.exception("a file that changed could not be followed")
        self._seen = seen
