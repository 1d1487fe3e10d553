"""Spans as OpenTelemetry's protocol has them (OTLP, protobuf). The one home of the library.

Each span is written once, when its exchange is over, and kept as bytes: a batch is made of them by putting them one
behind the other, which is how protobuf writes repeated fields. Attributes that are the same in many spans are written
once and remembered.

https://opentelemetry.io/docs/specs/otlp/
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2 as trace

from gateway import __version__

from .spans import Attribute, Kind, Span

REMEMBERED, REMEMBERED_TOGETHER = 4096, 512
"""Attributes, and all those of a span together, that are written once. Clients make up some of their values, so this is
bounded."""

LONGEST_REMEMBERED = 2000

RESOURCE_SPANS = b"\x0a"
SCOPE_SPANS = b"\x12"
SPANS = b"\x12"
"""What stands before a message in the one around it: the number of its field and, as type, that its length follows."""

REMOTE_KNOWN, REMOTE = 0x100, 0x200
"""Flags of a span: it is known whether its parent is elsewhere; it is elsewhere."""

KINDS: dict[Kind, trace.Span.SpanKind.ValueType] = {
    "server": trace.Span.SPAN_KIND_SERVER,
    "client": trace.Span.SPAN_KIND_CLIENT,
}

K = TypeVar("K", bound=Hashable)

FIELDS: dict[type, str] = {bool: "bool_value", int: "int_value", float: "double_value"}
"""Where a value stands, by what it is."""


class Writer:
    """Writes the spans of one process, and reads what collectors answer."""

    content_type = "application/x-protobuf"

    def __init__(self, resource: Iterable[Attribute]) -> None:
        """`resource` is what all of its spans have in common."""
        self._remembered: dict[Attribute, bytes] = {}
        self._together: dict[Sequence[Attribute], bytes] = {}
        scope = InstrumentationScope(name="sluicegate", version=__version__)
        self._scope = trace.ScopeSpans(scope=scope).SerializeToString()
        about = Resource()
        _add(about, resource)
        self._resource = trace.ResourceSpans(resource=about).SerializeToString()

    def write(self, span: Span) -> bytes:
        """One span, as it stands in a batch."""
        context = span.trace
        own = trace.Span(
            trace_id=bytes.fromhex(context.id),
            span_id=span.id.to_bytes(8, "big"),
            parent_span_id=bytes.fromhex(span.parent),
            trace_state=context.state.decode("ascii"),
            flags=int(context.sampled) | REMOTE_KNOWN | (REMOTE if span.parent == context.parent != "" else 0),
            name=_clean(span.name),
            kind=KINDS[span.kind],
            start_time_unix_nano=span.began_us * 1000,
            end_time_unix_nano=span.ended_us * 1000,
        )
        _add(own, span.numbers)
        for name, at_us in span.events:
            own.events.add(name=name, time_unix_nano=at_us * 1000)
        if span.failed:
            own.status.code = trace.Status.STATUS_CODE_ERROR
        written = own.SerializeToString() + self._recall(span.words)
        return _framed(SPANS, written)

    def batch(self, spans: Iterable[bytes]) -> bytes:
        """The body of a request that brings these spans to a collector."""
        scope_spans = _framed(SCOPE_SPANS, self._scope + b"".join(spans))
        return _framed(RESOURCE_SPANS, self._resource + scope_spans)

    def rejected(self, body: bytes) -> tuple[int, str]:
        """How many spans a collector did not take of a batch that it took, and why. None, where it answers something
        else than this protocol asks for."""
        try:
            said = ExportTraceServiceResponse.FromString(body).partial_success
        except DecodeError:
            return 0, ""
        return said.rejected_spans, said.error_message

    def _recall(self, attributes: Sequence[Attribute]) -> bytes:
        """Attributes as they stand in a span, from memory: all of them together, or else each."""
        # To a dict `1` and `True` are the same: an attribute has values of one type.
        return self._together.get(attributes) or self._remember(attributes)

    def _remember(self, attributes: Sequence[Attribute]) -> bytes:
        together, remembered = self._together, self._remembered
        pairs = [pair for pair in attributes if pair[1] is not None]
        written = b"".join([remembered.get(pair) or self._remember_one(pair) for pair in pairs])
        _keep(together, attributes, written, REMEMBERED_TOGETHER)
        return written

    def _remember_one(self, attribute: Attribute) -> bytes:
        alone = trace.Span()
        _add(alone, (attribute,))
        written: bytes = alone.SerializeToString()
        _keep(self._remembered, attribute, written, REMEMBERED)
        return written


def _keep(memory: dict[K, bytes], key: K, written: bytes, most: int) -> None:
    """Remember it, unless it is long; a memory that is full begins anew."""
    if len(written) <= LONGEST_REMEMBERED:
        if len(memory) >= most:
            memory.clear()
        memory[key] = written


def _add(message: trace.Span | Resource, attributes: Iterable[Attribute]) -> None:
    """Put attributes into a message. One by one: made as messages and handed over, they take four times as long."""
    add = message.attributes.add
    for key, value in attributes:
        if value is None:
            continue
        if field := FIELDS.get(value.__class__):
            setattr(add(key=key).value, field, value)
        elif isinstance(value, str):
            add(key=key).value.string_value = _clean(value)
        elif isinstance(value, tuple):
            add(key=key).value.array_value.values.extend(AnyValue(string_value=_clean(each)) for each in value)


def _clean(text: str) -> str:
    """Half a surrogate pair, which a client may have sent, can not be written."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _framed(tag: bytes, message: bytes) -> bytes:
    """A message as a field of another: its tag, its length in groups of seven bits, the lowest first, and itself."""
    length, groups = len(message), bytearray()
    while length > 0x7F:
        groups.append(length & 0x7F | 0x80)
        length >>= 7
    groups.append(length)
    return b"%b%b%b" % (tag, bytes(groups), message)
