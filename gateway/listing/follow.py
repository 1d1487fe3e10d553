"""The lists of models in a process that only reads them: loaded anew when another process has kept new ones.

Knows the word in shared memory that tells of it. The file is read in a thread: no request waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from gateway import logs
from gateway.catalog.served import Served
from gateway.store.generations import Generations

from .kept import held

log = logs.get("gateway.listing")


class ListFollower:
    """The lists that hold in this process. `follow` is told of new ones, in the event loop."""

    def __init__(self, data_dir: Path, generations: Generations, follow: Callable[[], None]) -> None:
        self._data_dir, self._generations, self._follow = data_dir, generations, follow
        self._seen = generations.local("registry")
        self._loading: asyncio.Task[None] | None = None
        self.served: Served = held(data_dir)
        """The last that were read."""

    def tick(self) -> None:
        """Called some ten times a second: see whether there are others."""
        if self._seen != self._generations.local("registry") and (self._loading is None or self._loading.done()):
            self._loading = asyncio.get_running_loop().create_task(self._load())

    async def close(self) -> None:
        """Follow no more."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait((self._loading,))

    async def _load(self) -> None:
        seen = self._generations.local("registry")  # what is told while they are read may not be in them
        try:
            found = await asyncio.to_thread(held, self._data_dir)
            if found != self.served:
                self.served = found
                self._follow()
        except Exception:  # whatever it was, the lists that hold go on doing so
            log.exception("the lists of models could not be followed")
        self._seen = seen
