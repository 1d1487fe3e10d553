"""Answers between all pairs of dialects: what the client reads is what the provider said, whole and as a stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from msgspec import structs

from gateway.errors import UpstreamMalformed
from gateway.formats.events import Event
from gateway.formats.fold import fold, unfold
from gateway.formats.format import ReplyContext
from gateway.formats.neutral import Choice, Finish, Part, Prompt, Reasoning, Refusal, Reply, Text, ToolCall, Usage
from gateway.formats.settle import Settle
from gateway.formats.sse import Splitter
from gateway.formats.table import FORMATS
from gateway.formats.tool_names import ToolNames
from gateway.formats.translation import Translation, write_as_stream
from gateway.records import ModelFacts, Tokens
from tests.cuts import cuts

PAIRS = [(client, upstream) for client in FORMATS for upstream in FORMATS if client != upstream]

NAMED = ("weather", "time")
OBJECT = {"type": "object", "properties": {}}
ASKED: dict[str, dict[str, Any]] = {
    "openai_chat": {
        "model": "m",
        "messages": [{"role": "user", "content": "q"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [{"type": "function", "function": {"name": name, "parameters": OBJECT}} for name in NAMED],
    },
    "openai_responses": {
        "model": "m",
        "input": "q",
        "stream": True,
        "reasoning": {"summary": "auto", "effort": "low"},
        "tools": [{"type": "function", "name": name, "parameters": OBJECT} for name in NAMED],
    },
    "anthropic": {
        "model": "m",
        "max_tokens": 2000,
        "messages": [{"role": "user", "content": "q"}],
        "stream": True,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "tools": [{"name": name, "input_schema": OBJECT} for name in NAMED],
    },
    "gemini": {
        "contents": [{"role": "user", "parts": [{"text": "q"}]}],
        "generationConfig": {"thinkingConfig": {"includeThoughts": True}},
        "tools": [{"functionDeclarations": [{"name": name, "parametersJsonSchema": OBJECT} for name in NAMED]}],
    },
}

USAGE = Usage(fresh=11, cache_read=4, visible=7, reasoning=3)
TOKENS = Tokens(input=15, output=10, cache_read=4, reasoning=3)


def reply(*parts: Part, reason: Any = "stop") -> Reply:
    return Reply("id", "up", (Choice(parts, Finish(reason)),), USAGE)


WEATHER = ToolCall("call_1", "weather", '{"city":"Köln \\"\\\\ 🦫","n":9007199254740993,"x":[{"y":null}]}')
TIME = ToolCall("call_2", "time", "{}")

REPLIES = {
    "text": reply(Text("Grüße\n\u2028 日本 🦫 data: [DONE]\n\n")),
    "nothing": reply(),
    "a call": reply(WEATHER, reason="tool_calls"),
    "text and parallel calls": reply(Text("Let me see."), WEATHER, TIME, reason="tool_calls"),
    "the same tool twice": reply(TIME, structs.replace(TIME, id="call_3"), reason="tool_calls"),
    "reasoning": reply(Reasoning("Hm.\n\nSo."), Text("Yes.")),
    "reasoning and a call": reply(Reasoning("Hm."), WEATHER, reason="tool_calls"),
    "reasoning only": reply(Reasoning("Hm."), reason="length"),
    "too long": reply(Text("Half"), reason="length"),
    "a call cut off": reply(structs.replace(WEATHER, arguments="{}"), reason="length"),
    "withheld": reply(Text("Half"), reason="filter"),
}


def contexts(client: str, upstream: str) -> tuple[Translation, ReplyContext, ReplyContext]:
    translation = Translation(FORMATS[client], FORMATS[upstream], ModelFacts())
    translation.read(ASKED[client])
    translation.write("up")
    asked = Prompt((), (), stream=True, wants_usage=True)
    return (
        translation,
        ReplyContext("m", "ab" * 16, 1, translation.prompt, ASKED[client]),
        ReplyContext("up", "cd" * 16, 1, asked, ASKED[upstream]),
    )


def settled(events: list[Event]) -> Reply:
    """As a gateway reads what any provider said."""
    settle = Settle(ToolNames())
    return fold([each for event in events for each in settle.feed(event)] + list(settle.close()))


def told(said: Reply) -> tuple[Any, ...]:
    """What an answer says, without what only its dialect has: words of its own for an end, signatures, ids it lacks."""
    parts = [
        structs.replace(
            part, state=None, **({"arguments": part.arguments or "{}"} if isinstance(part, ToolCall) else {})
        )
        if isinstance(part, Reasoning | ToolCall)
        else part
        for choice in said.choices
        for part in choice.parts
    ]
    return parts, [choice.finish.reason for choice in said.choices], said.usage


def whole(client: str, upstream: str, said: Reply) -> Reply:
    """What a client reads of a provider's whole answer."""
    translation, ours, theirs = contexts(client, upstream)
    answer = translation.reply(orjson.dumps(FORMATS[upstream].write_reply(said, theirs)))
    body = orjson.loads(orjson.dumps(FORMATS[client].write_reply(answer, ours)))
    return settled(unfold(FORMATS[client].read_reply(body)))


