"""Composition root of a relay worker: inference in front, a small application, the rest forwarded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path

from gateway import __version__, assemble, child
from gateway.api.client_address import TrustedProxies
from gateway.api.cors import Cors
from gateway.api.endpoints import BY_PATH
from gateway.api.front import Front
from gateway.api.inference import Inference
from gateway.api.models import ModelList
from gateway.api.public import Public
from gateway.api.responses import ResponsesApi
from gateway.leash import Start
from gateway.observe.access_log import AccessLog
from gateway.observe.metrics import Metrics
from gateway.observe.tally import Readings
from gateway.outbound.guard import permit_of
from gateway.outbound.wire import Pool
from gateway.relay.estimator import Estimator
from gateway.relay.exchange import Exchange
from gateway.relay.forward import Forward
from gateway.relay.media import MediaFetcher
from gateway.relay.native import Native
from gateway.relay.recording import record_of
from gateway.relay.relay import Relay
from gateway.relay.sink import Message, Receive, Send
from gateway.settings.model import Settings
from gateway.store.responses import ResponseStore
from gateway.store.state import State, database_of
from gateway.usage import segments
from gateway.usage.spool import Spool, encode

USER_AGENT = f"sluicegate/{__version__}"

HOUSEKEEPING_SECONDS = 0.1
PUBLISH_EVERY = 10
"""Metrics are shared with the other workers at every so many rounds of housekeeping."""


class Worker:
    """One relay worker, as `child` serves it."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._settings = start.settings
        self._data_dir = Path(start.settings.server.data_dir)
        self._draining = False
        self._rounds = 0
        self._retired: list[Pool] = []

    def __call__(self, scope: Message, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request (ASGI)."""
        return self._front(scope, receive, send)

    async def start(self) -> None:
        """Open connections, spool and logs; nothing here waits for another process."""
        loop = asyncio.get_running_loop()
        settings = self._settings
        self._pool = Pool(settings.upstream, loop=loop, permit=permit_of(settings.network.allow))
        self._spool = Spool(self._data_dir / "spool", self._start.index, settings.usage)
        self._log = AccessLog(enabled=settings.server.access_log, style=settings.server.log_format)
        self._relay = Relay(self._pool, loop, self._record)
        self._metrics = Metrics(
            self._data_dir / "run" / "metrics",
            self._start.index,
            started_at_us=self._start.started_at_us,
            endpoints=tuple(BY_PATH),
            readings=self._readings,
        )
        self._inference = Inference(self._relay, assemble.keys_of(settings))
        self._public = Public(ModelList(self._relay), self._metrics, lambda: self._inference.keys)
        self._responses = ResponseStore(State(database_of(settings)), max_bytes=settings.responses.max_bytes)
        self._relay.responses = self._responses
        application = self._public.application()
        stored = ResponsesApi(self._responses, lambda: self._inference.keys, Native(self._relay).fetch)
        stored.add_to(application)
        await application.start()  # type: ignore[no-untyped-call]  # blacksheep leaves it untyped
        control_socket = str(self._data_dir / "run" / "control.sock")
        self._relay.count_texts = Estimator(self._relay, control_socket).count
        forward = Forward(self._pool, loop, control_socket)
        self._front = Front(self._inference, application, forward)
        self.reload(settings)
        self._relay.start()
        self._timer = loop.call_later(HOUSEKEEPING_SECONDS, self._keep_house)

    def reload(self, settings: Settings) -> None:
        """Go by these settings from the next request on; raises SettingsError to keep the old ones."""
        providers = assemble.providers_of(settings)
        resolver = assemble.resolver_of(settings, providers)
        keys, prices = assemble.keys_of(settings), assemble.prices_of(settings)
        if (settings.upstream, settings.network) != (self._settings.upstream, self._settings.network):
            self._retired.append(self._pool)
            pool = Pool(settings.upstream, permit=permit_of(settings.network.allow))
            self._pool = self._relay.pool = self._front.forward.pool = pool
        if settings.usage != self._settings.usage:
            self._spool.close()
            self._spool = Spool(self._data_dir / "spool", self._start.index, settings.usage)
        self._relay.reload(settings, providers, resolver, USER_AGENT)
        self._relay.fetch_media = MediaFetcher(settings, USER_AGENT).fetch
        self._inference.keys, self._prices = keys, prices
        cors = Cors(settings.server.cors_origins) if settings.server.cors_origins else None
        self._inference.cors = self._front.cors = cors
        self._front.proxies = TrustedProxies(settings.server.trusted_proxies)
        self._inference.proxies = self._front.proxies if settings.server.trusted_proxies else None
        self._responses.max_bytes = settings.responses.max_bytes
        self._log.configure(enabled=settings.server.access_log, style=settings.server.log_format)
        self._settings = settings

    def begin_drain(self) -> None:
        """Answer 503 to readiness and to new requests from now on."""
        self._inference.draining = self._public.draining = True

    def in_flight(self) -> int:
        """How many exchanges are running."""
        return len(self._relay.live)

    async def stop(self) -> None:
        """Cut what still runs, write every record, close."""
        self._timer.cancel()
        await self._relay.stop()
        await self._responses.close()
        self._spool.close()
        self._metrics.publish()
        self._log.close()
        for pool in (self._pool, *self._retired):
            await pool.close()

    def _record(self, exchange: Exchange) -> None:
        record = record_of(exchange, self._prices, self._start.index)
        self._spool.append(encode(record))
        self._metrics.observe(record)
        self._log.write(record, exchange.caller.method, exchange.caller.address)

    def _keep_house(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(HOUSEKEEPING_SECONDS, self._keep_house)
        self._spool.tick()
        self._log.flush()
        self._rounds += 1
        if self._rounds % PUBLISH_EVERY == 0:
            self._metrics.publish()
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
        )


if __name__ == "__main__":
    child.main(Worker)
