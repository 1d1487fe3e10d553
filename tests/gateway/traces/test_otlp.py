"""What is written is what the official messages read."""

from __future__ import annotations

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from gateway import __version__
from gateway.traces import otlp
from gateway.traces.context import Trace
from gateway.traces.otlp import Writer
from gateway.traces.spans import Span
from tests.otlp_collector import seen_in

TRACE = Trace(
    "0af7651916cd43dd8448eb211c80319c", 0xA, sampled=True, passes=True, parent="b7ad6b7169203331", state=b"a=b"
)


def span(**changes: object) -> Span:
    fields: dict[str, object] = {
        "name": "chat gpt",
        "kind": "server",
        "trace": TRACE,
        "id": 0xA,
        "parent": TRACE.parent,
        "began_us": 1_750_000_000_000_000,
        "ended_us": 1_750_000_001_500_000,
        "failed": False,
        "words": (("gen_ai.request.stream", True), ("error.type", None), ("http.response.status_code", 200)),
        "numbers": (("sluicegate.cost_usd", 0.5), ("gen_ai.usage.input_tokens", 0), ("sluicegate.dropped", ("a", "b"))),
        "events": (("first_token", 1_750_000_000_250_000),),
    }
    return Span(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.fixture
def writer() -> Writer:
    return Writer((("service.name", "gate"), ("process.pid", 7)))


def test_a_span_is_read_as_it_was_meant(writer: Writer) -> None:
    (seen,) = seen_in(writer.batch([writer.write(span())]))
    assert (seen.name, seen.kind, seen.trace, seen.id, seen.parent, seen.state) == (
        *("chat gpt", "server", TRACE.id, "000000000000000a", "b7ad6b7169203331", "a=b"),
    )
    assert (seen.began, seen.ended, seen.failed, seen.is_remote) == (1_750_000_000.0, 1_750_000_001.5, False, True)
    assert seen.attributes == {
        "gen_ai.request.stream": True,
        "http.response.status_code": 200,
        "sluicegate.cost_usd": 0.5,
        "gen_ai.usage.input_tokens": 0,
        "sluicegate.dropped": ["a", "b"],
    }
    assert [type(value) for value in seen.attributes.values()] == [float, int, list, bool, int]
    assert seen.events == {"first_token": pytest.approx(1_750_000_000.25)}
    assert seen.resource == {"service.name": "gate", "process.pid": 7}


def test_a_batch_holds_all_of_its_spans_and_says_who_wrote_them(writer: Writer) -> None:
    names = [f"chat {'m' * length}" for length in (1, 100, 127, 128, 16_000, 16_384, 70_000)]
    body = writer.batch(
        [writer.write(span(name=name, failed=True, kind="client", parent="0" * 15 + "a")) for name in names]
    )
    assert [(seen.name, seen.failed, seen.kind, seen.is_remote) for seen in seen_in(body)] == [
        (name, True, "client", False) for name in names
    ]
    (group,) = ExportTraceServiceRequest.FromString(body).resource_spans
    (scope,) = group.scope_spans
    assert (scope.scope.name, scope.scope.version) == ("sluicegate", __version__)


def test_a_trace_that_begins_here_has_no_parent(writer: Writer) -> None:
    root = Trace("0af7651916cd43dd8448eb211c80319c", 0xA, sampled=True, passes=True)
    (seen,) = seen_in(writer.batch([writer.write(span(trace=root, parent=""))]))
    assert (seen.parent, seen.is_remote, seen.state) == ("", False, "")


def test_attributes_are_the_same_from_memory(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "REMEMBERED", 3)
    monkeypatch.setattr(otlp, "REMEMBERED_TOGETHER", 2)
    monkeypatch.setattr(otlp, "LONGEST_REMEMBERED", 100)
    values: tuple[object, ...] = ("a", "b", "c", "d", "e" * 200, 1, 2, ("x", "y"), "a")
    for value in values * 2:
        (seen,) = seen_in(writer.batch([writer.write(span(words=(("said", value),)))]))
        assert seen["said"] == (list(value) if isinstance(value, tuple) else value)
        assert len(writer._remembered) <= 3
        assert len(writer._together) <= 2


@pytest.mark.parametrize("text", ["\ud800 half", "é中\U0001f600", "\x00\n", ""])
def test_any_text_can_be_written(writer: Writer, text: str) -> None:
    body = writer.batch(
        [writer.write(span(name=f"chat {text}", words=(("w", text),), numbers=(("n", text), ("l", (text,)))))]
    )
    (seen,) = seen_in(body)
    clean = text.replace("\ud800", "?")
    assert (seen.name, seen["w"], seen["n"], seen["l"]) == (f"chat {clean}", clean, clean, [clean])


def test_what_a_collector_did_not_take_is_read() -> None:
    said = ExportTraceServiceResponse()
    assert Writer(()).rejected(said.SerializeToString()) == (0, "")
    said.partial_success.rejected_spans = 3
    said.partial_success.error_message = "too old"
    assert Writer(()).rejected(said.SerializeToString()) == (3, "too old")
    assert Writer(()).rejected(b"<html>") == (0, "")
