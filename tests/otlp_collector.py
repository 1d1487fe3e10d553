"""An OpenTelemetry collector for tests: a real socket that takes OTLP over HTTP, and reads it by the official messages.

What it answers is the test's to say: a status, a pause before it, spans that it does not take.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Written
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.waiting import until

KINDS = {Written.SPAN_KIND_SERVER: "server", Written.SPAN_KIND_CLIENT: "client"}


@dataclass(frozen=True)
class Seen:
    """A span as a collector understands it. Times are Unix seconds."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    state: str
    began: float
    ended: float
    failed: bool
    is_remote: bool
    """Its parent is elsewhere."""
    attributes: Mapping[str, Any]
    events: Mapping[str, float]
    resource: Mapping[str, Any]

    def __getitem__(self, attribute: str) -> Any:
        return self.attributes[attribute]


def seen_in(body: bytes) -> list[Seen]:
    """The spans of a batch."""
    return [
        _seen(span, _pairs(group.resource.attributes))
        for group in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]


def _seen(span: Written, resource: Mapping[str, Any]) -> Seen:
    assert len(span.trace_id) == 16
    assert len(span.span_id) == 8
    assert len(span.parent_span_id) in (0, 8)
    assert span.flags & 0x1FF == 0x101, "it is sampled, and known where its parent is"
    return Seen(
        span.name,
        KINDS[span.kind],
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.trace_state,
        span.start_time_unix_nano / 1e9,
        span.end_time_unix_nano / 1e9,
        span.status.code == Status.STATUS_CODE_ERROR,
        bool(span.flags & 0x200),
        _pairs(span.attributes),
        {event.name: event.time_unix_nano / 1e9 for event in span.events},
        resource,
    )


def _pairs(attributes: Any) -> dict[str, Any]:
    pairs = {pair.key: _value(pair.value) for pair in attributes}
    assert len(pairs) == len(attributes), "an attribute twice"
    return pairs


def _value(value: AnyValue) -> Any:
    which = value.WhichOneof("value")
    assert which is not None, "an attribute without a value"
    said = getattr(value, which)
    return [_value(each) for each in said.values] if which == "array_value" else said


@dataclass
class Collector:
    """A running collector. `statuses` are answered one after another, the last of them for ever."""

    port: int = 0
    statuses: list[int] = field(default_factory=lambda: [200])
    answering: threading.Event = field(default_factory=threading.Event)
    """Cleared, it takes what comes and does not answer."""
    rejected: int = 0
    taken: list[Seen] = field(default_factory=list)
    """Spans of batches that were answered with 200."""
    asked: list[int] = field(default_factory=list)
    """The status of each answer."""
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """What `traces.endpoint` is to say."""
        return f"http://127.0.0.1:{self.port}/v1/traces"

    def spans(self, count: int, seconds: float = 10.0, **attributes: Any) -> list[Seen]:
        """The spans with these attributes, once there are so many; dots of their names are double underscores."""
        wanted = {name.replace("__", "."): value for name, value in attributes.items()}

        def found() -> list[Seen] | None:
            some = [span for span in list(self.taken) if wanted.items() <= span.attributes.items()]
            return some if len(some) >= count else None

        spans = until(found, seconds)
        assert spans is not None
        assert len(spans) == count, [span.name for span in spans]
        return spans

    def trace(self, trace: str, count: int, seconds: float = 10.0) -> list[Seen]:
        """The spans of a trace, once there are so many; those of the gateway's clients first."""

        def found() -> list[Seen] | None:
            some = [span for span in list(self.taken) if span.trace == trace]
            return some if len(some) >= count else None

        spans = until(found, seconds)
        assert spans is not None
        assert len(spans) == count, [span.name for span in spans]
        return sorted(spans, key=lambda span: (span.kind == "client", span.began))


class Asked(BaseHTTPRequestHandler):
    """One connection to the collector."""

    protocol_version = "HTTP/1.1"
    collector: Collector

    def do_POST(self) -> None:
        there = self.collector
        body = self.rfile.read(int(self.headers["content-length"]))
        there.headers.append({name.lower(): value for name, value in self.headers.items()})
        there.bodies.append(body)
        if not there.answering.wait(30):
            return
        status = there.statuses.pop(0) if len(there.statuses) > 1 else there.statuses[0]
        answer = b""
        if self.path != "/v1/traces":
            status = 404
        if status == 200:
            there.taken.extend(seen_in(body))
            said = ExportTraceServiceResponse()
            if there.rejected:
                said.partial_success.rejected_spans = there.rejected
                said.partial_success.error_message = "too old"
            answer = said.SerializeToString()
        there.asked.append(status)
        with suppress(OSError):  # whoever asked may have had enough of waiting
            self._answer(status, answer)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 # the name that it is called by
        """Nothing is said on standard error."""


class Server(ThreadingHTTPServer):
    """Ends with its threads, whatever they wait for."""

    daemon_threads = True
    block_on_close = False


@contextmanager
def collecting(port: int = 0) -> Iterator[Collector]:
    """A collector, in threads of its own."""
    collector = Collector()
    collector.answering.set()
    with Server(("127.0.0.1", port), type("Here", (Asked,), {"collector": collector})) as server:
        collector.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield collector
        finally:
            collector.answering.set()
            server.shutdown()
            thread.join()
