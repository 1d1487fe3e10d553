"""Reads that share what they can: who asks what is being asked gets the same answer, who asks again soon an old one.

Knows queues, waiters and ages. Does not know what is asked, nor how: that is handed in, and runs on a few threads of
its own, first come, first served. One event loop.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from gateway.errors import ControlUnavailable

from .run import Run, insist

READERS = 2
"""Statements read at once; more wait."""

MOST_KEPT_ROWS = 20_000
"""Rows that are kept in all, and the most that one answer may have to be kept."""
MOST_ROWS_OF_ONE = 5_000

LONGEST_KEPT_SECONDS = 60.0

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """A named statement and what it is asked with."""

    name: str
    text: str
    parameters: Mapping[str, object]

    @property
    def key(self) -> str:
        """The same for the same question; values of different types are different."""
        return f"{self.name} {self.parameters!r}"


Perform = Callable[[Question, Run], list[Row]]
"""Asks, on a thread. Raises ControlUnavailable, also where the run was stopped."""


class SharedReads:
    """The reads of one store."""

    def __init__(self, perform: Perform) -> None:
        self._perform = perform
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="analytics")
        self._under_way: dict[str, _Shared] = {}
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._kept_rows = 0

    def end(self) -> None:
        """Let the threads go; nothing is read afterwards."""
        self._readers.shutdown(wait=False, cancel_futures=True)

    async def ask(self, question: Question, *, seconds: float, kept: float) -> list[Row]:
        """The answer, within `seconds`: a new one, that of the same question which is being asked at the moment, or one
        that is at most `kept` seconds old. Raises ControlUnavailable."""
        key = question.key
        known = self._known(key, kept)
        if known is not None:
            return _copied(known)
        shared = self._under_way.get(key) or self._begin(key, question)
        shared.is_to_be_kept |= kept > 0
        shared.askers += 1
        rows = await self._wait(key, shared, seconds)
        return _copied(rows) if shared.askers > 1 or shared.is_to_be_kept else rows

    def _begin(self, key: str, question: Question) -> _Shared:
        run, now = Run(), asyncio.get_running_loop().time()
        shared = _Shared(self._readers.submit(self._perform, question, run), run, now)
        self._under_way[key] = shared
        shared.future.add_done_callback(lambda _: self._finish(key, shared))
        return shared

    async def _wait(self, key: str, shared: _Shared, seconds: float) -> list[Row]:
        shared.waiting += 1
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(shared.future)
        except TimeoutError:
            raise ControlUnavailable("The analytics store took too long to answer.", retry_after=1) from None
        finally:
            shared.waiting -= 1
            if not shared.waiting and not shared.future.done():
                self._give_up(key, shared)

    def _give_up(self, key: str, shared: _Shared) -> None:
        """Nobody waits any more: whoever comes now asks anew."""
        if self._under_way.get(key) is shared:
            del self._under_way[key]
        if not shared.handle.cancel():
            insist(shared.run, "left")

    def _finish(self, key: str, shared: _Shared) -> None:
        if self._under_way.get(key) is shared:
            del self._under_way[key]
        if shared.future.cancelled() or shared.future.exception() is not None:
            return
        rows = shared.future.result()
        if shared.is_to_be_kept and len(rows) <= MOST_ROWS_OF_ONE:
            self._keep(key, _Kept(rows, shared.begun_at))

    def _known(self, key: str, kept: float) -> list[Row] | None:
        found = self._kept.get(key)
        if found is None or asyncio.get_running_loop().time() - found.begun_at >= kept:
            return None
        return found.rows

    def _keep(self, key: str, found: _Kept) -> None:
        self._forget(key)
        self._kept[key] = found
        self._kept_rows += found.size
        for old, each in list(self._kept.items()):
            is_old = found.begun_at - each.begun_at > LONGEST_KEPT_SECONDS
            if not is_old and self._kept_rows <= MOST_KEPT_ROWS:
                break
            self._forget(old)

    def _forget(self, key: str) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._kept_rows -= found.size


class _Shared:
    """One statement that is being asked, and how many wait for it."""

    def __init__(self, handle: Future[list[Row]], run: Run, now: float) -> None:
        self.handle, self.run, self.begun_at = handle, run, now
        self.future = asyncio.wrap_future(handle)
        self.waiting = self.askers = 0
        self.is_to_be_kept = False


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer, and when it was begun to be asked for: it may be as old as that."""

    rows: list[Row]
    begun_at: float

    @property
    def size(self) -> int:
        """Rows; no answer is for nothing."""
        return max(1, len(self.rows))


def _copied(rows: list[Row]) -> list[Row]:
    """Rows of one's own: what one reader does to them, another does not see."""
    return [dict(row) for row in rows]
