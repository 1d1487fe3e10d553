"""Events as a client's stream."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.errors import ProviderRefused, UpstreamClosed
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
from gateway.formats.gemini.event_writer import EventWriter
from gateway.formats.neutral import Citation, Finish, FinishReason, Image, Source, State, TokenChance, Usage

from .answering import context, parts_in, raw, written

ENDS: list[Event] = [ChoiceEnd(Finish("stop")), ReplyEnd()]
SEALED = State("anthropic", "SG==")
CARRIED = "Z3cxLmFudGhyb3BpYy5TRz09"
LAST = {"text": ""}


def test_every_piece_says_which_answer_and_model_it_is_of() -> None:
    pieces = written([ReplyBegin("x", "up"), TextDelta("a\n"), *ENDS])
    assert pieces == [
        {
            "candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0, **ending}],
            "modelVersion": "gem",
            "responseId": "ab12",
        }
        for part, ending in (({"text": "a\n"}, {}), (LAST, {"finishReason": "STOP"}))
    ]


@pytest.mark.parametrize(
    ("events", "parts"),
    [
        ([TextDelta("a"), TextDelta("b")], [{"text": "a"}, {"text": "b"}]),
        ([RefusalDelta("no")], [{"text": "no"}]),
        ([ReasoningDelta("t"), TextDelta("a")], [{"text": "t", "thought": True}, {"text": "a"}]),
        (
            [ReasoningDelta("t"), ReasoningState(SEALED), ToolBegin(0, "1", "f"), ToolEnd(0)],
            [
                {"text": "t", "thought": True},
                {"functionCall": {"id": "1", "name": "f", "args": {}}, "thoughtSignature": CARRIED},
            ],
        ),
        (
            [ReasoningDelta("t"), ReasoningState(SEALED), TextDelta("a")],
            [{"text": "t", "thought": True}, {"text": "", "thought": True, "thoughtSignature": CARRIED}, {"text": "a"}],
        ),
        ([ReasoningState(SEALED)], [{"text": "", "thought": True, "thoughtSignature": CARRIED}]),
        (
            [ReasoningState(SEALED), ReasoningState(State("gemini", "U0lH")), ToolBegin(0, "", "f"), ToolEnd(0)],
            [
                {"text": "", "thought": True, "thoughtSignature": CARRIED},
                {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "U0lH"},
            ],
        ),
        (
            [ReasoningState(SEALED), ToolBegin(0, "1", "f", state=State("gemini", "U0lH")), ToolEnd(0)],
            [
                {"text": "", "thought": True, "thoughtSignature": CARRIED},
                {"functionCall": {"id": "1", "name": "f", "args": {}}, "thoughtSignature": "U0lH"},
            ],
        ),
        (
            [
                ToolBegin(0, "1", "f"),
                ToolBegin(1, "2", "g"),
                ToolDelta(0, '{"a":'),
                ToolDelta(1, "oops"),
                ToolDelta(0, "1}"),
                ToolEnd(1),
                ToolEnd(0),
            ],
            [
                {"functionCall": {"id": "2", "name": "g", "args": {"input": "oops"}}},
                {"functionCall": {"id": "1", "name": "f", "args": {"a": 1}}},
            ],
        ),
        (
            [ToolBegin(0, "1", "f", "custom"), ToolDelta(0, '{"a":1}'), ToolEnd(0)],
            [{"functionCall": {"id": "1", "name": "f", "args": {"input": '{"a":1}'}}}],
        ),
        ([ToolDelta(7, "x"), ToolEnd(7)], []),
        (
            [ImageWhole(Image(Source("base64", "aGk=", "image/png")))],
            [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}],
        ),
        (
            [ImageWhole(Image(Source("url", "https://a.example/a.png")))],
            [{"fileData": {"mimeType": "image/png", "fileUri": "https://a.example/a.png"}}],
        ),
    ],
)
def test_parts(events: list[Event], parts: list[Fields]) -> None:
    assert parts_in(written([*events, *ENDS])) == [*parts, LAST]


def test_a_state_is_flushed_before_what_follows() -> None:
    events = [ReasoningState(SEALED), ImageWhole(Image(Source("base64", "aGk=", "image/png"))), *ENDS]
    assert [*parts_in(written(events))[0]] == ["text", "thought", "thoughtSignature"]


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("stop", "STOP"),
        ("stop_sequence", "STOP"),
        ("length", "MAX_TOKENS"),
        ("context_full", "MAX_TOKENS"),
        ("tool_calls", "STOP"),
        ("filter", "SAFETY"),
        ("refusal", "SAFETY"),
        ("pause", "STOP"),
        ("other", "OTHER"),
    ],
)
def test_reasons(reason: FinishReason, word: str) -> None:
    assert written([ChoiceEnd(Finish(reason)), ReplyEnd()])[-1]["candidates"][0]["finishReason"] == word


def test_usage_is_in_the_last_piece_only() -> None:
    events = [UsageReported(Usage(1)), TextDelta("a"), UsageReported(Usage(1, 2, 4, 0, 8, 16, 32)), *ENDS]
    first, last = written(events)
    assert "usageMetadata" not in first
    assert last["usageMetadata"] == {
        "promptTokenCount": 7,
        "candidatesTokenCount": 16,
        "totalTokenCount": 63,
        "cachedContentTokenCount": 2,
        "toolUsePromptTokenCount": 8,
        "thoughtsTokenCount": 32,
    }


def test_several_answers_end_together() -> None:
    events = [TextDelta("a"), TextDelta("b", 1), ReasoningState(SEALED, 1), ChoiceEnd(Finish("stop"))]
    pieces = written([*events, ChoiceEnd(Finish("length"), 1), ReplyEnd()])
    assert [each["candidates"][0]["index"] for each in pieces[:3]] == [0, 1, 1]
    ends = [(each["index"], each["finishReason"]) for each in pieces[-1]["candidates"]]
    assert ends == [(0, "STOP"), (1, "MAX_TOKENS")]


def test_sources_are_told_at_the_end_with_their_places_in_bytes() -> None:
    first, second = Citation("https://a.example", "A", 1, 2), Citation("https://b.example")
    events: list[Event] = [
        TextDelta("üa"),
        CitationFound(first),
        PartEnd(),
        TextDelta("bc"),
        CitationFound(second),
        CitationFound(first),
        *ENDS,
    ]
    assert written(events)[-1]["candidates"][0]["groundingMetadata"] == {
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}, {"web": {"uri": "https://b.example"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 2, "endIndex": 3}, "groundingChunkIndices": [0]},
            {"segment": {"startIndex": 3, "endIndex": 5}, "groundingChunkIndices": [1]},
            {"segment": {"startIndex": 4, "endIndex": 5}, "groundingChunkIndices": [0]},
        ],
    }


def test_token_chances_are_told_at_the_end() -> None:
    chances = ChancesDelta((TokenChance("a", -0.5, (TokenChance("b", -1.0),)),))
    assert written([TextDelta("a"), chances, *ENDS])[-1]["candidates"][0]["logprobsResult"] == {
        "chosenCandidates": [{"token": "a", "logProbability": -0.5}],
        "topCandidates": [{"candidates": [{"token": "b", "logProbability": -1.0}]}],
    }


def test_nothing_is_said_before_there_is_anything_to_say() -> None:
    for array in (False, True):
        writer = EventWriter(context(array=array))
        assert writer.write(ReplyBegin()) + writer.open() + writer.write(UsageReported(Usage(1))) == b""


def test_an_error_is_the_last_event_with_error_as_its_first_key() -> None:
    writer = EventWriter(context())
    error = ProviderRefused("slow down", category="rate_limit")
    said = writer.write(TextDelta("a")) + writer.fail(error)
    assert said.endswith(b'\n\ndata: {"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"}}\n\n')


EVENTS: list[Event] = [TextDelta("a"), TextDelta("b"), ToolBegin(0, "1", "f"), ToolEnd(0), *ENDS]


def test_an_array_has_the_same_objects_as_a_stream_of_events() -> None:
    assert orjson.loads(raw(EVENTS, array=True)) == written(EVENTS)
    assert orjson.loads(raw(ENDS, array=True)) == written(ENDS)


@pytest.mark.parametrize("said", range(4))
def test_an_array_that_fails_is_still_an_array(said: int) -> None:
    writer = EventWriter(context(array=True))
    begun = b"".join([writer.write(event) for event in EVENTS[:said]])
    elements: list[dict[str, Any]] = orjson.loads(begun + writer.fail(UpstreamClosed("gone")))
    assert elements[-1] == {"error": {"code": 502, "message": "gone", "status": "INTERNAL"}}
    assert elements[:-1] == written(EVENTS)[: min(said, 2)]
