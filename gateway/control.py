"""Composition root of the control process: management API, pages, analytics store and ingest, jobs, tokenizer.

It may start, stop or be killed at any time; the workers do not notice. That there is one at a time for a data directory
is `child`'s business: it holds the lock beside the socket from before `start` until after `stop`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from blacksheep import Application, Router

from gateway import __version__, assemble, child, logs
from gateway.api.counting import add_counting
from gateway.api.endpoints import ENDPOINTS
from gateway.api.management import OPERATIONS
from gateway.api.management.desk import Desk, Outcome, Read
from gateway.api.management.entrance import Door
from gateway.api.management.kept_answers import KeptAnswers, forget_old
from gateway.api.management.serve import ManagementApi
from gateway.assemble import Assembled
from gateway.browsers import guarding, is_secure
from gateway.catalog.registry import Registry
from gateway.catalog.served import Served
from gateway.child import Message, Reloads
from gateway.current import Current
from gateway.errors import SettingsError
from gateway.explaining.answer import Explanation
from gateway.explaining.explain import explained
from gateway.explaining.question import Question, Sight
from gateway.jobs import LIST_MODELS, REFRESH_PRICES, Clockwork
from gateway.leash import Start
from gateway.listing.refresh import Listing
from gateway.logins import Logins
from gateway.management import login
from gateway.management.limited import LimitedKeys
from gateway.management.office import Declared, new_id
from gateway.oversight import Oversight
from gateway.records import JobReport, RegistryState
from gateway.registry.refresh import Refreshing
from gateway.settings.instants import write_instant
from gateway.settings.model import Settings
from gateway.settings.overlay import Effective
from gateway.store.analytics import Analytics
from gateway.store.generations import Generations, shared_file
from gateway.store.responses import ResponseStore
from gateway.store.state import State, database_of
from gateway.tokenizer import Tokenizer
from gateway.unlock import begin
from gateway.usage import segments
from gateway.usage.ingest import Ingest, Task
from gateway.usage.ingest_thread import IngestThread
from web.page import Site
from web.site import add_pages

PATIENCE_SECONDS = 10.0
"""How long usage records are waited for that were there before."""
LOOK_SECONDS = 0.1

log = logs.get("gateway.control")


class Control:
    """The control process, as `child` serves it."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._settings = start.settings
        self._directory = Path(start.settings.server.data_dir).absolute()
        self._spool = self._directory / "spool"
        self._analytics = Analytics(
            self._directory / "usage.duckdb", self._spool, memory_limit=start.settings.usage.duckdb_memory_limit
        )
        self._ingest = Ingest(self._spool, self._analytics)
        self._thread = IngestThread(self._ingest)
        self.state = State(database_of(start.settings))
        """The operational state."""
        self.responses = ResponseStore(self.state, max_bytes=start.settings.responses.max_bytes)
        """Kept by the workers; what has expired is deleted here."""
        self.reloads = Reloads(start.outcome)
        """How reading the configuration file goes."""
        self._tokenizer = Tokenizer()
        self._in_flight = 0
        self._made_with = Served(), Registry("", {})
        self._made = assemble.assembled(Effective(Settings()), Settings(), *self._made_with)
        self._run_soon: Callable[[str], None] = _not_yet

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
            await self._current.catch_up()
            await self._app(scope, receive, guarding(send, secure=is_secure(dict(scope["headers"]))))
        finally:
            self._in_flight -= 1

    async def start(self) -> None:
        """Open the state, without which nobody can be told from anybody, and begin to ingest. An analytics store that
        cannot be opened now is tried again and again. Raises StateUnavailable, KeyUnusable."""
        self._desk = await self._open_desk()
        self._logins = Logins(self._desk)
        self._registry = Refreshing(self._directory, self._desk.generations, lambda: self._settings)
        self._listing = Listing(self._directory, self._desk.generations, lambda: (self._settings, self.made.providers))
        self._oversight = Oversight(self._directory, self._settings, self._analytics.read)
        self._limited = LimitedKeys(self._desk)
        self._current = Current(self._desk, self._follow)
        await self._current.start()
        await self._oversight.start()
        await asyncio.to_thread(self._thread.start)
        self._app = Application(router=Router(), show_error_details=False)
        # BlackSheep says a line for every refusal: what anybody can cause does not belong in the log.
        self._app.logger.setLevel(logging.WARNING)
        self._add_endpoints(self._app)
        await self._app.start()  # type: ignore[no-untyped-call] # BlackSheep's own
        self._clockwork = Clockwork(self)
        self._run_soon = self._clockwork.run_soon

    def reload(self, settings: Settings, origins: Mapping[str, str]) -> None:
        """Go by these settings from the next request on. The store keeps the memory limit it was opened with."""
        self._current.declare(Declared(settings, origins))

    def begin_drain(self) -> None:
        """Nothing: answers here are short, and what a worker still wants to show may be shown."""

    def in_flight(self) -> int:
        """How many requests are being answered."""
        return self._in_flight

    async def stop(self) -> None:
        """Take the segments that are closed, and shut the stores cleanly."""
        self._clockwork.end()
        self._current.stop()
        await asyncio.to_thread(self._tokenizer.end)
        await asyncio.to_thread(self._thread.stop)
        self._analytics.end()
        await self._oversight.close()
        await self._logins.close()
        await self.responses.close()
        await self.state.close()
        # `child` froze what start-up made; what DuckDB's binding finds frozen at exit it reports, at length, as leaked.
        gc.unfreeze()
        await self._app.stop()  # type: ignore[no-untyped-call] # BlackSheep's own

    # What jobs ask for

    async def write(self, task: Task) -> None:
        """Have this done on the analytics store's writing connection."""
        await asyncio.wrap_future(self._thread.submit(task))

    async def forget_what_is_over(self) -> None:
        """Delete sessions, links and answers that have had their time."""
        await login.forget_old(self._desk)
        await self.state.write(lambda session: forget_old(session, self._desk.now_us))

    async def refresh_prices(self) -> None:
        """Fetch the registry of models and prices, if it is due."""
        await self._registry.refresh_if_due()

    async def list_models(self) -> None:
        """Ask the providers that are due which models they serve."""
        await self._listing.refresh()

    async def raise_spent(self) -> None:
        """Have counted, at least, what the analytics store knows to be spent, with what waits for it by now."""
        waiting = {segment.name for segment in segments.closed(self._spool)}
        for _ in range(round(PATIENCE_SECONDS / LOOK_SECONDS)):
            if waiting.isdisjoint(segment.name for segment in segments.closed(self._spool)):
                break
            await asyncio.sleep(LOOK_SECONDS)
        await self._oversight.post(*await self._limited.read())

    # What operations ask for

    @property
    def read(self) -> Read:
        """Asks the analytics store."""
        return self._analytics.read

    def ingest_state(self) -> Mapping[str, Any]:
        """How records get into the analytics store."""
        state = self._ingest.state
        return {
            "segments_waiting": len(segments.closed(self._spool)),
            "spool_bytes": segments.weigh(self._spool),
            "records_taken": state.records,
            "lines_refused": state.refused,
            "segments_set_aside": state.set_aside,
            "last_taken_at": None if state.last_us is None else write_instant(state.last_us),
            "trouble": state.trouble,
        }

    async def job_reports(self) -> Sequence[JobReport]:
        """Every job."""
        return await self._clockwork.reports()

    def run_job(self, name: str) -> None:
        """Have a job done now. Raises UnknownResource."""
        if name == REFRESH_PRICES:
            self._registry.want()
        self._clockwork.run_soon(name)

    @property
    def made(self) -> Assembled:
        """What requests go by, with what is known of models by now."""
        known = self._listing.served, self._registry.held.registry
        if any(now is not before for now, before in zip(known, self._made_with, strict=True)):
            self._made, self._made_with = assemble.learnt(self._made, *known), known
        return self._made

    @property
    def oversight(self) -> Oversight:
        """Pools and limits."""
        return self._oversight

    def registry_state(self) -> RegistryState:
        """How the registry of models and prices is doing."""
        return self._registry.state()

    async def explain(self, question: Question) -> Explanation:
        """What would become of a request. Raises ControlUnavailable, StateUnavailable."""
        made, oversight = self.made, self._oversight
        sight = Sight(
            settings=made.settings,
            providers={provider.id: provider for provider in made.providers},
            resolver=made.resolver,
            prices=made.prices,
            known=made.known,
            rules=assemble.limit_rules_of(made.settings),
            board=oversight.board,
            limiter=oversight.limiter,
            responses=self.responses,
        )
        return await explained(question, sight, self._desk.now_us)

    def last_reload(self) -> Outcome | None:
        """How reading the configuration file went the last time."""
        return self.reloads.last

    async def reload_file(self) -> Outcome:
        """Have it read again. Raises TimeoutError."""
        return await self.reloads.ask()

    # Its making

    async def _open_desk(self) -> Desk:
        settings = self._settings
        unlocked = await self.state.write(lambda session: begin(session, settings))
        declared = Declared(settings, self._start.origins)
        generations = Generations(shared_file(self._directory))
        return Desk(self.state, generations, unlocked.secrets, declared, around=self)

    def _follow(self, effective: Effective) -> None:
        self._settings = effective.settings
        self.responses.max_bytes = effective.settings.responses.max_bytes
        known = self._listing.served, self._registry.held.registry
        try:
            self._made, self._made_with = assemble.assembled(effective, self._desk.declared.settings, *known), known
        except SettingsError as error:
            log.error("providers are refused, those that were known are asked for models", reason=str(error))
        self._oversight.follow(effective.settings, assemble.limit_rules_of(effective.settings))
        self._run_soon(LIST_MODELS)

    def _add_endpoints(self, app: Application) -> None:
        token = operator_token(self._directory / "run")
        door = Door(self._desk, token, demo=self._start.demo)
        add_counting(app, self._tokenizer.count)
        add_pages(app, self._site(door))
        answers = KeptAnswers(self._desk)
        ManagementApi(
            OPERATIONS, office=self._desk, entrance=door, answers=answers, new_id=lambda: new_id(self._desk.now_us)
        ).add_to(app)

    def _site(self, door: Door) -> Site:
        return Site(
            read=self._analytics.read,
            settings=lambda: self._settings,
            demo=self._start.demo,
            version=__version__,
            started_at_us=self._start.started_at_us,
            endpoints=tuple(endpoint.path for endpoint in ENDPOINTS),
            office=self._desk,
            entrance=door,
            login=self._logins,
        )


def _not_yet(name: str) -> None:
    """Jobs begin at the end of the start, and each is done soon after it."""


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
