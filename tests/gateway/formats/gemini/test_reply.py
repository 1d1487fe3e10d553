"""Whole answers, both ways: what is written can be read again, and means the same as its pieces."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ProviderRefused, UpstreamError, UpstreamMalformed
from gateway.formats.fold import fold, unfold
from gateway.formats.format import Fields
from gateway.formats.gemini.event_reader import EventReader
from gateway.formats.gemini.event_writer import EventWriter
from gateway.formats.gemini.reply_reader import read_reply
from gateway.formats.gemini.reply_writer import write_reply
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
    ToolResult,
    Usage,
)
from gateway.formats.sse import Splitter

from .answering import STOP, answer, context, piece

SEALED = State("anthropic", "SG==")
CARRIED = "Z3cxLmFudGhyb3BpYy5TRz09"


def test_a_whole_answer_is_read() -> None:
    whole = piece(
        answer(
            {"text": "t", "thought": True},
            {"text": "a"},
            {"text": "b"},
            {"functionCall": {"id": "1", "name": "f", "args": {"a": 1}}, "thoughtSignature": "U0lH"},
            **STOP,
        ),
        usageMetadata={"promptTokenCount": 3},
    )
    call = ToolCall("1", "f", '{"a":1}', state=State("gemini", "U0lH"))
    choice = Choice((Reasoning("t"), Text("ab"), call), Finish("stop"))
    assert read_reply(whole) == Reply("r1", "gemini-up", (choice,), Usage(fresh=3))


def test_nobody_need_say_that_a_whole_answer_has_ended() -> None:
    said = Choice((Text("a"),), Finish("stop"))
    assert read_reply(piece(answer({"text": "a"}))).choices == (said,)
    assert read_reply(piece(answer())).choices == (Choice((), Finish("other")),)


def test_a_blocked_prompt_is_an_empty_answer() -> None:
    reply = read_reply({"promptFeedback": {"blockReason": "OTHER"}})
    assert reply.choices == (Choice((), Finish("filter", detail="Prompt blocked: OTHER")),)


@pytest.mark.parametrize("fields", [{}, {"candidates": []}, {"candidates": [7]}, {"usageMetadata": {}}, {"error": {}}])
def test_no_answer_is_malformed(fields: Fields) -> None:
    with pytest.raises(UpstreamMalformed):
        read_reply(fields)


def test_an_error_in_disguise_is_one() -> None:
    with pytest.raises(ProviderRefused) as refused:
        read_reply({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}})
    assert refused.value.category == "overloaded"


@pytest.mark.parametrize(
    ("parts", "written"),
    [
        ((), []),
        ((ToolResult("1", ()),), []),
        ((Text("a"), Refusal("no")), [{"text": "a"}, {"text": "no"}]),
        ((Reasoning("t"), Text("a")), [{"text": "t", "thought": True}, {"text": "a"}]),
        (
            (Reasoning("t", SEALED), Text("a")),
            [{"text": "t", "thought": True, "thoughtSignature": CARRIED}, {"text": "a"}],
        ),
        (
            (Reasoning("t", SEALED), ToolCall("1", "f", "")),
            [
                {"text": "t", "thought": True},
                {"functionCall": {"id": "1", "name": "f", "args": {}}, "thoughtSignature": CARRIED},
            ],
        ),
        (
            (Reasoning("", SEALED), ToolCall("1", "f", "")),
            [{"functionCall": {"id": "1", "name": "f", "args": {}}, "thoughtSignature": CARRIED}],
        ),
        (
            (Text("a"), Reasoning("", SEALED)),
            [{"text": "a"}, {"text": "", "thought": True, "thoughtSignature": CARRIED}],
        ),
        (
            (Reasoning("t", SEALED), ToolCall("", "f", "[", state=State("gemini", "U0lH"))),
            [
                {"text": "t", "thought": True, "thoughtSignature": CARRIED},
                {"functionCall": {"name": "f", "args": {"input": "["}}, "thoughtSignature": "U0lH"},
            ],
        ),
        (
            (ToolCall("1", "f", "text", "custom"), Image(Source("base64", "aGk=", "image/png"))),
            [
                {"functionCall": {"id": "1", "name": "f", "args": {"input": "text"}}},
                {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
            ],
        ),
    ],
)
def test_parts_are_written(parts: tuple[Part, ...], written: list[Fields]) -> None:
    reply = Reply("x", "up", (Choice(parts, Finish("stop")),))
    assert write_reply(reply, context()) == {
        "candidates": [{"content": {"role": "model", "parts": written}, "index": 0, "finishReason": "STOP"}],
        "modelVersion": "gem",
        "responseId": "ab12",
    }


def test_usage_sources_and_chances_are_written() -> None:
    cited = Text("bü", citations=(Citation("https://a.example", "A", 1, 2), Citation("https://b.example")))
    choice = Choice((Text("a"), cited), Finish("refusal", detail="I would rather not."), 1, (TokenChance("b", -1.0),))
    written = write_reply(Reply("", "", (choice,), Usage(fresh=1, visible=2)), context())
    assert written["usageMetadata"] == {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3}
    (candidate,) = written["candidates"]
    assert candidate["index"] == 1
    assert (candidate["finishReason"], candidate["finishMessage"]) == ("SAFETY", "I would rather not.")
    assert candidate["logprobsResult"] == {"chosenCandidates": [{"token": "b", "logProbability": -1.0}]}
    supports = [support["segment"] for support in candidate["groundingMetadata"]["groundingSupports"]]
    assert supports == [{"startIndex": 2, "endIndex": 4}, {"startIndex": 1, "endIndex": 4}]


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
ARGUMENTS = st.dictionaries(WORDS, st.integers(-5, 5) | WORDS | st.none(), max_size=2).map(
    lambda found: orjson.dumps(found).decode() if found else ""
)
OWN = st.none() | st.just(State("gemini", "U0lH"))
PARTS = st.lists(
    st.builds(Text, WORDS)
    | st.builds(Reasoning, WORDS, OWN)
    | st.builds(ToolCall, WORDS, WORDS, ARGUMENTS, state=OWN)
    | st.just(Image(Source("base64", "aGk=", "image/png"))),
    max_size=5,
).map(tuple)
REPLIES = st.builds(
    Reply,
    st.just("x"),
    st.just("up"),
    st.lists(st.builds(Choice, PARTS, st.sampled_from([Finish("stop"), Finish("length")])), min_size=1, max_size=2).map(
        lambda choices: tuple(Choice(each.parts, each.finish, at) for at, each in enumerate(choices))
    ),
    st.none() | st.builds(Usage, *[st.integers(1, 9)] * 2, st.just(0), st.just(0), *[st.integers(0, 9)] * 3),
)


def settled(reply: Reply) -> Reply:
    """As far as this dialect can tell it: neighbouring texts and thoughts are one, and state goes to the call."""
    return read_reply(write_reply(fold(unfold(reply)), context()))


@given(REPLIES)
def test_what_is_written_can_be_read_again(reply: Reply) -> None:
    once = settled(reply)
    assert settled(once) == once
    assert once.usage == reply.usage
    assert [choice.finish for choice in once.choices] == [choice.finish for choice in reply.choices]
    for kind in (ToolCall, Image):
        assert [len([part for part in choice.parts if isinstance(part, kind)]) for choice in once.choices] == [
            len([part for part in choice.parts if isinstance(part, kind)]) for choice in reply.choices
        ]


@given(REPLIES)
def test_a_stream_says_the_same_as_a_whole_answer(reply: Reply) -> None:
    writer, reader = EventWriter(context()), EventReader()
    stream = b"".join([writer.write(event) for event in unfold(reply)])
    events = [event for data in Splitter().feed(stream) for event in reader.feed(data)]
    assert fold([*events, *reader.close()]) == settled(reply)


@given(st.recursive(st.none() | st.text(max_size=3), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["candidates", "content", "parts", "text", "error", "promptFeedback", "index"]), inner
), max_leaves=12))  # fmt: skip
def test_garbage_is_a_reply_or_our_error(value: Any) -> None:
    for body in (value, {"candidates": value}, {"candidates": [value]}):
        if isinstance(body, dict):
            try:
                assert isinstance(read_reply(body), Reply)
            except UpstreamError:
                continue
