"""A client's messages: who says what, with every kind of content, and calls with their results."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import InvalidRequest
from gateway.formats.format import Fields
from gateway.formats.neutral import (
    Audio,
    CacheMark,
    Document,
    Image,
    Part,
    Reasoning,
    Refusal,
    Source,
    State,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    Video,
)
from gateway.formats.repair import repaired

from .scene import QUESTION, read, read_message, read_messages

CALL: Fields = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


def content(*parts: Any) -> tuple[Part, ...]:
    return read_message(role="user", content=list(parts))


@pytest.mark.parametrize("role", ["system", "developer"])
def test_leading_instructions_are_told_apart_and_later_ones_stay(role: str) -> None:
    prompt = read_messages(
        {"role": "system", "content": "A"},
        {"role": role, "content": [{"type": "text", "text": "B"}, {"type": "text", "text": "C"}]},
        QUESTION,
        {"role": role, "content": "D"},
        QUESTION,
    )
    assert prompt.system == (Text("A"), Text("B"), Text("C"))
    assert [turn.role for turn in prompt.turns] == ["user", "system", "user"]
    assert prompt.turns[1].parts == (Text("D"),)


def test_neighbours_of_one_role_stay_apart() -> None:
    assert [turn.parts for turn in read_messages(QUESTION, QUESTION).turns] == [(Text("q"),), (Text("q"),)]


@pytest.mark.parametrize(
    ("part", "read"),
    [
        ({"type": "text", "text": "t"}, Text("t")),
        (
            {"type": "text", "text": "t", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
            Text("t", CacheMark("30m")),
        ),
        (
            {"type": "text", "text": "t", "prompt_cache_breakpoint": {"mode": "explicit"}},
            Text("t", CacheMark()),
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,aGk=", "detail": "low"}},
            Image(Source("base64", "aGk=", "image/jpeg"), "low"),
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://a.b/c.png", "detail": None}},
            Image(Source("url", "https://a.b/c.png")),
        ),
        ({"type": "image_url", "image_url": "https://a.b/c.png"}, Image(Source("url", "https://a.b/c.png"))),
        (
            {"type": "image_url", "image_url": {"url": "https://a.b"}, "prompt_cache_breakpoint": {"ttl": "12h"}},
            Image(Source("url", "https://a.b"), cache=CacheMark("12h")),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
            Audio(Source("base64", "aGk=", "audio/mp3")),
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"}},
            Document(Source("base64", "aGk=", "application/pdf"), "a.pdf"),
        ),
        (
            {"type": "file", "file": {"file_data": "aGk=", "filename": None}},
            Document(Source("base64", "aGk=", "application/pdf")),
        ),
        (
            {"type": "file", "file": {"file_data": "data:text/plain;base64,aGk="}},
            Document(Source("base64", "aGk=", "text/plain")),
        ),
        ({"type": "file", "file": {"file_id": "file-1"}}, Document(Source("file", "file-1"))),
        ({"type": "video_url", "video_url": {"url": "https://a.b/c"}}, Video(Source("url", "https://a.b/c"))),
    ],
)
def test_each_kind_of_content_is_read(part: Fields, read: Part) -> None:
    assert content(part) == (read,)


def test_an_assistant_says_text_refuses_thinks_and_calls_in_one_message() -> None:
    parts = read_message(
        role="assistant",
        reasoning_content="hm",
        content=[{"type": "text", "text": "t"}, {"type": "refusal", "refusal": "r"}],
        refusal="no",
        tool_calls=[CALL, {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "free"}}],
    )
    assert parts == (
        Reasoning("hm"),
        Text("t"),
        Refusal("r"),
        Refusal("no"),
        ToolCall("c1", "f", '{"a":1}'),
        ToolCall("c2", "g", "free", "custom"),
    )


@pytest.mark.parametrize(
    ("call", "read"),
    [
        ({"id": "c", "function": {"name": "f", "arguments": "{}"}}, ToolCall("c", "f", "{}")),
        ({"id": "c", "type": None, "function": {"name": "f"}}, ToolCall("c", "f", "")),
        ({"id": None, "function": {"name": "f", "arguments": None}}, ToolCall("", "f", "")),
        ({"id": "c", "function": {"name": "f", "arguments": "brok"}}, ToolCall("c", "f", "brok")),
        ({"id": "c", "function": {"name": "f", "arguments": {"ä": [1]}}}, ToolCall("c", "f", '{"ä":[1]}')),
        ({"id": "c", "function": {"name": "f", "arguments": [1]}}, ToolCall("c", "f", "[1]")),
        (
            {**CALL, "extra_content": {"google": {"thought_signature": "U0lH"}}},
            ToolCall("c1", "f", '{"a":1}', state=State("gemini", "U0lH")),
        ),
        (
            {**CALL, "extra_content": {"google": {"thought_signature": "gw1.anthropic.SIG"}}},
            ToolCall("c1", "f", '{"a":1}', state=State("anthropic", "SIG")),
        ),
        ({**CALL, "extra_content": {"google": "x"}}, ToolCall("c1", "f", '{"a":1}')),
    ],
)
def test_calls_are_read_however_clients_write_them(call: Fields, read: ToolCall) -> None:
    assert read_message(role="assistant", content=None, tool_calls=[call]) == (read,)


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        ({"reasoning_content": "a"}, (Reasoning("a"),)),
        ({"reasoning": "a"}, (Reasoning("a"),)),
        ({"reasoning_content": ""}, ()),
        ({"reasoning": {"text": "a"}}, ()),
        (
            {"reasoning_content": "a", "thinking_blocks": [{"type": "thinking", "thinking": "a", "signature": "S"}]},
            (Reasoning("a", State("anthropic", "S")),),
        ),
        # As a stream gives it: the text in one place, its signature in another.
        (
            {"reasoning_content": "a", "thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "S"}]},
            (Reasoning("a", State("anthropic", "S")),),
        ),
        (
            {"thinking_blocks": [{"type": "redacted_thinking", "data": "D"}]},
            (Reasoning("", State("anthropic-redacted", "D")),),
        ),
        (
            {"thinking_blocks": [{"type": "thinking", "thinking": "a", "signature": "gw1.openai.rs_1~ENC"}]},
            (Reasoning("a", State("openai", "rs_1~ENC")),),
        ),
        (
            {"thinking_blocks": [{"type": "thinking", "thinking": "a", "signature": "gw1.none."}]},
            (Reasoning("a"),),
        ),
        ({"thinking_blocks": [{"type": "thinking", "thinking": 7, "signature": 8}]}, (Reasoning(),)),
        ({"thinking_blocks": "x", "reasoning_content": "a"}, (Reasoning("a"),)),
    ],
)
def test_thoughts_are_read_in_each_form_that_clients_send_back(fields: Fields, read: tuple[Part, ...]) -> None:
    assert read_message(role="assistant", content=None, **fields) == read


def test_a_result_is_of_its_call() -> None:
    answer = {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "r"}]}
    assert read_message(**answer) == (ToolResult("c1", (Text("r"),)),)
    assert read_message(**{**answer, "content": "r"}) == (ToolResult("c1", (Text("r"),)),)
    assert read_message(**{**answer, "content": None}) == (ToolResult("c1", ()),)


def test_the_name_of_a_tool_in_its_result_is_no_loss() -> None:
    messages = [QUESTION, {"role": "tool", "tool_call_id": "c1", "name": "f", "content": "r"}]
    prompt, dropped = read(messages=messages)
    assert (prompt.turns[1].parts, dropped) == ((ToolResult("c1", (Text("r"),), "f"),), [])


def test_older_calls_get_ids_and_their_results_belong_to_them() -> None:
    call = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    answer = {"role": "function", "name": "f", "content": "r"}
    prompt = repaired(read_messages(QUESTION, call, answer, call, {**answer, "content": "s"}))
    assert [turn.parts for turn in prompt.turns[1:]] == [
        (ToolCall("call_fn_0", "f", "{}"),),
        (ToolResult("call_fn_0", (Text("r"),), "f"),),
        (ToolCall("call_fn_1", "f", "{}"),),
        (ToolResult("call_fn_1", (Text("s"),), "f"),),
    ]


def test_an_older_result_without_a_call_is_kept_as_text() -> None:
    prompt = repaired(read_messages(QUESTION, {"role": "function", "name": "f", "content": "r"}))
    assert prompt.turns[1] == Turn("user", (Text("Tool result call_fn_0:\nr"),))


@pytest.mark.parametrize("content", ["", None, [], [{"type": "text", "text": ""}]])
def test_an_assistant_that_only_calls_says_nothing(content: Any) -> None:
    prompt = repaired(read_messages(QUESTION, {"role": "assistant", "content": content, "tool_calls": [CALL]}))
    assert prompt.turns[1].parts == (ToolCall("c1", "f", '{"a":1}'),)


DEEP: Any = {}
for _ in range(300):
    DEEP = {"a": DEEP}


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "robot", "content": "x"}, "messages[1].role"),
        ({"content": "x"}, "messages[1].role"),
        ({"role": "user", "content": 7}, "messages[1].content"),
        ({"role": "user", "content": ["x"]}, "messages[1].content[0]"),
        ({"role": "user", "content": [{"text": "x"}]}, "messages[1].content[0].type"),
        ({"role": "user", "content": [{"type": "hologram"}]}, "messages[1].content[0].type"),
        ({"role": "user", "content": [{"type": "text"}]}, "messages[1].content[0].text"),
        ({"role": "user", "content": [{"type": "image_url"}]}, "messages[1].content[0].image_url"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:oops"}}]},
            "messages[1].content[0].image_url.url",
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u", "detail": "x"}}]},
            "messages[1].content[0].image_url.detail",
        ),
        (
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "a", "format": "ogg"}}]},
            "messages[1].content[0].input_audio.format",
        ),
        ({"role": "user", "content": [{"type": "file", "file": {}}]}, "messages[1].content[0].file.file_data"),
        (
            {"role": "user", "content": [{"type": "text", "text": "a", "prompt_cache_breakpoint": "x"}]},
            "messages[1].content[0].prompt_cache_breakpoint",
        ),
        (
            {"role": "system", "content": [{"type": "image_url", "image_url": {"url": "u"}}]},
            "messages[1].content",
        ),
        ({"role": "tool", "content": "r"}, "messages[1].tool_call_id"),
        ({"role": "function", "content": "r"}, "messages[1].name"),
        ({"role": "assistant", "tool_calls": {}}, "messages[1].tool_calls"),
        ({"role": "assistant", "tool_calls": [7]}, "messages[1].tool_calls[0]"),
        ({"role": "assistant", "tool_calls": [{"type": "magic"}]}, "messages[1].tool_calls[0].type"),
        ({"role": "assistant", "tool_calls": [{"id": "c"}]}, "messages[1].tool_calls[0].function"),
        ({"role": "assistant", "tool_calls": [{"function": {}}]}, "messages[1].tool_calls[0].function.name"),
        (
            {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": DEEP}}]},
            "messages[1].tool_calls[0].function.arguments",
        ),
        ({"role": "assistant", "function_call": "f"}, "messages[1].function_call"),
        ({"role": "assistant", "refusal": 7}, "messages[1].refusal"),
        ({"role": "assistant", "thinking_blocks": [7]}, "messages[1].thinking_blocks[0]"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(message: Fields, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_messages(QUESTION, message)
    assert refused.value.param == param
