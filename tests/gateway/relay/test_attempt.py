"""What an attempt tells its provider of the trace; the rest of its life is in the tests of the whole gateway."""

from __future__ import annotations

from typing import Any, cast

from gateway.outbound.wire import Origin
from gateway.relay.attempt import Trial
from gateway.traces.context import Trace

ORIGIN = Origin("https", "api.example.com", 443)


def trial() -> Trial:
    nobody = cast(Any, None)
    return Trial(nobody, nobody, nobody, nobody, 0)


def trace(*, passes: bool) -> Trace:
    return Trace("0af7651916cd43dd8448eb211c80319c", 0xA, sampled=True, passes=passes)


def test_each_attempt_has_a_span_of_its_own_however_many_requests_it_takes() -> None:
    one, other = trial(), trial()
    first = one.trace_lines(trace(passes=True), ORIGIN)
    assert one.trace_lines(trace(passes=True), ORIGIN) == first, "the rest of a stream is asked for"
    assert other.trace_lines(trace(passes=True), ORIGIN) != first
    assert one.sent is not None
    assert f"{one.sent.span:016x}".encode() in first
    assert (one.sent.host, one.sent.port) == ("api.example.com", 443)


def test_who_is_not_to_know_of_the_trace_is_told_nothing() -> None:
    one = trial()
    assert one.trace_lines(trace(passes=False), ORIGIN) == b""
    assert one.sent is not None, "the span is ours to tell of all the same"
