"""Which trace a request belongs to, by the letter of W3C Trace Context."""

from __future__ import annotations

import re

import pytest

from gateway.settings.model import TraceSettings
from gateway.traces.context import (
    MOST_MEMBERS,
    Parent,
    Trace,
    Tracing,
    kept_back,
    new_span,
    read_parent,
    read_state,
    trace_id_of,
)

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01".encode()


def begun(*headers: tuple[bytes, bytes], sample: float = 1.0, pass_on: str = "always") -> Trace:
    """The trace of a request with these headers."""
    settings = TraceSettings(enabled=True, sample=sample, pass_on=pass_on)  # type: ignore[arg-type]
    return Tracing.of(settings).begin(headers, dict(headers))


def test_what_a_client_says_is_read() -> None:
    assert read_parent(PARENT) == Parent(TRACE, SPAN, sampled=True)
    assert read_parent(PARENT[:-2] + b"00") == Parent(TRACE, SPAN, sampled=False)
    assert read_parent(PARENT[:-2] + b"fe") == Parent(TRACE, SPAN, sampled=False), "other flags are nobody's business"
    assert read_parent(PARENT[:-2] + b"03") == Parent(TRACE, SPAN, sampled=True)


@pytest.mark.parametrize("more", [b"", b"-", b"-what-comes"])
def test_of_a_later_version_what_is_known_is_read(more: bytes) -> None:
    assert read_parent(b"cc" + PARENT[2:] + more) == Parent(TRACE, SPAN, sampled=True)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"00-1",
        PARENT + b"-more",
        PARENT + b" ",
        b" " + PARENT,
        PARENT.upper(),
        b"ff" + PARENT[2:],
        b"cc" + PARENT[2:] + b".more",
        b"0x" + PARENT[2:],
        PARENT.replace(b"-", b"_"),
        PARENT[:-1],
        PARENT[:-2] + b"0g",
        f"00-{'0' * 32}-{SPAN}-01".encode(),
        f"00-{TRACE}-{'0' * 16}-01".encode(),
        f"00-{TRACE[:-1]}-{SPAN}-01".encode(),
        f"00-{TRACE}0-{SPAN}-01".encode(),
        f"00-{TRACE}-{SPAN[:-1]}g-01".encode(),
        PARENT + b"\n",
        f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01".encode(),
    ],
)
def test_what_is_not_exactly_right_begins_a_new_trace(said: bytes) -> None:
    assert read_parent(said) is None
    trace = begun((b"traceparent", said), (b"tracestate", b"a=b"))
    assert (trace.parent, trace.state) == ("", b"")
    assert re.fullmatch("[0-9a-f]{32}", trace.id)
    assert trace.id != TRACE


def test_a_parent_said_twice_is_none() -> None:
    assert begun((b"traceparent", PARENT), (b"traceparent", PARENT)).parent == ""
    assert begun((b"x", b"1"), (b"x", b"2"), (b"traceparent", PARENT)).parent == SPAN


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ([b"a=b"], b"a=b"),
        ([b"a=b , c@d=e f\t", b"", b"g-h_i*j/k=~"], b"a=b,c@d=e f,g-h_i*j/k=~"),
        ([b"0t@v=1"], b"0t@v=1"),
        ([b",a=b,,"], b"a=b"),
        ([b"a= b"], b"a= b"),
        ([b"a=b", b"a=c"], b""),
        ([b"A=b"], b""),
        ([b"0a=b"], b""),
        ([b"a=b=c"], b""),
        ([b"a="], b""),
        ([b"a"], b""),
        ([b"a=\xc3\xa9"], b""),
        ([b"a=" + b"b" * 257], b""),
        ([b"a=" + b"b" * 256], b"a=" + b"b" * 256),
        ([b",".join(b"k%d=v" % number for number in range(MOST_MEMBERS + 1))], b""),
    ],
)
def test_a_state_is_passed_on_as_a_whole_or_not_at_all(said: list[bytes], read: bytes) -> None:
    assert read_state([(b"tracestate", each) for each in said]) == read
    headers = [(b"traceparent", PARENT), *((b"tracestate", each) for each in said)]
    assert begun(*headers).state == read


def test_whoever_began_a_trace_has_decided_whether_it_is_sampled() -> None:
    sampled, other = (b"traceparent", PARENT), (b"traceparent", PARENT[:-2] + b"00")
    assert begun(sampled, sample=0.0).sampled
    assert not begun(other, sample=1.0).sampled
    assert begun(sampled).id == begun(other).id == TRACE


def test_of_traces_that_begin_here_a_share_is_sampled() -> None:
    assert all(begun().sampled for _ in range(100))
    assert not any(begun(sample=0.0).sampled for _ in range(100))
    share = sum(begun(sample=0.25).sampled for _ in range(4000)) / 4000
    assert 0.2 < share < 0.3


def test_the_share_is_chosen_by_the_random_part_of_the_id() -> None:
    traces = [begun(sample=0.5) for _ in range(200)]
    assert all(trace.sampled == (int(trace.id[-14:], 16) < 1 << 55) for trace in traces)


def test_ids_are_never_repeated() -> None:
    traces = [begun() for _ in range(1000)]
    assert len({trace.id for trace in traces} | {trace.span for trace in traces} | {new_span()}) == 2001


def test_a_provider_is_told_of_the_attempt() -> None:
    trace = begun((b"traceparent", PARENT), (b"tracestate", b"a=b"))
    assert trace.lines(0xABC) == f"traceparent: 00-{TRACE}-0000000000000abc-01\r\ntracestate: a=b\r\n".encode()
    alone = begun(sample=0.0)
    assert alone.lines(1) == f"traceparent: 00-{alone.id}-0000000000000001-00\r\n".encode()


@pytest.mark.parametrize(("pass_on", "told"), [("always", (True, True)), ("sampled", (False, True))])
def test_providers_are_told_as_the_settings_say(pass_on: str, told: tuple[bool, bool]) -> None:
    assert (begun(sample=0.0, pass_on=pass_on).passes, begun(pass_on=pass_on).passes) == told
    assert not begun(pass_on="never").passes


def test_what_a_client_says_goes_along_only_where_nobody_here_traces() -> None:
    both = {b"traceparent", b"tracestate"}
    assert kept_back(TraceSettings()) == set()
    assert kept_back(TraceSettings(pass_on="sampled")) == set()
    assert kept_back(TraceSettings(enabled=True)) == both


@pytest.mark.parametrize("enabled", [True, False])
def test_where_nobody_is_to_be_told_baggage_is_kept_too(enabled: bool) -> None:
    everything = {b"traceparent", b"tracestate", b"baggage"}
    assert kept_back(TraceSettings(enabled=enabled, pass_on="never")) == everything


def test_a_record_names_the_trace_where_there_is_something_to_be_found() -> None:
    named = {b"traceparent": PARENT}
    assert trace_id_of(None, named) == TRACE, "nobody here traces, but the client does"
    assert trace_id_of(None, {b"traceparent": b"nonsense"}) is None
    assert trace_id_of(None, {}) is None
    unsampled = begun((b"traceparent", PARENT[:-2] + b"00"))
    assert trace_id_of(unsampled, named) == TRACE
    here = begun()
    assert trace_id_of(here, {}) == here.id
    assert trace_id_of(begun(sample=0.0), {}) is None
