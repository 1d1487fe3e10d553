"""Something that asks the store, on its way: it can be stopped from any thread, before, while and after it runs."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Literal

import duckdb
from duckdb import DuckDBPyConnection

INSIST_SECONDS = 0.05
INSISTING = 1200
"""How often what shall stop is told so, and how many times: a minute. One step of it can take longer than that, and is
waited for by nobody but the store that is to be closed."""

NICE = 10
"""How much what people wait for goes before what runs long."""

Why = Literal["left", "time", "memory", "cancelled", "closed", "starved"]
"""Why something was stopped: nobody wants it any more; it took too long, or too much; somebody said so; the store is
being closed; its thread gets no turn, and another goes on with it."""


class Run:
    """One of them, from its wait in a queue to its end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cursor: DuckDBPyConnection | None = None
        self.stopped: Why | None = None
        """Why it was stopped, if it was."""
        self.over = False
        self.on_stop: Callable[[], None] = _nothing
        """Called when it is stopped, for what waits elsewhere than in DuckDB."""

    def begin(self, cursor: DuckDBPyConnection) -> None:
        """From now on it is on this cursor. Raises duckdb.InterruptException where it is stopped already."""
        with self._lock:
            self._check()
            self._cursor = cursor

    def check(self) -> None:
        """Raises duckdb.InterruptException where it is stopped. Between two statements nothing else would notice."""
        with self._lock:
            self._check()

    def stop(self, why: Why) -> None:
        """Stop it; the first who says so says why."""
        with self._lock:
            self.stopped = self.stopped or why
            if self._cursor is not None:
                self._cursor.interrupt()
            on_stop = self.on_stop
        on_stop()

    def end(self) -> None:
        """It is over, one way or another."""
        with self._lock:
            self._cursor = None
            self.over = True

    def _check(self) -> None:
        if self.stopped is not None:
            raise duckdb.InterruptException("stopped")


Lend = Callable[[Run], AbstractContextManager[DuckDBPyConnection]]
"""A cursor for a run, which has begun on it. Raises ControlUnavailable where the store is shut."""


def insist(run: Run, why: Why, times: int = INSISTING) -> None:
    """Stop it, again and again until it helps: what comes just before a statement begins is lost. On the event loop."""
    if not run.over and times:
        run.stop(why)
        asyncio.get_running_loop().call_later(INSIST_SECONDS, insist, run, why, times - 1)


def be_nice() -> None:
    """Have the thread that calls this wait for others, where the system can tell threads apart."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, max(NICE, os.getpriority(os.PRIO_PROCESS, thread)))


def _nothing() -> None:
    """What happens where nothing else waits."""
