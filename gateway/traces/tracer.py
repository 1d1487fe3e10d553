"""What a worker's exchanges leave for tracing, from the settings to the collector.

Knows the settings, and that the library may be missing: nothing of it is loaded before tracing is switched on. Spans
are made when exchanges are over, many at a time and never on somebody's way.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from importlib import import_module
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from gateway import __version__, logs
from gateway.errors import SettingsError
from gateway.outbound.wire import Pool
from gateway.settings.header_list import read_headers
from gateway.settings.model import Settings, TraceSettings, UpstreamSettings

from .outbox import Losses, Outbox
from .spans import Attribute, Ended, spans_of

if TYPE_CHECKING:
    from gateway.outbound.client import Fetched

KEY = "traces.enabled"

ANSWER_BYTES = 64 * 1024

log = logs.get("gateway.traces")


class Destination(NamedTuple):
    """Where spans go, and whose they are."""

    traces: TraceSettings
    upstream: UpstreamSettings
    node: str
    worker: int


class Tracer:
    """The tracing of one worker. Lives in one event loop."""

    def __init__(self, worker: int) -> None:
        self._worker = worker
        self._losses = Losses()
        self._ended: list[Ended] = []
        self._line: Line | None = None
        self._said: Destination | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def dropped(self) -> int:
        """Spans that nobody will see."""
        return self._losses.spans

    def follow(self, settings: Settings, node: str) -> None:
        """Go by these settings from the next exchange on, which `check` has looked at; `node` is the machine. What was
        gathered for another collector is still sent there."""
        traces = settings.traces
        said = Destination(traces, settings.upstream, node, self._worker) if traces.enabled else None
        if said != self._said:
            self.tell()
            self._leave()
            self._said, self._line = said, Line(said, self._losses) if said is not None else None

    def note(self, ended: Ended) -> None:
        """Keep an exchange for `tell`."""
        self._ended.append(ended)

    def tell(self) -> None:
        """Make spans of what was noted."""
        ended, self._ended = self._ended, []
        if self._line is None:
            return
        for one in ended:
            try:
                self._line.add(one)
            except Exception:  # one that cannot be told shall not keep the others from it
                log.exception("an exchange leaves no spans", id=one.record.id)

    async def close(self) -> None:
        """Send what is left, as far as that goes in a few seconds."""
        self.tell()
        self._leave()
        await asyncio.gather(*self._leaving)

    def _leave(self) -> None:
        """Let go of the collector that there was."""
        if self._line is not None:
            task = asyncio.create_task(self._line.close())
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
        self._line = None


class Line:
    """The way to one collector."""

    def __init__(self, said: Destination, losses: Losses) -> None:
        traces, upstream = said.traces, said.upstream
        self._writer: Any = _library().Writer(_resource(said))
        self._pool = Pool(upstream)
        proxy = "none" if upstream.proxy == "none" or _is_here(traces.endpoint) else ""
        from gateway.outbound.client import Fetcher  # noqa: PLC0415 # a library that a worker has no other use for

        self._fetch = Fetcher(self._pool, proxy=proxy, most_bytes=ANSWER_BYTES, seconds=traces.timeout_seconds)
        agent = {"user-agent": f"sluicegate/{__version__}"}
        self._headers = {**agent, **read_headers(traces.headers), "content-type": self._writer.content_type}
        self._endpoint = traces.endpoint
        self._outbox = Outbox(self._writer, self._post, losses)

    def add(self, ended: Ended) -> None:
        """Send the spans of an exchange, with others."""
        for span in spans_of(ended):
            self._outbox.add(self._writer.write(span))

    async def close(self) -> None:
        """Send what is left, and let go."""
        await self._outbox.close()
        await self._pool.close()

    async def _post(self, body: bytes) -> Fetched:
        return await self._fetch("POST", self._endpoint, self._headers, body)


def check(settings: TraceSettings) -> None:
    """Raises SettingsError where tracing is wanted, and what it asks for is not installed."""
    if not settings.enabled:
        return
    try:
        _library()
    except ImportError as error:
        message = f"`{KEY}` is set, and opentelemetry-proto is not installed: pip install 'sluicegate[otel]'"
        raise SettingsError(message, key=KEY) from error


def _library() -> Any:
    """The module that knows the library."""
    return import_module("gateway.traces.otlp")


def _resource(said: Destination) -> Iterator[Attribute]:
    """What is the same for all spans of a process."""
    yield "service.name", said.traces.service_name
    yield "service.version", __version__
    yield "service.instance.id", f"{said.node}/{said.worker}"
    yield "host.name", said.node
    yield "process.pid", os.getpid()


def _is_here(url: str) -> bool:
    """Whether an address leads to this machine: no proxy is asked for that."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
