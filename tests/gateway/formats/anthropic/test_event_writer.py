"""Streams for a client. `written` has the official SDK check every event and add them up."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UpstreamClosed
from gateway.formats.anthropic.errors import refusal
from gateway.formats.anthropic.event_writer import EventWriter
from gateway.formats.anthropic.reply_writer import write_reply
from gateway.formats.events import (
    ChancesDelta,
    ChoiceEnd,
    CitationFound,
    Event,
    ImageWhole,
    PartEnd,
    ReasoningDelta,
    ReasoningState,
    RefusalDelta,
    ReplyBegin,
    ReplyEnd,
    TextDelta,
    ToolBegin,
    ToolDelta,
    ToolEnd,
    UsageReported,
)
from gateway.formats.fold import unfold
from gateway.formats.format import Fields
from gateway.formats.neutral import (
    Choice,
    Citation,
    Finish,
    Image,
    Part,
    Reasoning,
    Refusal,
    Reply,
    Source,
    State,
    Text,
    TokenChance,
    ToolCall,
    Usage,
)
from gateway.formats.settle import Settle
from gateway.formats.tool_names import ToolNames

from .scene import context, parsed, whole, written

STOP = (ChoiceEnd(Finish("stop")), ReplyEnd())
GEMINI = State("gemini", "G")


def content(*events: Event) -> list[Fields]:
    """The blocks of a whole stream."""
    return whole(written([ReplyBegin(), *events, *STOP]))


def text(value: str) -> Fields:
    return {"type": "text", "text": value}


def thought(value: str, signature: str) -> Fields:
    return {"type": "thinking", "thinking": value, "signature": signature}


def call(own_id: str, **given: object) -> Fields:
    return {"type": "tool_use", "id": own_id, "name": "f", "input": given}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((TextDelta("a"), TextDelta("b")), [text("ab")]),
        ((TextDelta("a"), PartEnd(), TextDelta("b")), [text("a"), text("b")]),
        ((TextDelta("a"), RefusalDelta("no")), [text("a"), text("no")]),
        ((TextDelta("a"), TextDelta("x", choice=1)), [text("a")]),
        ((ReasoningDelta("t"), TextDelta("a")), [thought("t", "gw1.none."), text("a")]),
        (
            (ReasoningDelta("t"), ReasoningState(State("anthropic", "S")), TextDelta("a")),
            [thought("t", "S"), text("a")],
        ),
        ((ReasoningState(State("openai", "rs~E")),), [thought("", "gw1.openai.rs~E")]),
        ((ReasoningDelta("t"), PartEnd(), ReasoningDelta("u")), [thought("t", "gw1.none."), thought("u", "gw1.none.")]),
        (
            (ReasoningDelta("t"), ReasoningState(State("anthropic-redacted", "D"))),
            [thought("t", "gw1.none."), {"type": "redacted_thinking", "data": "D"}],
        ),
        (
            (ReasoningDelta("t"), ToolBegin(0, "c", "f", state=GEMINI), ToolEnd(0)),
            [thought("t", "gw1.gemini.G"), call("c")],
        ),
        (
            (ReasoningDelta("t"), PartEnd(), ToolBegin(0, "c", "f", state=GEMINI), ToolEnd(0)),
            [thought("t", "gw1.gemini.G"), call("c")],
        ),
        (
            (TextDelta("a"), ToolBegin(0, "c", "f", state=GEMINI), ToolDelta(0, '{"x":1}'), ToolEnd(0)),
            [text("a"), thought("", "gw1.gemini.G"), call("c", x=1)],
        ),
        (
            (CitationFound(Citation("https://x", "X")), TextDelta("a"), CitationFound(Citation("https://x", "X"))),
            [text("a\n\nSources:\n- [X](https://x)")],
        ),
        (
            (TextDelta("a"), PartEnd(), CitationFound(Citation("https://x"))),
            [text("a\n\nSources:\n- https://x")],
        ),
        ((ChancesDelta((TokenChance("a", 0.0),)), ImageWhole(Image(Source("url", "u")))), []),
    ],
)
def test_parts_are_blocks(events: tuple[Event, ...], expected: list[Fields]) -> None:
    assert content(*events) == expected


INTERLEAVED: list[Event] = [
    ToolBegin(0, "a", "f"),
    ToolDelta(0, '{"x"'),
    ToolBegin(1, "b", "f"),
    ToolDelta(1, '{"y"'),
    TextDelta("t"),
    ToolDelta(0, ":1}"),
    ToolDelta(1, ":2}"),
    ToolEnd(0),
    ToolEnd(1),
]


def test_calls_beside_each_other_go_out_one_after_another() -> None:
    assert content(*INTERLEAVED) == [call("a", x=1), call("b", y=2), text("t")]


def test_a_prefix_that_is_no_object_does_not_end_a_call() -> None:
    events = (ToolBegin(0, "a", "f"), ToolBegin(1, "b", "f"), ToolDelta(1, "{}"), ToolDelta(0, '{"x":"}'))
    assert content(*events, ToolDelta(0, '{"}'), ToolEnd(0), ToolEnd(1)) == [call("a", x="}{"), call("b")]


def test_a_whole_call_ends_when_another_begins() -> None:
    events = (ToolBegin(0, "a", "f"), ToolDelta(0, "{}"), ToolBegin(1, "b", "f"), ToolDelta(1, '{"y":2}'))
    writer = EventWriter(context())
    raw = b"".join([writer.write(event) for event in events])
    assert [block["id"] for block in whole(parsed(raw))] == ["a", "b"]


def test_calls_without_an_end_are_ended_with_the_answer() -> None:
    assert content(*INTERLEAVED[:-2]) == [call("a", x=1), call("b", y=2), text("t")]


def test_a_call_without_an_id_gets_one() -> None:
    blocks = content(ToolBegin(0, "", "f"), ToolEnd(0), ToolBegin(1, "", "f"), ToolEnd(1))
    assert all(block["id"].startswith("toolu_") for block in blocks)
    assert blocks[0]["id"] != blocks[1]["id"]


def test_the_beginning_waits_and_then_has_the_input_that_is_known() -> None:
    writer = EventWriter(context())
    assert writer.write(ReplyBegin("x", "m")) == b""
    assert writer.write(UsageReported(Usage(3, 4, 5, visible=7))) == b""
    begin = parsed(writer.write(TextDelta("a")))[0]["message"]
    assert (begin["id"], begin["model"], begin["content"]) == ("msg_ab12", "claude", [])
    assert begin["usage"] == {
        "input_tokens": 3,
        "cache_creation_input_tokens": 5,
        "cache_read_input_tokens": 4,
        "output_tokens": 0,
    }
    assert writer.open() == b""


def test_the_end_comes_once_with_all_numbers() -> None:
    late = UsageReported(Usage(3, 4, 5, tool_prompt=1, visible=7, reasoning=2))
    events = written([TextDelta("a"), ChoiceEnd(Finish("length")), late, ReplyEnd()])
    assert events[-2] == {
        "type": "message_delta",
        "delta": {"stop_reason": "max_tokens", "stop_sequence": None},
        "usage": {
            "input_tokens": 4,
            "cache_creation_input_tokens": 5,
            "cache_read_input_tokens": 4,
            "output_tokens": 9,
            "output_tokens_details": {"thinking_tokens": 2},
        },
    }
    assert events[-1] == {"type": "message_stop"}


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("context_full", "model_context_window_exceeded"),
        ("tool_calls", "tool_use"),
        ("filter", "refusal"),
        ("refusal", "refusal"),
        ("pause", "pause_turn"),
        ("other", "end_turn"),
    ],
)
def test_each_finish_has_its_word(finish: str, reason: str) -> None:
    events = written([ChoiceEnd(Finish(finish)), ReplyEnd()])  # type: ignore[arg-type]  # as the table says
    assert [event["type"] for event in events] == ["message_start", "message_delta", "message_stop"]
    assert events[1]["delta"]["stop_reason"] == reason


def test_a_blocked_prompt_says_so() -> None:
    delta = written([ChoiceEnd(Finish("filter", detail="Prompt blocked: SAFETY")), ReplyEnd()])[1]["delta"]
    assert delta["stop_details"] == {"type": "refusal", "category": None, "explanation": "Prompt blocked: SAFETY"}


def test_the_stop_sequence_is_told() -> None:
    delta = written([ChoiceEnd(Finish("stop_sequence", "X")), ReplyEnd()])[1]["delta"]
    assert delta == {"stop_reason": "stop_sequence", "stop_sequence": "X"}


def test_a_failure_is_one_event_and_nothing_after_it() -> None:
    writer = EventWriter(context())
    raw = writer.write(TextDelta("a")) + writer.fail(UpstreamClosed("The provider's stream ended early."))
    assert parsed(raw)[-1] == {
        "type": "error",
        "error": {"type": "api_error", "message": "The provider's stream ended early."},
    }


def test_an_overloaded_provider_is_told_as_such() -> None:
    raw = EventWriter(context()).fail(refusal({"type": "overloaded_error", "message": "Overloaded"}))
    assert orjson.loads(raw.partition(b"data: ")[2])["error"]["type"] == "overloaded_error"


PIECES = st.sampled_from(
    [
        TextDelta("a"),
        TextDelta("b", choice=1),
        ReasoningDelta("t"),
        ReasoningState(GEMINI),
        ReasoningState(State("anthropic-redacted", "D")),
        RefusalDelta("no"),
        PartEnd(),
        CitationFound(Citation("https://x", "X")),
        ImageWhole(Image(Source("url", "u"))),
        UsageReported(Usage(1)),
        *(ToolBegin(number, f"c{number}", "f") for number in range(3)),
        ToolBegin(3, "c3", "f", state=GEMINI),
        *(ToolDelta(number, piece) for number in range(4) for piece in ('{"a":', "1", "}", '{"b":{}}')),
        *(ToolEnd(number) for number in range(4)),
    ]
)


def settled(events: list[Event]) -> list[Event]:
    settle = Settle(ToolNames())
    once: list[Event] = []
    begun: set[int] = set()
    for event in events:
        if isinstance(event, ToolBegin) and event.call in begun:
            continue
        begun |= {event.call} if isinstance(event, ToolBegin) else set()
        once += settle.feed(event)
    return [*once, *settle.feed(ReplyEnd())]


def stream_of(events: list[Event]) -> bytes:
    writer = EventWriter(context())
    return b"".join([writer.write(event) for event in settled(events)])


@given(st.lists(PIECES, max_size=14))
def test_in_whatever_order_they_come_blocks_follow_each_other(events: list[Event]) -> None:
    raw = stream_of(events)
    kinds = [line[7:] for line in raw.split(b"\n") if line.startswith(b"event: ")]
    assert kinds[0] == b"message_start"
    assert kinds[-2:] == [b"message_delta", b"message_stop"]
    assert kinds.count(b"content_block_start") == kinds.count(b"content_block_stop")
    begun = [event for event in settled(events) if isinstance(event, ToolBegin)]
    assert raw.count(b'"type":"tool_use"') == len(begun)


STATES = st.sampled_from([None, GEMINI, State("anthropic", "S"), State("anthropic-redacted", "D")])
WORDS = st.sampled_from(["a", "b"])
PARTS = st.one_of(
    st.builds(Text, WORDS, citations=st.sampled_from([(), (Citation("https://x", "X"),)])),
    st.builds(Refusal, WORDS),
    st.builds(Reasoning, WORDS, STATES.filter(lambda state: state is None or state.origin != "anthropic-redacted")),
    st.builds(
        ToolCall,
        st.sampled_from(["", "c"]),
        st.just("f"),
        st.sampled_from(["", "{}", '{"a":{}}']),
        state=st.sampled_from([None, GEMINI]),
    ),
)


@given(st.lists(PARTS, max_size=6))
def test_a_stream_adds_up_to_the_whole_message(parts: list[Part]) -> None:
    reply = Reply("x", "m", (Choice(tuple(parts), Finish("stop")),))
    assert whole(written(unfold(reply))) == write_reply(reply, context())["content"]
