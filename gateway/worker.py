"""Composition root of a relay worker: inference in front, a small application, the rest forwarded."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from blacksheep import Application

from gateway import __version__, assemble, child, logs
from gateway.api.client_address import TrustedProxies
from gateway.api.cors import Cors
from gateway.api.endpoints import BY_PATH
from gateway.api.front import Front
from gateway.api.inference import Inference
from gateway.api.models import ModelList
from gateway.api.public import Public
from gateway.api.responses import ResponsesApi
from gateway.api.sockets import Sockets
from gateway.capturing import Captures
from gateway.catalog.presets import presets
from gateway.errors import SettingsError
from gateway.freshness import Followers, Freshness
from gateway.leash import Start
from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.remote import remote_of
from gateway.listing.kept import held as kept_lists
from gateway.live.glimpse import Glimpses
from gateway.live.teller import Teller
from gateway.live.words import socket_in
from gateway.observe.access_log import AccessLog
from gateway.observe.metrics import Metrics
from gateway.observe.tally import Readings
from gateway.outbound.guard import permit_of
from gateway.outbound.wire import Pool
from gateway.pools.board import Board
from gateway.records import ClientKey, UsageRecord
from gateway.registry.kept import held as kept_registry
from gateway.relay import spans, standing
from gateway.relay.allowance import settle, settle_in_full
from gateway.relay.caller import Caller
from gateway.relay.estimator import Estimator
from gateway.relay.exchange import Exchange
from gateway.relay.forward import Forward
from gateway.relay.media import MediaFetcher
from gateway.relay.native import Native
from gateway.relay.recording import Place, record_of
from gateway.relay.relay import Relay, Setup, Shared
from gateway.relay.sink import Message, Receive, Send
from gateway.settings.model import Settings
from gateway.settings.overlay import overlay
from gateway.settings.stored import StoredObject
from gateway.shared.memory import SharedMemory
from gateway.store.followed import Followed
from gateway.store.generations import Generations, shared_file
from gateway.store.responses import ResponseStore
from gateway.store.state import State, database_of
from gateway.traces import tracer
from gateway.traces.context import Trace
from gateway.traces.tracer import Tracer
from gateway.usage import segments
from gateway.usage.spool import Spool, encode
from gateway.uses import Uses

USER_AGENT = f"sluicegate/{__version__}"

HOUSEKEEPING_SECONDS = 0.1
PUBLISH_EVERY = 10
"""Metrics are shared with the other workers at every so many rounds of housekeeping."""

AT_ONCE = 32
"""Exchanges that are counted and written to the log together: one after another they take half the time that they take
between requests, when the processor has to fetch everything anew."""


log = logs.get("worker")


class Basis(NamedTuple):
    """What a worker's settings are made of."""

    settings: Settings
    """What file, environment and command line say."""
    origins: Mapping[str, str]
    objects: Sequence[StoredObject]
    """What the database says."""


