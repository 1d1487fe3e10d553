"""Streams for a chat client, each checked by the official SDK's types and added up as it does."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.errors import (
    GatewayError,
    ProviderRefused,
    UpstreamClosed,
    UpstreamMalformed,
    UpstreamTimeout,
)
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
from gateway.formats.format import Fields
from gateway.formats.neutral import Citation, Finish, Image, Source, State, TokenChance, Usage
from gateway.formats.openai_chat.event_writer import EventWriter

from .scene import chunks, context, deltas, written

BEGIN = ReplyBegin("r", "m")
END = (ChoiceEnd(Finish("stop")), ReplyEnd())
ROLE: Fields = {"role": "assistant", "content": ""}
INCLUDED: Fields = {"stream": True, "stream_options": {"include_usage": True}}


def said(*events: Event) -> list[Fields]:
    """What the chunks say between the role and the end."""
    return deltas([BEGIN, *events, *END])


def test_a_stream_is_role_content_reason_and_mark() -> None:
    raw = written([BEGIN, TextDelta("Hé"), *END])
    assert raw.endswith(b"\n\ndata: [DONE]\n\n")
    found = chunks(raw)
    head = {"id": "chatcmpl-ab12", "object": "chat.completion.chunk", "created": 1790000000, "model": "gpt"}
    assert found == [
        {**head, "choices": [{"index": 0, "delta": ROLE, "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "delta": {"content": "Hé"}, "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]


def test_an_answer_of_nothing_has_its_envelope_all_the_same() -> None:
    for events in ([BEGIN, *END], list(END)):
        found = chunks(written(events))
        assert [choice["delta"] for each in found for choice in each["choices"]] == [ROLE, {}]


@pytest.mark.parametrize("text", ['"', "\n\n", "data: [DONE]\n\n", "\u2028", "\\", "\x00", "😀"])
def test_text_survives_its_frame(text: str) -> None:
    assert said(TextDelta(text)) == [{"content": text}]


@pytest.mark.parametrize(
    ("event", "delta"),
    [
        (ReasoningDelta("hm"), {"reasoning_content": "hm"}),
        (RefusalDelta("no"), {"refusal": "no"}),
        (
            ReasoningState(State("anthropic", "S")),
            {"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "S"}]},
        ),
        (
            ReasoningState(State("anthropic-redacted", "D")),
            {"thinking_blocks": [{"type": "redacted_thinking", "data": "D"}]},
        ),
        (
            ReasoningState(State("gemini", "U0lH")),
            {"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "gw1.gemini.U0lH"}]},
        ),
        (
            CitationFound(Citation("u", "T", 0, 3)),
            {
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {"start_index": 0, "end_index": 3, "title": "T", "url": "u"},
                    }
                ]
            },
        ),
    ],
)
def test_each_kind_of_event_is_told(event: Event, delta: Fields) -> None:
    assert said(event) == [delta]


def test_ends_of_parts_say_nothing() -> None:
    assert said(TextDelta("a"), PartEnd(), TextDelta("b")) == [{"content": "a"}, {"content": "b"}]


def test_images_are_counted() -> None:
    image = ImageWhole(Image(Source("base64", "aGk=", "image/png")))
    found = [delta["images"][0] for delta in said(image, image)]
    assert [each["index"] for each in found] == [0, 1]
    assert found[0]["image_url"]["url"] == "data:image/png;base64,aGk="


def test_chances_come_beside_the_text() -> None:
    events = [BEGIN, TextDelta("a"), ChancesDelta((TokenChance("a", -0.5),)), *END]
    logged = [choice.get("logprobs") for each in chunks(written(events)) for choice in each["choices"]]
    row = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
    assert logged == [None, None, {"content": [row], "refusal": None}, None]


# Calls


def test_calls_are_counted_from_0_and_begun_once() -> None:
    events = (
        TextDelta("a"),
        ToolBegin(0, "c1", "f"),
        ToolDelta(0, '{"a"'),
        ToolBegin(1, "c2", "g"),
        ToolDelta(1, "{}"),
        ToolDelta(0, ":1}"),
        ToolEnd(0),
        ToolEnd(1),
    )
    calls = [delta["tool_calls"][0] for delta in said(*events)[1:]]
    assert calls == [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a"'}},
        {"index": 0, "function": {"arguments": ":1}"}},
        {"index": 1, "id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}},
        {"index": 1, "function": {"arguments": "{}"}},
    ]


def test_a_call_without_arguments_has_an_empty_object_of_them() -> None:
    calls = [delta["tool_calls"][0] for delta in said(ToolBegin(0, "c1", "f"), ToolEnd(0))]
    assert "".join(call["function"]["arguments"] for call in calls) == "{}"


def test_a_free_form_call_is_told_as_one() -> None:
    events = (ToolBegin(0, "c1", "p", "custom"), ToolDelta(0, "free"), ToolEnd(0), ToolBegin(1, "c2", "p", "custom"))
    raw = written([BEGIN, *events, ToolEnd(1), *END])
    found = [orjson.loads(line[6:]) for line in raw.split(b"\n") if line.startswith(b"data: {")]
    calls = [call for each in found for call in each["choices"][0]["delta"].get("tool_calls", ())]
    assert calls == [
        {"index": 0, "id": "c1", "type": "custom", "custom": {"name": "p", "input": ""}},
        {"index": 0, "custom": {"input": "free"}},
        {"index": 1, "id": "c2", "type": "custom", "custom": {"name": "p", "input": ""}},
    ]


def test_a_signature_goes_with_the_beginning_of_its_call() -> None:
    (begin, _) = said(ToolBegin(0, "c1", "f", state=State("gemini", "U0lH")), ToolDelta(0, "{}"), ToolEnd(0))
    assert begin["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "U0lH"}}


def test_calls_of_several_answers_are_counted_apart() -> None:
    begins = (ToolBegin(0, "c1", "f"), ToolBegin(1, "c2", "f", choice=1), ToolBegin(2, "c3", "f", choice=1))
    events = [BEGIN, *(event for begin in begins for event in (begin, ToolEnd(begin.call)))]
    found = [
        (choice["index"], choice["delta"]["tool_calls"][0]["index"])
        for each in chunks(written([*events, *END], n=2))
        for choice in each["choices"]
        if "id" in choice["delta"].get("tool_calls", [{}])[0]
    ]
    assert found == [(0, 0), (1, 0), (1, 1)]


# Several answers


def test_each_answer_has_its_own_role_and_reason() -> None:
    events = [
        *(BEGIN, TextDelta("a"), TextDelta("b", 1), ChoiceEnd(Finish("length"), 1), ReasoningDelta("c", 2)),
        *(ChoiceEnd(Finish("stop")), ChoiceEnd(Finish("filter"), 2), ReplyEnd()),
    ]
    found = [choice for each in chunks(written(events, n=3)) for choice in each["choices"]]
    assert [choice["index"] for choice in found if choice["delta"] == ROLE] == [0, 1, 2]
    reasons = {choice["index"]: choice["finish_reason"] for choice in found if choice["finish_reason"]}
    assert reasons == {0: "stop", 1: "length", 2: "content_filter"}


# Usage


def test_usage_comes_last_on_a_chunk_of_its_own_and_is_null_before() -> None:
    usage = UsageReported(Usage(fresh=3, visible=2))
    found = chunks(written([BEGIN, UsageReported(Usage(fresh=1)), TextDelta("a"), usage, *END], **INCLUDED))
    assert [each["usage"] for each in found[:-1]] == [None] * 3
    assert (found[-1]["choices"], found[-1]["usage"]["total_tokens"]) == ([], 5)


def test_usage_that_nobody_asked_for_is_not_told() -> None:
    found = chunks(written([BEGIN, UsageReported(Usage(fresh=1)), TextDelta("a"), *END]))
    assert all("usage" not in each for each in found)


def test_usage_that_nobody_knows_is_not_made_up() -> None:
    found = chunks(written([BEGIN, TextDelta("a"), *END], **INCLUDED))
    assert [each["usage"] for each in found] == [None] * 3


# Ends


@pytest.mark.parametrize(
    ("finish", "refusal"),
    [
        (Finish("filter", detail="I cannot help."), "I cannot help."),
        (Finish("filter", detail="SAFETY"), None),
        (Finish("filter", detail="Prompt blocked: SAFETY"), None),
    ],
)
def test_an_explanation_of_the_vendor_is_told_as_a_refusal(finish: Finish, refusal: str | None) -> None:
    found = deltas([BEGIN, ChoiceEnd(finish), ReplyEnd()])
    assert found == ([{"refusal": refusal}] if refusal else [])


def test_the_models_own_refusal_is_not_told_twice() -> None:
    events = [BEGIN, RefusalDelta("no"), ChoiceEnd(Finish("filter", detail="I cannot help.")), ReplyEnd()]
    assert deltas(events) == [{"refusal": "no"}]


def test_the_beginning_can_be_forced_and_comes_once() -> None:
    writer = EventWriter(context())
    opened = writer.open()
    assert chunks(opened)[0]["choices"][0]["delta"] == ROLE
    assert (writer.open(), writer.write(BEGIN)) == (b"", b"")
    assert writer.write(TextDelta("a")).count(b"data: ") == 1


@pytest.mark.parametrize(
    ("error", "fields"),
    [
        (UpstreamClosed("cut"), {"type": "server_error", "code": "upstream_error"}),
        (UpstreamMalformed("odd"), {"type": "server_error", "code": "upstream_error"}),
        (UpstreamTimeout("late"), {"type": "server_error", "code": "upstream_timeout"}),
        (
            ProviderRefused("no", category="overloaded", code="overloaded_error"),
            {"type": "server_error", "code": "overloaded"},
        ),
        (
            ProviderRefused("no", category="rate_limit", param="p"),
            {"type": "rate_limit_error", "code": "rate_limit_exceeded", "param": "p"},
        ),
        (
            ProviderRefused("no", category="quota", code="insufficient_quota"),
            {"type": "insufficient_quota", "code": "insufficient_quota"},
        ),
    ],
)
def test_a_failure_is_one_event_without_a_mark(error: GatewayError, fields: dict[str, Any]) -> None:
    writer = EventWriter(context())
    writer.write(BEGIN)
    raw = writer.fail(error)
    assert raw.startswith(b"data: ")
    assert raw.endswith(b"\n\n")
    assert raw.count(b"data:") == 1
    assert orjson.loads(raw[6:]) == {"error": {"message": error.message, "param": None, **fields}}
