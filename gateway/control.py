"""Composition root of the control process: management API, pages, analytics store and ingest, jobs, tokenizer.

It may start, stop or be killed at any time; the workers do not notice. That there is one at a time for a data directory
is `child`'s business: it holds the lock beside the socket from before `start` until after `stop`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from blacksheep import Application

from gateway import __version__, assemble, child, cores, logs, threads, turns
from gateway.api.counting import add_counting
from gateway.api.endpoints import ENDPOINTS
from gateway.api.management import OPERATIONS
from gateway.api.management.desk import Desk, Read
from gateway.api.management.entrance import Door
from gateway.api.management.kept_answers import KeptAnswers, forget_old
from gateway.api.management.probes import ask
from gateway.api.management.serve import ManagementApi
from gateway.application import new_application
from gateway.assemble import Assembled
from gateway.browsers import guarding, is_secure
from gateway.captures.retention import tidy_now
from gateway.catalog.registry import Registry
from gateway.catalog.served import Served, ServedList
from gateway.child import Message, Reloads
from gateway.current import Current
from gateway.errors import SettingsError
from gateway.explaining.answer import Explanation
from gateway.explaining.explain import explained
from gateway.explaining.question import Question, Sight
from gateway.foresight import Foresight
from gateway.inspection import Inspection
from gateway.jobs import LIST_MODELS, REFRESH_PRICES, Clockwork
from gateway.leash import Start
from gateway.listing.refresh import Listing
from gateway.live.feed import Feed
from gateway.live.look import facts_of
from gateway.live.words import socket_in
from gateway.logins import Logins
from gateway.lookout import Lookout, Sources, watching
from gateway.management import login
from gateway.management.limited import LimitedKeys
from gateway.management.office import Declared, new_id
from gateway.management.probes import Found
from gateway.management.reloads import Outcome
from gateway.management.rests import Pools
from gateway.operator_token import operator_token
from gateway.oversight import Oversight
from gateway.playing import Playing
from gateway.records import Credential, JobReport, Price, Provider, RegistryState
from gateway.registry.refresh import Refreshing
from gateway.seeding.furnishing import Furnishing
from gateway.settings.model import Settings
from gateway.settings.overlay import Effective
from gateway.store.analytics import Analytics
from gateway.store.asking.queries import Queries
from gateway.store.generations import Generations, shared_file
from gateway.store.responses import ResponseStore
from gateway.store.state import State, database_of
from gateway.tokenizer import Tokenizer
from gateway.unlock import begin
from gateway.upkeep.rolling import Beginnings
from gateway.upkeep.upkeep import Upkeep
from gateway.usage.ingest import Task
from gateway.usage_store import UsageStore
from web.burning import Ration
from web.colours import Colours
from web.page import Site
from web.ranks import ranked
from web.site import add_pages

T = TypeVar("T")

log = logs.get("gateway.control")


class Control:
    """The control process, as `child` serves it."""

    def __init__(self, start: Start) -> None:
        cores.keep_aside(start.settings.server.workers)
        self._start, self._settings = start, start.settings
        self._directory = Path(start.settings.server.data_dir).absolute()
        self._usage = UsageStore(self._directory, lambda: self._settings, self._begun)
        self._analytics, self._ingest = self._usage.analytics, self._usage.ingest
        self.state = State(database_of(start.settings))
        """The operational state."""
        self.responses = ResponseStore(self.state, max_bytes=start.settings.responses.max_bytes)
        """Kept by the workers; what has expired is deleted here."""
        self.reloads = Reloads(start.outcome)
        """How reading the configuration file goes."""
        self.feed = Feed(lambda: facts_of(self._directory, self.ingest_state()), most=start.settings.live.max_viewers)
        """What happens at this moment."""
        self.playing = Playing(self._directory)
        self.inspection = Inspection(start, lambda: self._settings, self)
        """How all of it is doing."""
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
        threads.begin_usual()
        self._desk = await self._open_desk()
        self._logins = Logins(self._desk)
        self._registry = Refreshing(self._directory, self._desk.generations, lambda: self._settings)
        self._listing = Listing(self._directory, self._desk.generations, lambda: (self._settings, self.made.providers))
        self._oversight = Oversight(self._directory, self._settings, self._analytics.read)
        self._limited = LimitedKeys(self._desk)
        self.alerts = watching(self._desk, self._sources())
        """What is wrong, and who is told."""
        self._lookout = Lookout(self._sources())
        self._current = Current(self._desk, self._follow)
        await self._current.start()
        await self._oversight.start()
        await self._usage.start()
        await self.feed.start(socket_in(self._directory))
        self._app = new_application()
        # BlackSheep says a line for every refusal: what anybody can cause does not belong in the log.
        self._app.logger.setLevel(logging.WARNING)
        self._add_endpoints(self._app)
        await self._app.start()  # type: ignore[no-untyped-call] # BlackSheep's own
        self._clockwork = Clockwork(self)
        self._run_soon = self._clockwork.run_soon
        self._furnishing = Furnishing(self._directory, self._desk, self, self._analytics.read)
        if self._start.lively:
            self._furnishing.begin(self._start.started_at_us, self._start.history)

    def reload(self, settings: Settings, origins: Mapping[str, str]) -> None:
        """Go by these settings from the next request on. The store keeps the memory limit it was opened with."""
        self._current.declare(Declared(settings, origins))

    def begin_drain(self) -> None:
        """End what would never end. Other answers are short, and what a worker still wants to show may be shown."""
        self.feed.close()

    def in_flight(self) -> int:
        """How many requests are being answered."""
        return self._in_flight

    async def stop(self) -> None:
        """Take the segments that are closed, and shut the stores cleanly."""
        self.feed.close()
        self._clockwork.end()
        await self._furnishing.end()
        self._current.stop()
        await asyncio.to_thread(self._tokenizer.end)
        await self._usage.stop()
        await self._oversight.close()
        await self._logins.close()
        await self.responses.close()
        await self.state.close()
        # `child` froze what start-up made; what DuckDB's binding finds frozen at exit it reports, at length, as leaked.
        gc.unfreeze()
        await self._app.stop()  # type: ignore[no-untyped-call] # BlackSheep's own

    # What jobs ask for

    async def write(self, task: Task[T]) -> T:
        """Have this done on the analytics store's writing connection; what it gives."""
        return await self._usage.write(task)

    @property
    def upkeep(self) -> Upkeep:
        """What becomes of usage records."""
        return self._usage.upkeep

    async def forget_what_is_over(self) -> None:
        """Delete sessions, links and answers that have had their time."""
        await login.forget_old(self._desk)
        await self.state.write(lambda session: forget_old(session, self._desk.now_us))
        await self.alerts.forget()

    async def refresh_prices(self) -> None:
        """Fetch the registry of models and prices, if it is due."""
        await self._registry.refresh_if_due()

    async def list_models(self) -> None:
        """Ask the providers that are due which models they serve."""
        await self._listing.refresh()

    async def raise_spent(self) -> None:
        """Have counted, at least, what the analytics store knows to be spent, with what waits for it by now."""
        await self._usage.catch_up()
        await self._oversight.post(*await self._limited.read())

    async def forget_captures(self) -> None:
        """Delete captures that have had their time, or for which there is no room."""
        await tidy_now(self._directory, self._settings.capture)

    async def watch_alerts(self) -> None:
        """See what is wrong, and have it told."""
        await self.alerts.watch()

    async def _begun(self) -> Beginnings:
        """Since when limits count."""
        _, resets = await self._limited.read()
        return Beginnings(self._oversight.periods_began_us(), resets)

    # What operations ask for

    @property
    def read(self) -> Read:
        """Asks the analytics store."""
        return self._analytics.read

    @property
    def analytics(self) -> Analytics:
        """The store of usage records, to be asked."""
        return self._analytics

    @property
    def queries(self) -> Queries:
        """Where SQL of people's own is run."""
        return self._analytics.queries

    def ingest_state(self) -> Mapping[str, Any]:
        """How records get into the analytics store."""
        return self._usage.state()

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
    def providers(self) -> Sequence[Provider]:
        """What requests are sent to."""
        return self.made.providers

    @property
    def rolled_until_us(self) -> int:
        """Up to when sums of days can be asked in place of requests."""
        return self.upkeep.rolled_until_us

    async def rations(self, key_ids: Collection[str] | None = None) -> Sequence[Ration]:
        """Every budget and quota, or those of these keys, and what of it is used; none while nobody can tell."""
        found = await self._lookout.rations(key_ids) or ()
        return [Ration(**{name: getattr(one, name) for name in Ration._fields}) for one in found]

    def price_of(self, provider: str, model: str) -> Price | None:
        """What a model costs now."""
        return self.made.prices.find(provider, model)

    @property
    def oversight(self) -> Oversight:
        """Pools and limits."""
        return self._oversight

    @property
    def pools(self) -> Pools:
        """Who rests."""
        return self._oversight.board

    def registry_state(self) -> RegistryState:
        """How the registry of models and prices is doing."""
        return self._registry.state()

    async def ask(self, provider: Provider, credential: Credential, model: str, settings: Settings) -> Found:
        """Ask a provider with a credential. Raises InvalidRequest."""
        return await ask(provider, credential, model, settings)

    def listed(self, provider: Provider) -> ServedList | None:
        """The models that a provider says it serves."""
        return self._listing.served.of(provider)

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

    @property
    def foresight(self) -> Foresight:
        """What there is to be asked for, and what would become of it."""
        return Foresight(self._desk)

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
        return Desk(self.state, Generations(shared_file(self._directory)), unlocked.secrets, declared, around=self)

    def _sources(self) -> Sources:
        return Sources(
            settings=lambda: self._settings,
            providers=lambda: self.made.providers,
            oversight=self._oversight,
            keys=self._limited,
            read=self._analytics.read,
            registry=self._registry.state,
            trouble=lambda: self._ingest.state.trouble,
        )

    def _follow(self, effective: Effective) -> None:
        self._settings = effective.settings
        self.responses.max_bytes = effective.settings.responses.max_bytes
        self.feed.most = effective.settings.live.max_viewers
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
            read=self._analytics.lately,
            settings=lambda: self._settings,
            demo=self._start.demo,
            version=__version__,
            started_at_us=self._start.started_at_us,
            endpoints=tuple(endpoint.path for endpoint in ENDPOINTS),
            office=self._desk,
            entrance=door,
            login=self._logins,
            colours=Colours(partial(ranked, self._analytics.read, lambda: self.rolled_until_us)),
            around=self,
        )


def _not_yet(name: str) -> None:
    """Jobs begin at the end of the start, and each is done soon after it."""


if __name__ == "__main__":
    turns.give_turns()
    child.main(Control)
