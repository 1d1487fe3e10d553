"""Composition root of the control process: owner of analytics store, ingest, jobs, usage API, tokenizer and pages.

It may start, stop or be killed at any time; the workers do not notice. That there is one at a time for a data directory
is `child`'s business: it holds the lock beside the socket from before `start` until after `stop`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from blacksheep import Application, Router

from gateway import __version__, child, jobs
from gateway.api.counting import add_counting
from gateway.api.endpoints import ENDPOINTS
from gateway.api.usage import UsageApi, instant
from gateway.browsers import guarding, is_secure
from gateway.child import Message
from gateway.leash import Start
from gateway.settings.model import Settings
from gateway.store.analytics import Analytics
from gateway.store.responses import ResponseStore
from gateway.store.state import State, database_of
from gateway.tokenizer import Tokenizer
from gateway.usage import segments
from gateway.usage.ingest import Ingest, Task
from gateway.usage.ingest_thread import IngestThread
from web.page import Site
from web.site import add_pages


class Control:
    """The control process, as `child` serves it."""

    def __init__(self, start: Start) -> None:
        self._settings = start.settings
        self._directory = Path(start.settings.server.data_dir).absolute()
        self._spool = self._directory / "spool"
        self._analytics = Analytics(
            self._directory / "usage.duckdb", self._spool, memory_limit=start.settings.usage.duckdb_memory_limit
        )
        self._ingest = Ingest(self._spool, self._analytics)
        self._thread = IngestThread(self._ingest)
        self.responses = ResponseStore(State(database_of(start.settings)), max_bytes=start.settings.responses.max_bytes)
        """Kept by the workers; what has expired is deleted here."""
        self._tokenizer = Tokenizer()
        self._site = Site(
            read=self._analytics.read,
            settings=lambda: self._settings,
            demo=start.demo,
            version=__version__,
            started_at_us=start.started_at_us,
            endpoints=tuple(endpoint.path for endpoint in ENDPOINTS),
        )
        self._in_flight = 0

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            return
        self._in_flight += 1
        try:
            await self._app(scope, receive, guarding(send, secure=is_secure(dict(scope["headers"]))))
        finally:
            self._in_flight -= 1

    async def start(self) -> None:
        """Open the store and begin to ingest. A store that cannot be opened now is tried again and again."""
        await asyncio.to_thread(self._thread.start)
        token = operator_token(self._directory / "run")
        self._app = Application(router=Router(), show_error_details=False)
        # BlackSheep says a line for every refusal: what anybody can cause does not belong in the log.
        self._app.logger.setLevel(logging.WARNING)
        UsageApi(self._analytics.read, token, self._describe_ingest).add_to(self._app)
        add_counting(self._app, self._tokenizer.count)
        add_pages(self._app, self._site)
        await self._app.start()  # type: ignore[no-untyped-call] # BlackSheep's own
        self._stop_jobs = jobs.schedule(self)

    def reload(self, settings: Settings) -> None:
        """Go by these settings from the next request on. The store keeps the memory limit it was opened with."""
        self._settings = settings

    def begin_drain(self) -> None:
        """Nothing: answers here are short, and what a worker still wants to show may be shown."""

    def in_flight(self) -> int:
        """How many requests are being answered."""
        return self._in_flight

    async def stop(self) -> None:
        """Take the segments that are closed, and shut the store cleanly."""
        self._stop_jobs()
        await asyncio.to_thread(self._tokenizer.end)
        await asyncio.to_thread(self._thread.stop)
        self._analytics.end()
        await self.responses.close()
        # `child` froze what start-up made; what DuckDB's binding finds frozen at exit it reports, at length, as leaked.
        gc.unfreeze()
        await self._app.stop()  # type: ignore[no-untyped-call] # BlackSheep's own

    async def write(self, task: Task) -> None:
        """Have this done on the store's writing connection."""
        await asyncio.wrap_future(self._thread.submit(task))

    def _describe_ingest(self) -> dict[str, Any]:
        state = self._ingest.state
        return {
            "segments_waiting": len(segments.closed(self._spool)),
            "spool_bytes": segments.weigh(self._spool),
            "records_taken": state.records,
            "lines_refused": state.refused,
            "segments_set_aside": state.set_aside,
            "last_taken_at": None if state.last_us is None else instant(state.last_us),
            "trouble": state.trouble,
        }


def operator_token(directory: Path) -> str:
    """The token in `operator.token`, made where there is none: whoever may read that file is the operator."""
    path = directory / "operator.token"
    if not path.exists():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
        draft.rename(path)
    return path.read_text().strip()


if __name__ == "__main__":
    child.main(Control)
