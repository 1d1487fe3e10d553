"""A provider's stream: what each event tells, and what servers get wrong."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ProviderRefused, UpstreamClosed, UpstreamError, UpstreamMalformed
from gateway.formats.anthropic.event_reader import EventReader
from gateway.formats.events import (
    ChoiceEnd,
    CitationFound,
    Event,
    PartEnd,
    ReasoningDelta,
    ReasoningState,
    ReplyBegin,
    ReplyEnd,
    ReplyFailed,
    TextDelta,
    ToolBegin,
    ToolDelta,
    ToolEnd,
    UsageReported,
)
from gateway.formats.format import Fields
from gateway.formats.neutral import Citation, Finish, State, Usage

from .scene import told

START: Fields = {"type": "message_start", "message": {"id": "msg_1", "model": "m"}}
STOP: Fields = {"type": "message_stop"}
PAGE = {"type": "web_search_result_location", "url": "https://x", "title": "X", "cited_text": "t"}


def begin(block: Fields, index: int = 0) -> Fields:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(kind: str, index: int = 0, **fields: Any) -> Fields:
    return {"type": "content_block_delta", "index": index, "delta": {"type": f"{kind}_delta", **fields}}


def stop(index: int = 0) -> Fields:
    return {"type": "content_block_stop", "index": index}


def ended(reason: str = "end_turn", usage: Fields | None = None, **fields: Any) -> Fields:
    return {"type": "message_delta", "delta": {"stop_reason": reason, **fields}, "usage": usage or {}}


def blocks(*events: Fields) -> list[Event]:
    """What is told between beginning and end."""
    found = told(START, *events, ended(), STOP)
    assert found[0] == ReplyBegin("msg_1", "m")
    assert found[-2:] == [ChoiceEnd(Finish("stop")), ReplyEnd()]
    return found[1:-2]


TEXT = {"type": "text", "text": ""}
THINKING = {"type": "thinking", "thinking": "", "signature": ""}
CALL = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
SAID: list[Event] = [TextDelta("a"), PartEnd()]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((begin(TEXT), delta("text", text="a"), stop()), SAID),
        ((begin(TEXT), delta("text", text=""), stop()), []),
        ((begin({"type": "text", "text": "a"}), stop()), SAID),
        ((delta("text", text="a"), stop()), SAID),
        ((begin(TEXT), delta("text", text="a")), SAID),
        ((begin(TEXT), delta("text", text="a"), {"type": "ping"}, stop()), SAID),
        (
            (begin(THINKING), delta("thinking", thinking="a"), delta("signature", signature="S"), stop()),
            [ReasoningDelta("a"), ReasoningState(State("anthropic", "S"))],
        ),
        (
            (begin(THINKING), delta("signature", signature="S"), delta("signature", signature="T"), stop()),
            [ReasoningState(State("anthropic", "T"))],
        ),
        ((begin(THINKING), delta("thinking", thinking="a"), stop()), [ReasoningDelta("a"), PartEnd()]),
        (
            (begin({"type": "redacted_thinking", "data": "D"}), stop()),
            [ReasoningState(State("anthropic-redacted", "D"))],
        ),
        (
            (begin(CALL), delta("input_json", partial_json=""), delta("input_json", partial_json='{"a":1}'), stop()),
            [ToolBegin(0, "t", "f"), ToolDelta(0, '{"a":1}'), ToolEnd(0)],
        ),
        ((begin(CALL), stop()), [ToolBegin(0, "t", "f"), ToolDelta(0, "{}"), ToolEnd(0)]),
        (
            (begin({**CALL, "input": {"a": 1}}), stop()),
            [ToolBegin(0, "t", "f"), ToolDelta(0, '{"a":1}'), ToolEnd(0)],
        ),
        (
            (begin({**CALL, "input": {"a": 1}}), delta("input_json", partial_json='{"a":2}'), stop()),
            [ToolBegin(0, "t", "f"), ToolDelta(0, '{"a":2}'), ToolEnd(0)],
        ),
        (
            (begin(TEXT), delta("citations", citation=PAGE), delta("text", text="a"), stop()),
            [TextDelta("a"), CitationFound(Citation("https://x", "X", 0, 1)), PartEnd()],
        ),
        (
            (
                begin({"type": "server_tool_use", "id": "s", "name": "web_search"}),
                delta("input_json", partial_json="{}"),
            ),
            [],
        ),
        ((begin({"type": "web_search_tool_result", "content": []}), stop()), []),
        ((begin({"type": "future"}), delta("text", text="a"), delta("future", x=1), stop()), []),
        (({"type": "future_event", "k": 1},), []),
        ((START,), []),
    ],
)
def test_blocks_are_told_as_parts(events: tuple[Fields, ...], expected: list[Event]) -> None:
    assert blocks(*events) == expected


def test_calls_are_numbered_and_may_go_on_beside_each_other() -> None:
    second = {**CALL, "id": "u"}
    first = [begin(CALL, 1), begin(second, 2), delta("input_json", 2, partial_json="{"), stop(1)]
    found = blocks(*first, delta("input_json", 2, partial_json="}"), stop(2))
    assert found[:2] == [ToolBegin(0, "t", "f"), ToolBegin(1, "u", "f")]
    assert [each for each in found if isinstance(each, ToolDelta) and each.call == 1] == [
        ToolDelta(1, "{"),
        ToolDelta(1, "}"),
    ]


def test_later_numbers_replace_earlier_ones_field_by_field() -> None:
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 9, "cache_read_input_tokens": 2}}}
    usage = {"output_tokens": 5, "input_tokens": None, "output_tokens_details": {"thinking_tokens": 2}}
    found = [each.usage for each in told(start, ended(usage=usage), STOP) if isinstance(each, UsageReported)]
    assert found == [Usage(9, 2), Usage(9, 2, visible=3, reasoning=2)]


def test_an_answer_within_an_answer_is_a_failure() -> None:
    found = told(START, begin(TEXT), START)
    assert isinstance(found[-1], ReplyFailed)
    assert isinstance(found[-1].error, UpstreamMalformed)


def test_a_refusal_is_told_with_its_explanation() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "Not this."}
    assert told(START, ended("refusal", stop_details=details), STOP)[1:] == [
        ChoiceEnd(Finish("filter", detail="Not this.", category="cyber")),
        ReplyEnd(),
    ]


def test_a_stop_reason_is_as_good_as_an_end() -> None:
    assert told(START, ended("stop_sequence", stop_sequence="X"))[1:] == [
        ChoiceEnd(Finish("stop_sequence", "X")),
        ReplyEnd(),
    ]


def test_a_stream_that_only_stops_has_failed() -> None:
    found = told(START, begin(TEXT), delta("text", text="a"))
    assert isinstance(found[-1], ReplyFailed)
    assert isinstance(found[-1].error, UpstreamClosed)


@pytest.mark.parametrize("error", [{"type": "overloaded_error", "message": "Overloaded"}, "Overloaded"])
@pytest.mark.parametrize("kind", [{"type": "error"}, {}])
def test_an_error_ends_the_stream(error: object, kind: Fields) -> None:
    found = told(START, {**kind, "error": error}, STOP)
    assert isinstance(found[-1], ReplyFailed)
    assert isinstance(found[-1].error, ProviderRefused)
    assert found[-1].error.message == "Overloaded"


@pytest.mark.parametrize("data", [b"{", b"[]", b'"x"', b"1"])
def test_what_is_no_event_is_malformed(data: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        EventReader().feed(data)


def test_the_mark_of_other_streams_is_passed_over() -> None:
    assert list(EventReader().feed(b"[DONE]")) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
NAMES = ["type", "index", "delta", "content_block", "message", "usage", "error", "text", "input", "citations"]
GARBAGE = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4)
SOUND = st.sampled_from(
    [START, begin(TEXT), begin(CALL, 1), begin(THINKING, 2), delta("text", text="a"), stop(), stop(1), ended()]
)


def mixed(kind: str, fields: Fields, inner: Fields) -> Fields:
    return {**fields, "type": kind, "delta": inner or fields.get("delta"), "content_block": inner}


KINDS = ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "error"]
INNER = st.builds(
    lambda kind, fields: {**fields, "type": kind},
    st.sampled_from(["text", "tool_use", "thinking", "text_delta", "input_json_delta", "citations_delta"]),
    GARBAGE,
)


@given(st.lists(SOUND | GARBAGE | st.builds(mixed, st.sampled_from(KINDS), GARBAGE, INNER), max_size=8))
def test_whatever_comes_only_our_errors_come_out(events: list[Fields]) -> None:
    reader = EventReader()
    try:
        found = [event for each in events for event in reader.feed(orjson.dumps(each))]
        found += reader.close()
    except UpstreamError:
        return
    assert isinstance(found[-1], ReplyEnd | ReplyFailed)
    assert list(reader.feed(b"{}")) == list(reader.close()) == []