def streamed(client: str, upstream: str, pieces: list[bytes]) -> bytes:
    """What a client gets of a provider's stream."""
    translation, ours, _ = contexts(client, upstream)
    pipeline = translation.stream(ours)
    out = b"".join([pipeline.feed(piece) for piece in pieces]) + pipeline.close()
    if pipeline.error is not None:
        return out + pipeline.fail(pipeline.error)
    assert (pipeline.complete, pipeline.tokens, pipeline.answered_model) == (True, TOKENS, "up")
    return out


def read_stream(dialect: str, data: bytes) -> Reply:
    splitter, reader = Splitter(), FORMATS[dialect].event_reader()
    events = [event for each in splitter.feed(data) + splitter.close() for event in reader.feed(each)]
    return settled([*events, *reader.close()])


def as_stream(upstream: str, said: Reply) -> bytes:
    _, _, theirs = contexts("gemini" if upstream != "gemini" else "anthropic", upstream)
    return write_as_stream(said, FORMATS[upstream].event_writer(theirs))


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
@pytest.mark.parametrize("kind", list(REPLIES))
def test_a_whole_answer_is_read_as_it_was_said(client: str, upstream: str, kind: str) -> None:
    found = whole(client, upstream, REPLIES[kind])
    assert told(found) == told(REPLIES[kind])
    assert client == "gemini" or found.model == "m"


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
@pytest.mark.parametrize("kind", list(REPLIES))
def test_a_stream_says_what_the_whole_answer_says(client: str, upstream: str, kind: str) -> None:
    data = as_stream(upstream, REPLIES[kind])
    out = streamed(client, upstream, [data])
    assert told(read_stream(client, out)) == told(whole(client, upstream, REPLIES[kind]))
    for pieces in list(cuts(data))[1:20]:
        assert streamed(client, upstream, pieces) == out


SAID: dict[str, Callable[[Any], Any]] = {
    "openai_chat": lambda body: body["choices"][0]["finish_reason"],
    "openai_responses": lambda body: (body["status"], (body["incomplete_details"] or {}).get("reason")),
    "anthropic": lambda body: body["stop_reason"],
    "gemini": lambda body: body["candidates"][0]["finishReason"],
}
ENDS: dict[str, dict[str, Any]] = {
    "stop": {
        "openai_chat": "stop",
        "openai_responses": ("completed", None),
        "anthropic": "end_turn",
        "gemini": "STOP",
    },
    "length": {
        "openai_chat": "length",
        "openai_responses": ("incomplete", "max_output_tokens"),
        "anthropic": "max_tokens",
        "gemini": "MAX_TOKENS",
    },
    "filter": {
        "openai_chat": "content_filter",
        "openai_responses": ("incomplete", "content_filter"),
        "anthropic": "refusal",
        "gemini": "SAFETY",
    },
}


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
@pytest.mark.parametrize("reason", list(ENDS))
def test_an_answer_ends_in_the_client_s_own_words(client: str, upstream: str, reason: str) -> None:
    translation, ours, theirs = contexts(client, upstream)
    answer = orjson.dumps(FORMATS[upstream].write_reply(reply(Text("so"), reason=reason), theirs))
    assert SAID[client](FORMATS[client].write_reply(translation.reply(answer), ours)) == ENDS[reason][client]


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_a_refusal_is_told_in_words_the_client_reads(client: str, upstream: str) -> None:
    found = whole(client, upstream, reply(Refusal("I will not."), reason="refusal"))
    assert [part.text for part in found.choices[0].parts if isinstance(part, Text | Refusal)] == ["I will not."]
    out = streamed(client, upstream, [as_stream(upstream, reply(Refusal("I will not."), reason="refusal"))])
    assert told(read_stream(client, out)) == told(found)


@pytest.mark.parametrize("upstream", list(FORMATS))
@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"null", b"\xff", b"{}", b'{"a":1}'])
def test_an_answer_that_is_none_is_malformed(upstream: str, body: bytes) -> None:
    client = next(name for name in FORMATS if name != upstream)
    translation, _, _ = contexts(client, upstream)
    with pytest.raises(UpstreamMalformed):
        translation.reply(body)
