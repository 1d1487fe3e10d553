"""Streams of chat providers, as OpenAI gives them and with all that compatible servers do differently."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.errors import ProviderRefused, UpstreamClosed, UpstreamError, UpstreamMalformed
from gateway.formats.events import (
    ChancesDelta,
    ChoiceEnd,
    CitationFound,
    Event,
    ImageWhole,
    ReasoningDelta,
    ReasoningState,
    RefusalDelta,
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
from gateway.formats.neutral import Citation, Finish, Image, Source, State, TokenChance, Usage
from gateway.formats.openai_chat.event_reader import EventReader

from .scene import BEGIN, STOPPED, chunk, heard, told

USAGE: Fields = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
REPORTED = UsageReported(Usage(fresh=3, visible=2))


def failure(events: list[Event]) -> UpstreamError:
    *_, last = events
    assert isinstance(last, ReplyFailed)
    return last.error


def test_a_stream_is_read_as_it_comes() -> None:
    assert told(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hel"}),
        chunk({"content": "lo"}),
        chunk(finish="stop"),
        {"id": "chatcmpl-1", "model": "m", "choices": [], "usage": USAGE},
        b"[DONE]",
    ) == [BEGIN, TextDelta("Hel"), TextDelta("lo"), REPORTED, *STOPPED]


@pytest.mark.parametrize(
    ("delta", "events"),
    [
        ({}, []),
        ({"content": None}, []),
        ({"content": ""}, []),
        ({"role": "", "content": "a"}, [TextDelta("a")]),
        ({"role": "assistant", "content": "a", "tool_calls": None}, [TextDelta("a")]),
        ({"content": [{"type": "text", "text": "a"}, {"text": "b"}]}, [TextDelta("ab")]),
        ({"reasoning_content": "hm"}, [ReasoningDelta("hm")]),
        ({"reasoning": "hm"}, [ReasoningDelta("hm")]),
        ({"reasoning_content": "hm", "reasoning": "hm"}, [ReasoningDelta("hm")]),
        ({"reasoning_content": "", "content": "a"}, [TextDelta("a")]),
        ({"reasoning_content": None, "content": "a"}, [TextDelta("a")]),
        ({"reasoning_content": "hm", "content": "a"}, [ReasoningDelta("hm"), TextDelta("a")]),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}, [ReasoningDelta("hm")]),
        ({"reasoning": "hm", "reasoning_details": [{"text": "hm"}]}, [ReasoningDelta("hm")]),
        (
            {"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "S"}]},
            [ReasoningDelta("hm"), ReasoningState(State("anthropic", "S"))],
        ),
        (
            {"reasoning_content": "hm", "thinking_blocks": [{"type": "thinking", "thinking": "hm"}]},
            [ReasoningDelta("hm")],
        ),
        ({"thinking_blocks": None, "content": "a"}, [TextDelta("a")]),
        ({"refusal": "no"}, [RefusalDelta("no")]),
        (
            {"annotations": [{"type": "url_citation", "url_citation": {"url": "u", "end_index": 3}}]},
            [CitationFound(Citation("u", end=3))],
        ),
        (
            {"images": [{"image_url": {"url": "data:image/png;base64,aGk="}}]},
            [ImageWhole(Image(Source("base64", "aGk=", "image/png")))],
        ),
    ],
)
def test_a_piece_is_read_however_a_server_writes_it(delta: Fields, events: list[Event]) -> None:
    assert heard(chunk(delta)) == events


def test_whole_messages_in_a_stream_are_read_too() -> None:
    whole = {"id": "chatcmpl-1", "model": "m", "choices": [{"index": 0, "message": {"content": "a"}}]}
    assert heard(whole) == [TextDelta("a")]


def test_chances_are_read_with_their_text() -> None:
    logged = {"content": [{"token": "a", "logprob": -0.5, "bytes": None, "top_logprobs": []}]}
    piece = chunk({"content": "a"})
    piece["choices"][0]["logprobs"] = logged
    assert heard(piece) == [TextDelta("a"), ChancesDelta((TokenChance("a", -0.5),))]


def test_calls_are_complete_when_the_answer_is() -> None:
    first = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}
    assert told(
        chunk({"tool_calls": [first]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}, 7]}),
        chunk(finish="tool_calls"),
        b"[DONE]",
    ) == [
        BEGIN,
        ToolBegin(0, "c1", "f"),
        ToolDelta(0, "{}"),
        ToolEnd(0),
        ChoiceEnd(Finish("tool_calls", detail="tool_calls")),
        ReplyEnd(),
    ]


def test_a_call_that_comes_with_or_behind_the_end_is_not_lost() -> None:
    call = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{}"}}
    for pieces in ([chunk({"tool_calls": [call]}, "stop")], [chunk(finish="stop"), chunk({"tool_calls": [call]})]):
        assert told(*pieces, b"[DONE]") == [
            BEGIN,
            ToolBegin(0, "c1", "f"),
            ToolDelta(0, "{}"),
            ToolEnd(0),
            *STOPPED,
        ]


def test_older_calls_are_read() -> None:
    pieces = (chunk({"function_call": {"name": "f", "arguments": ""}}), chunk({"function_call": {"arguments": "{}"}}))
    assert heard(*pieces) == [ToolBegin(0, "", "f"), ToolDelta(0, "{}"), ToolEnd(0)]
    ended = told(chunk({"function_call": {"name": "f", "arguments": "{}"}}, "function_call"))
    assert ended[1:] == [
        ToolBegin(0, "", "f"),
        ToolDelta(0, "{}"),
        ToolEnd(0),
        ChoiceEnd(Finish("tool_calls", detail="function_call")),
        ReplyEnd(),
    ]


# Usage


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(finish="stop", usage=USAGE)],
        [chunk(finish="stop", usage=None), {"choices": [], "usage": USAGE}],
        [chunk(finish="stop"), {"usage": USAGE}],
        [chunk(finish="stop"), chunk(usage=USAGE)],
    ],
)
def test_usage_may_be_anywhere(chunks: list[Fields]) -> None:
    events = told(chunk({"content": "a"}), *chunks)
    assert [event for event in events if isinstance(event, UsageReported)] == [REPORTED]
    assert events[-1] == ReplyEnd()


def test_usage_within_the_last_choice_is_read() -> None:
    piece = chunk(finish="stop")
    piece["choices"][0]["usage"] = USAGE
    assert told(piece) == [BEGIN, REPORTED, *STOPPED]


def test_of_several_usages_each_is_reported_so_that_the_last_holds() -> None:
    grown = {**USAGE, "completion_tokens": 4}
    events = told(chunk({"content": "a"}, usage=USAGE), chunk(finish="stop", usage=grown))
    assert [event.usage.visible for event in events if isinstance(event, UsageReported)] == [2, 4]


@pytest.mark.parametrize("usage", [None, {}, [], "x", {"prompt_tokens": 0, "completion_tokens": 0}])
def test_usage_that_says_nothing_is_not_reported(usage: Any) -> None:
    assert heard(chunk(usage=usage)) == []


# Ends


def test_an_end_needs_no_mark() -> None:
    assert told(chunk({"content": "a"}), chunk(finish="stop")) == [BEGIN, TextDelta("a"), *STOPPED]


@pytest.mark.parametrize("finish", [None, ""])
def test_a_mark_is_an_end_though_no_reason_was_given(finish: str | None) -> None:
    events = told(chunk({"content": "a"}, finish), b"[DONE]")
    assert events == [BEGIN, TextDelta("a"), ChoiceEnd(Finish("stop")), ReplyEnd()]


def test_a_stream_that_just_ends_was_cut() -> None:
    events = told(chunk({"content": "a"}))
    assert events[:-1] == [BEGIN, TextDelta("a")]
    assert isinstance(failure(events), UpstreamClosed)


def test_a_stream_in_which_one_of_the_answers_has_no_end_was_cut() -> None:
    events = told(chunk({"content": "a"}), chunk({"content": "b"}, index=1), chunk(finish="stop"))
    assert isinstance(failure(events), UpstreamClosed)


@pytest.mark.parametrize("pieces", [[], [b"[DONE]"], [b" "]])
def test_a_stream_without_an_answer_is_a_failure(pieces: list[bytes]) -> None:
    assert isinstance(failure(told(*pieces)), UpstreamClosed)


def test_what_follows_the_mark_is_ignored() -> None:
    reader = EventReader()
    for data in (orjson.dumps(chunk({"content": "a"}, "stop")), b" [DONE] "):
        list(reader.feed(data))
    assert reader.finished
    assert list(reader.feed(orjson.dumps(chunk({"content": "b"})))) == []
    assert list(reader.feed(b"no json")) == []
    assert list(reader.close()) == []


def test_the_last_reason_of_a_choice_holds() -> None:
    assert told(chunk({"content": "a"}, "stop"), chunk(finish="length"))[-2:] == [
        ChoiceEnd(Finish("length", detail="length")),
        ReplyEnd(),
    ]


def test_several_answers_are_told_apart() -> None:
    events = told(
        chunk({"content": "a"}),
        chunk({"content": "b"}, index=1),
        chunk(finish="stop", index=1),
        chunk(finish="length"),
    )
    assert events == [
        BEGIN,
        TextDelta("a"),
        TextDelta("b", 1),
        ChoiceEnd(Finish("length", detail="length")),
        ChoiceEnd(Finish("stop", detail="stop"), 1),
        ReplyEnd(),
    ]


def test_what_is_missing_at_the_beginning_is_empty() -> None:
    assert told({"id": None, "choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]})[:2] == [
        ReplyBegin("", ""),
        TextDelta("a"),
    ]


# Errors


@pytest.mark.parametrize(
    ("data", "category"),
    [
        ({"error": {"message": "no", "type": "server_error", "code": None}}, "server"),
        ({"error": {"message": "no", "code": "server_is_overloaded"}, "choices": []}, "overloaded"),
        ({"error": {"message": "no", "code": 429}}, "rate_limit"),
        ({"error": {"message": "no", "code": 502}}, "server"),
        ({"error": "no"}, "server"),
        ({**chunk({"content": ""}, "error"), "error": {"message": "no", "code": 503}}, "overloaded"),
        ({"object": "error", "message": "no", "type": "BadRequestError", "code": 400}, "bad_request"),
    ],
)
def test_an_error_ends_the_stream_whatever_is_around_it(data: Fields, category: str) -> None:
    events = told(chunk({"content": "a"}), data, chunk(finish="stop"), b"[DONE]")
    assert events[:-1] == [BEGIN, TextDelta("a")]
    error = failure(events)
    assert isinstance(error, ProviderRefused)
    assert (error.category, error.message) == (category, "no")


def test_an_error_that_is_none_is_none() -> None:
    assert heard(chunk({"content": "a"}, error=None)) == [TextDelta("a")]
    assert heard({**chunk({"content": "a"}), "error": {}}) == [TextDelta("a")]


@pytest.mark.parametrize("data", [b"<html>", b"[1]", b"7", b'"x"', b"{", b"\xff"])
def test_what_is_no_chunk_is_a_broken_stream(data: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        EventReader().feed(data)


@pytest.mark.parametrize(
    "data",
    [
        {"choices": None},
        {"choices": "x"},
        {"choices": [7, None]},
        {"choices": [{"index": "x", "delta": "y"}]},
        {"choices": [{"delta": {"tool_calls": "x", "annotations": 7, "images": {}, "thinking_blocks": 7}}]},
        {"choices": [{"delta": {"tool_calls": [{"index": True, "id": 7, "function": "f"}]}}]},
        {"choices": [{"logprobs": {"content": 7}, "finish_reason": 7}]},
        {"choices": [{"delta": None, "message": None}]},
    ],
)
def test_what_means_nothing_is_passed_over(data: Fields) -> None:
    assert heard(chunk({"content": "a"}), data) == [TextDelta("a")]
