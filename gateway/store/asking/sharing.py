"""Reads that share what they can: who asks what is being asked gets the same answer, who asks again soon an old one.

Knows queues, waiters and ages. Does not know what is asked, nor how: that is handed in, and runs on a few threads of
its own, first come, first served. These give way to requests of clients; where that leaves them nothing, the answer is
begun anew on one that does not. One event loop.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.errors import ControlUnavailable
from gateway.threads import begun

from .giving_way import Effort, give_way
from .run import Run, insist

READERS = 2
"""Statements read at once; more wait."""

PATIENCE_SECONDS = 0.5
"""How long somebody gives way who gets nothing."""

PRESSING_SECONDS = 10.0
"""How long after that nobody gives way: the machine is full, and each would wait as long for nothing."""

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
        self._readers = begun(READERS, "analytics", give_way)
        self._pressing = begun(READERS, "analytics-now")
        self._pressing_until = 0.0
        self._giving_way: set[Effort] = set()
        """What the threads are at that give way, also where it was stopped and they have not noticed."""
        self._under_way: dict[str, _Shared] = {}
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._kept_rows = 0

    def end(self) -> None:
        """Let the threads go; nothing is read afterwards."""
        for threads in (self._readers, self._pressing):
            threads.shutdown(wait=False, cancel_futures=True)

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
        loop = asyncio.get_running_loop()
        shared = _Shared(question, loop.create_future(), loop.time())
        self._under_way[key] = shared
        shared.future.add_done_callback(lambda _: self._finish(key, shared))
        self._start(shared, is_pressing=loop.time() < self._pressing_until)
        if not shared.is_pressing:
            loop.call_later(PATIENCE_SECONDS, self._look_after, shared)
        return shared

    def _start(self, shared: _Shared, *, is_pressing: bool) -> None:
        shared.run, shared.is_pressing = Run(), is_pressing
        if is_pressing:
            shared.handle = self._pressing.submit(self._perform, shared.question, shared.run)
        else:
            shared.handle = self._readers.submit(self._give_way, shared.question, shared.run, shared.effort)
        asyncio.wrap_future(shared.handle).add_done_callback(partial(shared.settle, shared.run))

    def _give_way(self, question: Question, run: Run, effort: Effort) -> list[Row]:
        effort.begin()
        self._giving_way.add(effort)
        try:
            return self._perform(question, run)
        finally:
            self._giving_way.discard(effort)

    def _look_after(self, shared: _Shared) -> None:
        """Begin anew what gets no turn, with all that waits behind it; what gets one is looked at again."""
        loop = asyncio.get_running_loop()
        if shared.is_answered or shared.is_pressing:
            return
        if self._gets_nothing(shared):
            self._pressing_until = loop.time() + PRESSING_SECONDS
            for each in self._under_way.values():
                self._press(each)
        else:
            loop.call_later(PATIENCE_SECONDS, self._look_after, shared)

    def _gets_nothing(self, shared: _Shared) -> bool:
        """Whether it is at work and gets no turn, or waits for a thread that gets none."""
        at_work = tuple(self._giving_way)
        if shared.effort in at_work:
            return shared.effort.is_starved(PATIENCE_SECONDS)
        # Not all at work, and it waits: no thread has had the turn to take it.
        return len(at_work) < READERS or any(effort.is_starved(PATIENCE_SECONDS) for effort in at_work)

    def _press(self, shared: _Shared) -> None:
        """Begin anew on a thread that does not give way, unless it gets on where it is."""
        if shared.is_pressing or shared.is_answered:
            return
        if not shared.handle.cancel():
            if shared.effort.has_begun and not shared.effort.is_starved(PATIENCE_SECONDS):
                return
            insist(shared.run, "starved")
        self._start(shared, is_pressing=True)

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
        shared.future.cancel()

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
    """One question that is being asked, and how many wait for the answer."""

    run: Run
    handle: Future[list[Row]]
    is_pressing: bool
    """Whether it was begun, or begun anew, where nobody gives way."""

    def __init__(self, question: Question, future: asyncio.Future[list[Row]], now: float) -> None:
        self.question, self.future, self.begun_at = question, future, now
        self.effort = Effort()
        self.waiting = self.askers = 0
        self.is_to_be_kept = False

    @property
    def is_answered(self) -> bool:
        """Whether a thread has done with it, also where the loop has yet to hand that on."""
        return self.future.done() or self.handle.done()

    def settle(self, run: Run, answered: asyncio.Future[list[Row]]) -> None:
        """A thread has done with it. What was begun anew meanwhile is of no interest any more."""
        error = None if answered.cancelled() else answered.exception()
        if self.future.done() or run is not self.run:
            return
        if answered.cancelled():
            self.future.cancel()
        elif error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(answered.result())


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