class Worker:
    """One relay worker, as `child` serves it."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._settings = start.settings
        self._basis = Basis(start.settings, start.origins, ())
        self._data_dir = Path(start.settings.server.data_dir)
        self._draining = False
        self._rounds = 0
        self._ended: list[tuple[UsageRecord, Caller]] = []
        """Exchanges that are recorded, and not yet counted nor in the log."""
        self._retired: list[Pool] = []

    def __call__(self, scope: Message, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request (ASGI)."""
        return self._front(scope, receive, send)

    async def start(self) -> None:
        """Open connections, spool and logs; nothing here waits for another process."""
        loop = asyncio.get_running_loop()
        self._open(loop)
        self._follow_others()
        control_socket = str(self._data_dir / "run" / "control.sock")
        estimator = Estimator(lambda: self._pool, control_socket)
        self._relay.count_texts, self._relay.count_soon = estimator.count, estimator.count_soon
        forward = Forward(self._pool, loop, control_socket)
        application = await self._application()
        sockets = Sockets(forward, lambda: self._settings.live.max_viewers)
        self._front = Front(self._inference, application, forward, sockets)
        self._go_by(self._basis)
        await self._fresh.start()
        if self._remote is not None:
            await self._remote.start()
        self._relay.start()
        self._timer = loop.call_later(HOUSEKEEPING_SECONDS, self._keep_house)

    def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        """What requests go through, and what they leave."""
        settings, index = self._settings, self._start.index
        self._pool = Pool(settings.upstream, loop=loop, permit=permit_of(settings.network.allow))
        self._spool = Spool(self._data_dir / "spool", index, settings.usage)
        self._tracer = Tracer(index)
        self._log = AccessLog(enabled=settings.server.access_log, style=settings.server.log_format)
        memory = SharedMemory(shared_file(self._data_dir))
        self._local = EmbeddedLimiter(memory, index)
        self._remote = remote_of(settings.limits, self._local)
        board = Board(memory, settings.rests, index)
        self._relay = Relay(self._pool, loop, self._record, Shared(board, self._remote or self._local))
        self._state = State(database_of(settings))
        self._captures = Captures(self._relay, self._state, settings)
        self._metrics = Metrics(
            self._data_dir / "run" / "metrics",
            index,
            started_at_us=self._start.started_at_us,
            endpoints=tuple(BY_PATH),
            readings=self._readings,
        )
        self._metrics.catch_up = self._tell_ended
        glimpses = Glimpses(index)
        self._teller = Teller(
            socket_in(self._data_dir), index, lambda: glimpses.take(self._relay.live, self._pool.connections_open)
        )

    def _follow_others(self) -> None:
        """What other processes write and this one goes by: keys and configuration, prices, lists of models."""
        settings, generations = self._settings, Generations(shared_file(self._data_dir))
        self._registry = Followed(generations, partial(kept_registry, self._data_dir), self._learn)
        self._lists = Followed(generations, partial(kept_lists, self._data_dir), self._learn)
        self._fresh = Freshness(
            State(database_of(settings)),
            generations,
            settings,
            Followers(keys=self._review, configuration=self._follow, use=self._used),
        )
        self._uses = Uses(self._state)
        self._responses = ResponseStore(self._state, max_bytes=settings.responses.max_bytes)
        self._relay.responses = self._responses

    async def _application(self) -> Application:
        """What a worker answers beside inference."""
        self._inference = Inference(self._relay, self._fresh)
        self._public = Public(ModelList(self._relay), self._metrics, self._fresh)
        application = self._public.application()
        ResponsesApi(self._responses, self._fresh, Native(self._relay).fetch).add_to(application)
        await application.start()  # type: ignore[no-untyped-call]  # blacksheep leaves it untyped
        return application

    def reload(self, settings: Settings, origins: Mapping[str, str]) -> None:
        """Go by these settings from the next request on; raises SettingsError to keep the old ones."""
        self._go_by(Basis(settings, origins, self._basis.objects))

    def _go_by(self, basis: Basis) -> None:
        """What was said, with what the database says laid over it. Raises SettingsError before anything is changed."""
        effective = overlay(basis.settings, basis.origins, basis.objects, presets=presets())
        settings = effective.settings
        made = assemble.assembled(effective, basis.settings, self._lists.held, self._registry.held.registry)
        keys = assemble.keys_of(settings)
        tracer.check(settings.traces)
        if (settings.upstream, settings.network) != (self._settings.upstream, self._settings.network):
            self._retired.append(self._pool)
            pool = Pool(settings.upstream, permit=permit_of(settings.network.allow))
            self._pool = self._relay.pool = self._front.forward.pool = pool
        if settings.usage != self._settings.usage:
            self._spool.close()
            self._spool = Spool(self._data_dir / "spool", self._start.index, settings.usage)
        self._relay.reload(Setup(settings, made.providers, made.resolver, made.prices, USER_AGENT, made.known))
        self._captures.follow(settings.capture)
        self._relay.board.follow(settings.rests)
        self._relay.limiter.follow(assemble.limit_rules_of(settings), settings.limits.time_zone)
        self._relay.fetch_media = MediaFetcher(settings, USER_AGENT).fetch
        cors = Cors(settings.server.cors_origins) if settings.server.cors_origins else None
        self._inference.cors = self._front.cors = cors
        self._front.proxies = TrustedProxies(settings.server.trusted_proxies)
        self._inference.proxies = self._front.proxies if settings.server.trusted_proxies else None
        self._responses.max_bytes = settings.responses.max_bytes
        self._tell_ended()
        self._log.configure(enabled=settings.server.access_log, style=settings.server.log_format)
        logs.configure(settings.server.log_format, settings.server.log_level)
        self._place = Place(self._start.index, settings.server.node or socket.gethostname())
        self._tracer.follow(settings, self._place.node)
        self._settings, self._basis, self._made = settings, basis, made
        self._fresh.say(keys)

    def _follow(self, objects: Sequence[StoredObject]) -> None:
        """The database says something else of the configuration."""
        if not objects and not self._basis.objects:
            return
        try:
            self._go_by(self._basis._replace(objects=objects))
        except SettingsError as error:
            log.error("the configuration in the database is refused, the former one stays", reason=str(error))

    def _learn(self) -> None:
        """More is known of models, or of what they cost."""
        made = self._made = assemble.learnt(self._made, self._lists.held, self._registry.held.registry)
        self._relay.prices = made.prices
        self._relay.learn(made.resolver, made.known)

    def _review(self, rotated: frozenset[str]) -> None:
        """Keys are not what they were: end what they no longer allow."""
        standing.review(self._relay.live, self._fresh.ring, time.time_ns() // 1000, rotated)

    def _used(self, key: ClientKey) -> None:
        self._uses.note(key.id, time.time_ns() // 1000)

    def begin_drain(self) -> None:
        """Answer 503 to readiness and to new requests from now on."""
        self._inference.draining = self._public.draining = True
        self._front.sockets.close()

    def in_flight(self) -> int:
        """How many exchanges are running."""
        return len(self._relay.live)

    async def stop(self) -> None:
        """Cut what still runs, write every record, close."""
        self._timer.cancel()
        await self._relay.stop()
        # Records first: a database that does not answer may keep the rest from ending in time.
        self._spool.close()
        self._tell_ended()
        self._metrics.publish()
        self._log.close()
        if self._remote is not None:
            await self._remote.close()
        ending = (self._fresh.close(), self._uses.finish(), self._registry.close(), self._lists.close())
        await asyncio.gather(self._tracer.close(), self._teller.close(), *ending)
        await self._captures.close()
        await self._responses.close()
        for pool in (self._pool, *self._retired):
            await pool.close()

    def _record(self, exchange: Exchange) -> None:
        try:
            record = record_of(exchange, self._relay.prices, self._place)
        except Exception:  # whatever it was, nothing may stay set aside for an exchange that is over
            log.exception("an exchange leaves no record", id=exchange.id)
            settle_in_full(exchange)
            return
        # Before the record is written: what kill -9 leaves between the two is spent all the same.
        settle(exchange, record.tokens.input + record.tokens.output, record.cost_nano_usd or 0)
        self._spool.append(encode(record))
        self._ended.append((record, exchange.caller))
        if exchange.trace is not None and exchange.trace.sampled:
            self._tell_spans(exchange, record, exchange.trace)
        if len(self._ended) >= AT_ONCE:
            self._tell_ended()

    def _tell_spans(self, exchange: Exchange, record: UsageRecord, trace: Trace) -> None:
        try:
            self._tracer.note(spans.ended(exchange, record, trace))
        except Exception:  # what is told of an answer shall not keep its client from the end of it
            log.exception("an exchange leaves no spans", id=exchange.id)

    def _tell_ended(self) -> None:
        """Whatever may come a little later: metrics, the access log, and when keys were used."""
        ended, self._ended = self._ended, []
        for record, caller in ended:
            self._metrics.observe(record)
            self._log.write(record, caller.method, caller.address)
            if record.key_id is not None:
                self._uses.note(record.key_id, record.started_at_us)
        self._tracer.tell()
        if ended:
            self._teller.note([record for record, _ in ended])

    def _keep_house(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(HOUSEKEEPING_SECONDS, self._keep_house)
        self._spool.tick()
        self._tell_ended()
        self._log.flush()
        self._fresh.tick()
        self._registry.tick()
        self._lists.tick()
        self._rounds += 1
        if self._rounds % PUBLISH_EVERY == 0:
            self._metrics.publish()
            self._captures.tick()
            self._uses.tick()
            self._teller.tick()
            self._close_retired()

    def _close_retired(self) -> None:
        """Connections under old settings end when the last exchange on them has."""
        for pool in [pool for pool in self._retired if not pool.calls_in_flight]:
            self._retired.remove(pool)
            self._closing = asyncio.ensure_future(pool.close())

    def _readings(self) -> Readings:
        pool, live = self._pool, self._relay.live
        return Readings(
            in_flight=len(live),
            streams_open=sum(exchange.is_streaming for exchange in live),
            connections_open=pool.connections_open,
            connections_idle=pool.connections_idle,
            connections_opened=pool.connections_opened,
            spool_backlog_bytes=segments.weigh(self._data_dir / "spool"),
            records_dropped=self._spool.dropped,
            log_lines_dropped=self._log.dropped,
            captures_dropped=self._captures.dropped,
            spans_dropped=self._tracer.dropped,
        )


if __name__ == "__main__":
    child.main(Worker)
