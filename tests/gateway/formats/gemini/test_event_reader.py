"""A provider's streams as events."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ProviderRefused, UpstreamClosed, UpstreamError, UpstreamMalformed
from gateway.formats.events import (
    ChancesDelta,
    ChoiceEnd,
    CitationFound,
    Event,
    ImageWhole,
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
from gateway.formats.gemini.event_reader import EventReader
from gateway.formats.ids import MADE
from gateway.formats.neutral import Citation, Finish, Image, Source, State, TokenChance, Usage

from .answering import STOP, answer, piece, said, told

BEGIN = ReplyBegin("r1", "gemini-up")
OWN = State("gemini", "U0lH")


def test_text_comes_in_pieces_and_ends_with_the_body() -> None:
    pieces = (piece(answer({"text": "a"})), piece(answer({"text": "b"})), piece(answer({"text": ""}, **STOP)))
    assert told(*pieces, close=False) == [BEGIN, TextDelta("a"), TextDelta("b")]
    assert told(*pieces)[3:] == [ChoiceEnd(Finish("stop")), ReplyEnd()]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([{"text": "a"}, {"text": ""}, {"text": "b"}], [TextDelta("a"), TextDelta("b")]),
        ([{"text": "t", "thought": True}, {"text": "a"}], [ReasoningDelta("t"), TextDelta("a")]),
        ([{"text": "a", "thought": False}], [TextDelta("a")]),
        # A signature on words is of use to Google alone.
        ([{"text": "a", "thoughtSignature": "U0lH"}, {"text": "", "thoughtSignature": "U0lH"}], [TextDelta("a")]),
        ([{"text": "t", "thought": True, "thoughtSignature": "U0lH"}], [ReasoningDelta("t"), ReasoningState(OWN)]),
        ([{"text": "", "thought": True, "thoughtSignature": "U0lH"}], [ReasoningState(OWN)]),
        (
            [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}],
            [ImageWhole(Image(Source("base64", "aGk=", "image/png")))],
        ),
        ([{"inlineData": {"mimeType": "audio/wav", "data": "aGk="}}, {"inlineData": 7}, {"inlineData": {}}], []),
        ([{"executableCode": {"language": "PYTHON", "code": "1"}}], [TextDelta("\n```python\n1\n```\n")]),
        ([{"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}}], [TextDelta("\n```\n1\n```\n")]),
        ([{"codeExecutionResult": {}}, {"executableCode": 7}, {"codeExecutionResult": 7}], []),
        ([{"toolCall": {"id": "1"}}, {"text": 7}, {"text": 7, "thought": True}, {}], []),
    ],
)
def test_parts(parts: list[Fields], expected: list[Event]) -> None:
    assert said(*parts) == expected


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ({"id": "1", "name": "f", "args": {"b": "ü", "a": 1}}, '{"b":"ü","a":1}'),
        ({"id": "1", "name": "f", "args": {}}, ""),
        ({"id": "1", "name": "f"}, ""),
        ({"id": "1", "name": "f", "args": None}, ""),
        ({"id": "1", "name": "f", "args": '{"a":1}'}, '{"a":1}'),
        ({"id": "1", "name": "f", "args": [1]}, "[1]"),
    ],
)
def test_calls_come_whole(call: Fields, arguments: str) -> None:
    deltas = [ToolDelta(0, arguments)] if arguments else []
    assert said({"functionCall": call}) == [ToolBegin(0, "1", "f"), *deltas, ToolEnd(0)]


def test_a_signature_stays_with_its_call() -> None:
    begin = said({"functionCall": {"id": "1", "name": "f"}, "thoughtSignature": "U0lH"})[0]
    assert begin == ToolBegin(0, "1", "f", state=OWN)


def ids(*pieces: Fields) -> list[str]:
    return [event.id for event in told(*pieces) if isinstance(event, ToolBegin)]


def test_calls_without_ids_get_the_same_ones_each_time_and_never_the_same_twice() -> None:
    call = {"functionCall": {"name": "f", "id": ""}}
    one = piece(answer(call, call), answer(call, index=1))
    first = ids(one)
    assert ids(one) == first
    other = ids({**one, "responseId": "r2"})
    assert len({*first, *other}) == 6
    assert all(each.startswith(MADE) and len(each) == 25 for each in first)


def test_ids_differ_between_answers_that_have_none_themselves() -> None:
    call = {"functionCall": {"name": "f"}}
    found = {tuple(ids({"candidates": [answer(call)], "usageMetadata": {"promptTokenCount": n}})) for n in (1, 2, 3)}
    assert len(found) == 3


def test_nameless_calls_are_none() -> None:
    assert said({"functionCall": {}}, {"functionCall": {"args": {"a": 1}}}, {"functionCall": 7}) == []


def test_arguments_may_come_in_pieces_with_their_places() -> None:
    pieces: list[Fields] = [
        {"name": "f", "id": "1", "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.city", "stringValue": "Mün", "willContinue": True}], "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.city", "stringValue": "chen"}], "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.days[0].n", "numberValue": 3}], "willContinue": True},
        {},
    ]
    found = said(*({"functionCall": each} for each in pieces), {"text": "a"})
    expected = '{"city":"München","days":[{"n":3}]}'
    assert found == [ToolBegin(0, "1", "f"), ToolDelta(0, expected), ToolEnd(0), TextDelta("a")]


def test_a_call_that_is_left_open_ends_with_the_next_or_with_the_answer() -> None:
    begun = {"functionCall": {"name": "f", "id": "1", "willContinue": True}}
    found = told(piece(answer(begun, {**begun, "functionCall": {**begun["functionCall"], "id": "2"}}, **STOP)))
    assert found[1:-2] == [ToolBegin(0, "1", "f"), ToolEnd(0), ToolBegin(1, "2", "f"), ToolEnd(1)]


def test_usage_is_told_when_it_changes_and_zeros_are_none() -> None:
    zeros = {"promptTokenCount": 0, "totalTokenCount": 0}
    first, last = {"promptTokenCount": 9}, {"promptTokenCount": 9, "candidatesTokenCount": 2, "thoughtsTokenCount": 3}
    found = told(
        piece(answer({"text": "a"}), usageMetadata=first),
        piece(answer({"text": "b"}), usageMetadata=first),
        piece(answer({"text": "c"}, **STOP), usageMetadata=last),
        piece(usageMetadata=zeros),
    )
    assert found[:4] == [BEGIN, UsageReported(Usage(fresh=9)), TextDelta("a"), TextDelta("b")]
    assert found[4:] == [
        UsageReported(Usage(fresh=9, visible=2, reasoning=3)),
        TextDelta("c"),
        ChoiceEnd(Finish("stop")),
        ReplyEnd(),
    ]


def test_what_comes_behind_the_reason_is_still_heard() -> None:
    found = told(piece(answer(**STOP)), piece(answer({"text": "a"}, finishReason="MAX_TOKENS")))
    assert found == [BEGIN, TextDelta("a"), ChoiceEnd(Finish("length")), ReplyEnd()]


def test_candidates_are_told_apart() -> None:
    found = told(piece(answer({"text": "a"}, **STOP), answer({"text": "b"}, index=1, finishReason="MAX_TOKENS")))
    assert found[1:] == [
        TextDelta("a"),
        TextDelta("b", 1),
        ChoiceEnd(Finish("stop"), 0),
        ChoiceEnd(Finish("length"), 1),
        ReplyEnd(),
    ]


def test_a_candidate_without_a_number_has_that_of_its_place() -> None:
    unnumbered = {"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}
    assert told(piece(unnumbered, {**unnumbered, "index": -1}))[1:3] == [TextDelta("a"), TextDelta("a", 1)]


def test_a_blocked_prompt_is_an_answer_withheld() -> None:
    found = told({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 8}})
    finish = Finish("filter", detail="Prompt blocked: SAFETY")
    assert found == [ReplyBegin(), UsageReported(Usage(fresh=8)), ChoiceEnd(finish), ReplyEnd()]


def test_a_candidate_without_content_keeps_its_reason() -> None:
    assert told(piece({"index": 0, "finishReason": "SAFETY"}))[1:] == [
        ChoiceEnd(Finish("filter", detail="SAFETY")),
        ReplyEnd(),
    ]


BEGUN = piece(
    answer({"text": "a"}, finishReason="CONTINUATION", continuationToken="dG9r"),
    usageMetadata={"promptTokenCount": 5, "candidatesTokenCount": 1},
)
"""The beginning of an answer whose rest is to be asked for."""


def test_an_answer_that_is_only_begun_says_with_which_token_it_goes_on() -> None:
    reader = EventReader()
    assert reader.resume() == ""
    reader.feed(orjson.dumps(BEGUN))
    assert reader.resume() == "dG9r"
    assert reader.resume() == "", "asked for once"


def test_an_answer_in_several_streams_is_one_and_costs_what_both_did() -> None:
    reader = EventReader()
    begun = [*reader.feed(orjson.dumps(BEGUN))]
    assert reader.resume() == "dG9r"
    rest = piece(answer({"text": "b"}, **STOP), usageMetadata={"promptTokenCount": 6, "candidatesTokenCount": 2})
    ended = [*reader.feed(orjson.dumps(rest)), *reader.close()]
    assert [event for event in begun + ended if not isinstance(event, UsageReported)] == [
        ReplyBegin("r1", "gemini-up"),
        TextDelta("a"),
        TextDelta("b"),
        ChoiceEnd(Finish("stop")),
        ReplyEnd(),
    ]
    assert [event for event in ended if isinstance(event, UsageReported)] == [UsageReported(Usage(fresh=11, visible=3))]


def test_an_answer_whose_rest_is_not_asked_for_ends_for_a_reason_nobody_else_has() -> None:
    reader = EventReader()
    events = [*reader.feed(orjson.dumps(BEGUN)), *reader.close()]
    assert events[-2] == ChoiceEnd(Finish("other", detail="CONTINUATION"))
    assert reader.resume() == "", "it is over"


@pytest.mark.parametrize(
    "pieces", [[], [piece()], [piece(answer({"text": "a"}))], [piece(answer(**STOP), answer(index=1))]]
)
def test_a_stream_that_breaks_off_has_failed(pieces: list[Fields]) -> None:
    last = told(*pieces)[-1]
    assert isinstance(last, ReplyFailed)
    assert isinstance(last.error, UpstreamClosed)


def test_an_error_ends_the_stream_and_nothing_follows() -> None:
    reader = EventReader()
    error = {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}
    (failed,) = reader.feed(orjson.dumps(error))
    assert isinstance(failed, ReplyFailed)
    assert isinstance(failed.error, ProviderRefused)
    assert (failed.error.category, failed.error.message) == ("rate_limit", "slow down")
    assert reader.finished
    assert [*reader.feed(orjson.dumps(piece(answer({"text": "a"})))), *reader.close()] == []


@pytest.mark.parametrize("error", ["no", {"message": "no"}, [{"error": {"message": "no"}}]])
def test_errors_have_many_shapes(error: Any) -> None:
    body = error if isinstance(error, list) else {"error": error}
    (failed,) = EventReader().feed(orjson.dumps(body))
    assert isinstance(failed, ReplyFailed)
    assert failed.error.message == "no"


def test_a_message_that_only_begins_like_json_stays_as_it_is() -> None:
    (failed,) = EventReader().feed(orjson.dumps({"error": {"message": "{oops"}}))
    assert isinstance(failed, ReplyFailed)
    assert failed.error.message == "{oops"


@pytest.mark.parametrize("error", [None, {}, "", []])
def test_an_error_that_says_nothing_is_none(error: Any) -> None:
    assert told(piece(answer({"text": "a"}, **STOP), error=error))[1] == TextDelta("a")


@pytest.mark.parametrize("data", [b"", b" \n", b"[DONE]", b" [DONE] "])
def test_what_other_dialects_end_with_is_ignored(data: bytes) -> None:
    assert list(EventReader().feed(data)) == []


@pytest.mark.parametrize("data", [b"{", b"7", b'"a"', b"[1]", b"\xff", b"<html>"])
def test_what_is_no_event_is_malformed(data: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        list(EventReader().feed(data))


def test_a_list_of_objects_is_read_as_those() -> None:
    found = list(EventReader().feed(orjson.dumps([piece(answer({"text": "a"})), piece(answer({"text": "b"}))])))
    assert found == [BEGIN, TextDelta("a"), TextDelta("b")]


def test_arguments_that_cannot_be_written_again_are_malformed() -> None:
    deep = b'{"a":' * 300 + b"1" + b"}" * 300
    part = b'{"functionCall":{"name":"f","id":"1","args":%b}}' % deep
    with pytest.raises(UpstreamMalformed):
        list(EventReader().feed(b'{"candidates":[{"content":{"parts":[%b]}}]}' % part))


def test_sources_are_told_once_with_their_places_in_characters() -> None:
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}, {"web": {}}],
        "groundingSupports": [
            {"segment": {"startIndex": 3, "endIndex": 5, "text": "bc"}, "groundingChunkIndices": [0, 1, 7]}
        ],
    }
    pieces = (
        piece(answer({"text": "üa"}, groundingMetadata=grounding)),
        piece(answer({"text": "bc"}, groundingMetadata=grounding)),
        piece(answer({"text": ""}, **STOP)),
    )
    cited = CitationFound(Citation("https://a.example", "A", 2, 4))
    assert told(*pieces)[1:] == [TextDelta("üa"), TextDelta("bc"), cited, ChoiceEnd(Finish("stop")), ReplyEnd()]


def test_a_source_of_an_earlier_text_is_not_told_again_with_a_later_one() -> None:
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://a.example"}}],
        "groundingSupports": [{"segment": {"endIndex": 2, "text": "ab"}, "groundingChunkIndices": [0]}],
    }
    call = {"functionCall": {"id": "1", "name": "f"}}
    found = told(
        piece(answer({"text": "ab"}, groundingMetadata=grounding)),
        piece(answer(call)),
        piece(answer({"text": "c"}, **STOP, groundingMetadata=grounding)),
    )
    cited = [event for event in found if isinstance(event, CitationFound)]
    assert cited == [CitationFound(Citation("https://a.example", "", 0, 2))]
    late = told(piece(answer({"text": "ab"}, call)), piece(answer(**STOP, groundingMetadata=grounding)))
    assert CitationFound(Citation("https://a.example")) in late


def test_a_piece_behind_an_error_in_the_same_list_is_not_heard() -> None:
    data = orjson.dumps([{"error": {"message": "no"}}, piece(answer({"text": "a"}))])
    assert [type(event) for event in EventReader().feed(data)] == [ReplyFailed]


def test_token_chances() -> None:
    result = {
        "chosenCandidates": [{"token": "a", "logProbability": -0.5}],
        "topCandidates": [{"candidates": [{"token": "b", "logProbability": -1}]}],
    }
    expected = ChancesDelta((TokenChance("a", -0.5, (TokenChance("b", -1.0),)),))
    assert said({"text": "a"}, logprobsResult=result) == [TextDelta("a"), expected]


NAMES = re.findall(
    r"\w+",
    """candidates content parts text thought thoughtSignature functionCall name id args partialArgs jsonPath stringValue
    willContinue inlineData mimeType data finishReason finishMessage index usageMetadata promptTokenCount
    promptFeedback blockReason error message status code groundingMetadata groundingChunks web uri groundingSupports
    segment startIndex endIndex groundingChunkIndices logprobsResult chosenCandidates token logProbability""",
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "STOP", "image/png", "f", "$.a[0]"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(JSON, max_size=3))
def test_garbage_gives_events_or_our_error(pieces: list[Any]) -> None:
    for body in (pieces, [{"candidates": pieces}], [piece({"content": {"parts": pieces}})]):
        reader = EventReader()
        try:
            events = [event for each in body for event in reader.feed(orjson.dumps(each))]
            events += reader.close()
        except UpstreamError:
            continue
        assert isinstance(events[-1], ReplyEnd | ReplyFailed)
