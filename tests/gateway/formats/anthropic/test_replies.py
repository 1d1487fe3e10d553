"""Whole replies, both ways, with the numbers of their usage, and counts."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ProviderRefused, UpstreamError, UpstreamMalformed
from gateway.formats.anthropic.counting import count_request, read_count, write_count
from gateway.formats.anthropic.reply_reader import read_reply
from gateway.formats.anthropic.reply_writer import write_reply
from gateway.formats.anthropic.usage import read_usage, tokens_in, write_usage
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
    ToolCall,
    Usage,
)
from gateway.records import Tokens

from .scene import context, strict_message

STOP = Finish("stop")
GEMINI = State("gemini", "G")
PAGE = {"type": "web_search_result_location", "url": "https://x", "title": "X"}


def answered(*blocks: Any, **fields: Any) -> Choice:
    return read_reply({"id": "msg_1", "model": "m", "content": list(blocks), **fields}).choices[0]


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"type": "text", "text": "a"}, (Text("a"),)),
        ({"type": "text", "text": ""}, ()),
        (
            {"type": "text", "text": "ab", "citations": [PAGE, {"type": "char_location"}, 1]},
            (Text("ab", citations=(Citation("https://x", "X", 0, 2),)),),
        ),
        ({"type": "thinking", "thinking": "a", "signature": "S"}, (Reasoning("a", State("anthropic", "S")),)),
        ({"type": "thinking", "thinking": "", "signature": "S"}, (Reasoning("", State("anthropic", "S")),)),
        ({"type": "thinking", "thinking": "a"}, (Reasoning("a"),)),
        ({"type": "redacted_thinking", "data": "D"}, (Reasoning("", State("anthropic-redacted", "D")),)),
        ({"type": "tool_use", "id": "t", "name": "f", "input": {"é": 1}}, (ToolCall("t", "f", '{"é":1}'),)),
        ({"type": "tool_use", "id": "t", "name": "f"}, (ToolCall("t", "f", "{}"),)),
        ({"type": "tool_use", "id": "t"}, ()),
        ({"type": "server_tool_use", "id": "s"}, ()),
        ({"type": "future"}, ()),
        (1, ()),
    ],
)
def test_blocks_are_parts(block: Any, expected: tuple[Part, ...]) -> None:
    assert answered(block).parts == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"stop_reason": "end_turn"}, STOP),
        ({"stop_reason": None}, STOP),
        ({"stop_reason": "max_tokens"}, Finish("length")),
        ({"stop_reason": "stop_sequence", "stop_sequence": "X"}, Finish("stop_sequence", "X")),
        ({"stop_reason": "tool_use"}, Finish("tool_calls")),
        ({"stop_reason": "pause_turn"}, Finish("pause")),
        ({"stop_reason": "model_context_window_exceeded"}, Finish("context_full")),
        ({"stop_reason": "refusal"}, Finish("filter")),
        (
            {"stop_reason": "refusal", "stop_details": {"category": "cyber", "explanation": "No."}},
            Finish("filter", detail="No.", category="cyber"),
        ),
        ({"stop_reason": "odd"}, Finish("other", detail="odd")),
    ],
)
def test_each_reason_has_its_meaning(fields: Fields, expected: Finish) -> None:
    assert answered(**fields).finish == expected


def test_an_error_in_disguise_is_raised() -> None:
    with pytest.raises(ProviderRefused, match="Overloaded"):
        read_reply({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    with pytest.raises(ProviderRefused, match="broken"):
        read_reply({"error": "broken"})


@pytest.mark.parametrize("fields", [{}, {"content": "text"}, {"content": None}])
def test_what_is_no_message_is_malformed(fields: Fields) -> None:
    with pytest.raises(UpstreamMalformed):
        read_reply(fields)


def test_arguments_too_deep_to_write_are_malformed() -> None:
    deep: Any = {}
    for _ in range(300):
        deep = {"a": deep}
    with pytest.raises(UpstreamMalformed):
        answered({"type": "tool_use", "id": "t", "name": "f", "input": deep})


def content(*parts: Part) -> list[Fields]:
    message = write_reply(Reply("x", "m", (Choice(parts, STOP),), Usage(1)), context())
    strict_message(message)
    blocks: list[Fields] = message["content"]
    return blocks


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((Text("a"), Refusal("no")), [{"type": "text", "text": "a"}, {"type": "text", "text": "no"}]),
        ((Reasoning("t"),), [{"type": "thinking", "thinking": "t", "signature": "gw1.none."}]),
        ((Reasoning("t", State("anthropic", "S")),), [{"type": "thinking", "thinking": "t", "signature": "S"}]),
        ((Reasoning("", State("anthropic-redacted", "D")),), [{"type": "redacted_thinking", "data": "D"}]),
        (
            (Reasoning("t"), ToolCall("c", "f", "[1]", state=GEMINI)),
            [
                {"type": "thinking", "thinking": "t", "signature": "gw1.gemini.G"},
                {"type": "tool_use", "id": "c", "name": "f", "input": {"input": "[1]"}},
            ],
        ),
        (
            (ToolCall("c", "f", "", state=GEMINI),),
            [
                {"type": "thinking", "thinking": "", "signature": "gw1.gemini.G"},
                {"type": "tool_use", "id": "c", "name": "f", "input": {}},
            ],
        ),
        ((Image(Source("url", "u")),), []),
    ],
)
def test_parts_are_blocks(parts: tuple[Part, ...], expected: list[Fields]) -> None:
    assert content(*parts) == expected


def test_a_message_is_what_the_client_asked_for() -> None:
    message = write_reply(Reply("up-1", "up", (), Usage(3, 4, 5, 2, 1, 6, 7)), context())
    strict_message(message)
    assert message == {
        "id": "msg_ab12",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 4,
            "cache_creation_input_tokens": 5,
            "cache_read_input_tokens": 4,
            "output_tokens": 13,
            "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 2},
            "output_tokens_details": {"thinking_tokens": 7},
        },
    }


def test_a_message_read_and_written_is_the_same() -> None:
    blocks = [
        {"type": "thinking", "thinking": "t", "signature": "S"},
        {"type": "redacted_thinking", "data": "D"},
        {"type": "text", "text": "a"},
        {"type": "tool_use", "id": "c", "name": "f", "input": {"a": [1]}},
    ]
    reply = read_reply({"content": blocks, "stop_reason": "tool_use"})
    assert write_reply(reply, context())["content"] == blocks


@pytest.mark.parametrize(
    ("fields", "usage"),
    [
        ({}, Usage()),
        ({"input_tokens": 3, "output_tokens": 4}, Usage(3, visible=4)),
        ({"input_tokens": -3, "output_tokens": True, "cache_read_input_tokens": "x"}, Usage()),
        ({"output_tokens": 4, "output_tokens_details": {"thinking_tokens": 3}}, Usage(visible=1, reasoning=3)),
        (
            {"cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2}},
            Usage(cache_write=3, cache_write_1h=2),
        ),
        ({"cache_creation_input_tokens": 9, "cache_read_input_tokens": 2}, Usage(cache_read=2, cache_write=9)),
    ],
)
def test_usage_is_read(fields: Fields, usage: Usage) -> None:
    assert read_usage(fields) == usage


@given(st.builds(Usage, *[st.integers(0, 9)] * 3, visible=st.integers(0, 9), reasoning=st.integers(0, 9)))
def test_usage_written_and_read_is_the_same(usage: Usage) -> None:
    assert read_usage(write_usage(usage)) == usage


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        (b"{}", None),
        (b'{"usage":{"x":1}}', None),
        (b'{"content":[{"input":{"usage":{"a":1}}}],"usage":{"input_tokens":3,"output_tokens":4}}', Tokens(3, 4)),
        (
            b'{"usage": {"input_tokens":3,"cache_creation":{"ephemeral_5m_input_tokens":0},"output_tokens":4}}',
            Tokens(3, 4),
        ),
        (b'{"usage":{"input_tokens":3,', None),
        (b"<html>", None),
    ],
)
def test_tokens_are_found_in_a_body(body: bytes, tokens: Tokens | None) -> None:
    assert tokens_in(body) == tokens


def test_counts_are_told_and_asked_for() -> None:
    assert write_count(3) == {"input_tokens": 3}
    assert read_count({"input_tokens": 3}) == 3
    asked = {"model": "m", "messages": [], "max_tokens": 9, "stream": True, "tools": []}
    assert count_request(asked) == {"model": "m", "messages": [], "tools": []}


@pytest.mark.parametrize("fields", [{}, {"input_tokens": -1}, {"input_tokens": True}, {"input_tokens": "3"}])
def test_what_is_no_count_is_malformed(fields: Fields) -> None:
    with pytest.raises(UpstreamMalformed):
        read_count(fields)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
FIELDS = st.dictionaries(st.sampled_from(["text", "input", "name", "thinking", "signature", "data", "citations"]), JSON)
BLOCK = st.builds(
    lambda kind, fields: {**fields, "type": kind},
    st.sampled_from(["text", "thinking", "tool_use", "redacted_thinking"]),
    FIELDS,
)


@given(
    st.lists(BLOCK | JSON, max_size=3),
    st.dictionaries(st.sampled_from(["usage", "stop_reason", "stop_details", "id", "error", "content"]), JSON),
)
def test_garbage_gives_only_our_errors(blocks: list[Any], fields: Fields) -> None:
    try:
        reply = read_reply({"content": blocks, **fields})
    except UpstreamError:
        return
    orjson.dumps(write_reply(reply, context()))
