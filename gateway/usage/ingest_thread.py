"""The one thread that writes to the analytics store: it ingests, and does what else must be written in between.

Knows when. What and how is `usage/ingest`.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from gateway.errors import GatewayError
from gateway.usage.ingest import Ingest, Task

T = TypeVar("T")

POLL_SECONDS = 0.05
DRAIN_SECONDS = 5.0


class IngestThread:
    """Runs an Ingest from `start` to `stop`."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest
        self._tasks: queue.SimpleQueue[tuple[Callable[[Ingest], Any], Future[Any]]] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._stepped = threading.Event()
        # A process that fails to start must not hang on this thread: whatever it leaves half done is taken up again.
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)

    def start(self) -> None:
        """Begin; returns when the store is open, or opening it was tried once."""
        self._thread.start()
        self._stepped.wait()

    def stop(self) -> None:
        """Take what is closed, shut the store and end; returns when that is done."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def is_ending(self) -> bool:
        """Whether somebody waits in `stop`: what takes long must give up."""
        return self._ended.is_set()

    def submit(self, task: Task[T]) -> Future[T]:
        """Have `task` run on the writing connection. The future raises ControlUnavailable where the store is shut."""
        return self.occupy(lambda ingest: task(ingest.writing()))

    def occupy(self, work: Callable[[Ingest], T]) -> Future[T]:
        """Have `work` done in the place of ingest, which takes nothing meanwhile. Where it fails the store is shut, to
        be opened again in a moment; where it refuses, with a GatewayError, everything is as it was."""
        outcome: Future[T] = Future()
        self._tasks.put((work, outcome))
        return outcome

    def _run(self) -> None:
        while not self._ended.is_set():
            busy = self._ingest.step()
            self._stepped.set()
            self._perform_tasks()
            if not busy:
                self._ended.wait(POLL_SECONDS)
        self._ingest.drain(DRAIN_SECONDS)
        self._perform_tasks()

    def _perform_tasks(self) -> None:
        with suppress(queue.Empty):
            while True:
                self._perform(*self._tasks.get_nowait())

    def _perform(self, work: Callable[[Ingest], Any], outcome: Future[Any]) -> None:
        if not outcome.set_running_or_notify_cancel():
            return
        try:
            outcome.set_result(work(self._ingest))
        except GatewayError as error:
            outcome.set_exception(error)
        except Exception as error:  # noqa: BLE001 - whoever submitted the task gets it; the thread goes on
            self._ingest.fail(error)
            outcome.set_exception(error)
