"""Which trace an exchange belongs to, in the words of W3C Trace Context, and what providers are told of it.

Knows headers and chance. What spans say of an exchange, and where they go, others know.
https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from gateway.records import Parameters
from gateway.settings.model import TraceSettings

Header = tuple[bytes, bytes]

PARENT = b"traceparent"
STATE = b"tracestate"
BAGGAGE = b"baggage"
CONTEXT = frozenset((PARENT, STATE))

SAMPLED = 1
"""The one flag that there is."""

MOST_MEMBERS = 32
"""Of a `tracestate`; one with more is not passed on."""

RANDOM = (1 << 56) - 1
"""The part of a trace's id that is random in everybody's ids: by it the share that is sampled is chosen."""

PASSES = {"always": (True, True), "sampled": (False, True), "never": (False, False)}
"""What `traces.pass_on` means: of traces that are not sampled, and of those that are."""

_PARENT = re.compile(rb"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_KEY = rb"[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}"
_MEMBER = re.compile(rb"(" + _KEY + rb")=[ -+\--<>-~]{0,255}[!-+\--<>-~]")


class Parent(NamedTuple):
    """The span of somebody else that an exchange belongs to."""

    trace: str
    """Id of the trace, in hexadecimal."""
    span: str
    sampled: bool


class Sent(NamedTuple):
    """What is known of an attempt's span once its request is sent."""

    span: int
    host: str
    port: int
    parameters: Parameters | None = None
    """What was asked of the model; None where that is not told."""


class Trace(Struct, frozen=True, gc=False):
    """The trace of one exchange."""

    id: str
    """In hexadecimal."""
    span: int
    """Id of the exchange's own span."""
    sampled: bool
    """Whether anything of it is kept."""
    passes: bool
    """Whether providers are told."""
    parent: str = ""
    """The client's span, in hexadecimal; empty where the trace begins here."""
    state: bytes = b""
    """What the client said in `tracestate`."""

    def lines(self, span: int) -> bytes:
        """The header lines that tell a provider, each with its CRLF: the trace, and the span of the attempt."""
        said = b"traceparent: 00-%b-%016x-%02d\r\n" % (self.id.encode(), span, self.sampled)
        return b"%btracestate: %b\r\n" % (said, self.state) if self.state else said


class Tracing(Struct, frozen=True):
    """How exchanges are given their traces."""

    bound: int
    """Traces whose random part is below this are sampled."""
    passes: tuple[bool, bool]
    """Whether providers are told of traces that are not sampled, and of those that are."""

    @classmethod
    def of(cls, settings: TraceSettings) -> Tracing:
        """As the settings have it."""
        return cls(round(settings.sample * (RANDOM + 1)), PASSES[settings.pass_on])

    def begin(self, headers: Sequence[Header], named: Mapping[bytes, bytes]) -> Trace:
        """The trace of a request with these headers; `named` is the same by their names."""
        parent = None
        if PARENT in named and _is_alone(headers, named):
            parent = read_parent(named[PARENT])
        if parent is None:
            number = random.getrandbits(128) or 1  # names, not secrets
            sampled = number & RANDOM < self.bound
            return Trace(f"{number:032x}", new_span(), sampled, self.passes[sampled])
        state = read_state(headers) if STATE in named else b""
        return Trace(parent.trace, new_span(), parent.sampled, self.passes[parent.sampled], parent.span, state)


def kept_back(settings: TraceSettings) -> frozenset[bytes]:
    """Headers of clients that providers do not get as they are: ours go in their place, or none do."""
    if not any(PASSES[settings.pass_on]):
        return CONTEXT | {BAGGAGE}
    return CONTEXT if settings.enabled else frozenset()


def new_span() -> int:
    """The id of a span that nobody has."""
    return random.getrandbits(64) or 1


def read_parent(said: bytes) -> Parent | None:
    """What a `traceparent` says; None where it is not exactly what it should be. Of later versions only that is read
    which they share with the first."""
    found = _PARENT.fullmatch(said)
    if found is None:
        return None
    version, trace, span, flags, more = found.groups()
    if (version == b"00" and more is not None) or not trace.strip(b"0") or not span.strip(b"0"):
        return None
    return Parent(trace.decode(), span.decode(), bool(int(flags, 16) & SAMPLED))


def trace_id_of(trace: Trace | None, named: Mapping[bytes, bytes]) -> str | None:
    """Id of the trace that a request belongs to, for whoever looks for it: also where nobody here traces, and the
    client says one. None where there is nothing to be found."""
    if trace is not None:
        return trace.id if trace.sampled or trace.parent else None
    parent = read_parent(named.get(PARENT, b""))
    return parent.trace if parent is not None else None


def read_state(headers: Sequence[Header]) -> bytes:
    """The `tracestate` of a request, as one; empty where it is not what it should be."""
    said = b",".join(value for name, value in headers if name == STATE)
    members = [member for each in said.split(b",") if (member := each.strip(b" \t"))]
    keys = {found[1] for member in members if (found := _MEMBER.fullmatch(member)) is not None}
    return b",".join(members) if len(keys) == len(members) <= MOST_MEMBERS else b""


def _is_alone(headers: Sequence[Header], named: Mapping[bytes, bytes]) -> bool:
    """Whether `traceparent` is there once."""
    return len(headers) == len(named) or [name for name, _ in headers].count(PARENT) == 1
