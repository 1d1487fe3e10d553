"""The registry in a process that only reads it: loaded anew when another process has put a new one in its place.

Knows the word in shared memory that tells of it. The file is read in a thread: no request waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from gateway import logs
from gateway.catalog.registry import Registry
from gateway.store.generations import Generations

from .kept import held

log = logs.get("gateway.registry")


class RegistryFollower:
    """The registry that holds in this process. `follow` is told of each new one, in the event loop."""

    def __init__(self, data_dir: Path, generations: Generations, follow: Callable[[Registry], None]) -> None:
        self._data_dir, self._generations, self._follow = data_dir, generations, follow
        self._seen = generations.local("registry")
        self._loading: asyncio.Task[None] | None = None
        self.registry = held(data_dir).registry
        """The last that was read."""

    def tick(self) -> None:
        """Called some ten times a second: see whether there is another."""
        if self._seen != self._generations.local("registry") and (self._loading is None or self._loading.done()):
            self._loading = asyncio.get_running_loop().create_task(self._load())

    async def close(self) -> None:
        """Follow no more."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait((self._loading,))

    async def _load(self) -> None:
        seen = self._generations.local("registry")  # what is told while it is read may not be in it
        try:
            found = await asyncio.to_thread(held, self._data_dir)
        except Exception:  # whatever it was, the registry that holds goes on doing so
            log.exception("the registry could not be read")
        else:
            self.registry = found.registry
            self._follow(self.registry)
        self._seen = seen
