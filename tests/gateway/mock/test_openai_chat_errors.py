"""What OpenAI's chat completions refuse, and with which words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.mock.openais import HELLO, PDF, PIXEL, SCHEMA, WEATHER, chat
from tests.providers import MockProcess

CALL = {"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
CALLS = {"role": "assistant", "content": None, "tool_calls": [CALL]}
LOOSE = {"type": "object", "properties": {"city": {"type": "string"}}}
MUST_FOLLOW = "must be followed by tool messages responding to each 'tool_call_id'"
LONG = "x" * 65


def strictly(schema: object) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}


def function(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **more}}


def result(name: str, content: Any = "rain") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": name, "content": content}


def user(*parts: Any) -> list[Any]:
    return [{"role": "user", "content": list(parts)}]


MESSAGES: list[tuple[list[Any], str, str]] = [
    ([{"role": "user"}], "messages[0].content", "Missing required"),
    ([{"role": "user", "content": None}], "messages[0].content", "but got null instead"),
    ([{"role": "user", "content": []}], "messages[0].content", "empty array"),
    ([{"role": "user", "content": "a", "cache_control": {}}], "messages[0].cache_control", "Unknown parameter"),
    ([{"role": "user", "content": "a", "name": "a b"}], "messages[0].name", "match pattern"),
    ([{"role": "assistant", "content": None}], "messages[0].content", "expected a string, got null"),
    ([{"role": "assistant", "tool_calls": []}], "messages[0].tool_calls", "empty array"),
    ([{"role": "model", "content": "a"}], "messages[0].role", "Supported values are: 'system', 'assistant'"),
    (user({"type": "video"}), "messages[0].content[0].type", "Supported values are"),
    (user({"type": "text"}), "messages[0].content[0].text", "Missing required"),
    (user({"text": "a"}), "messages[0].content[0].type", "Missing required"),
    (user({"type": "image_url", "image_url": PIXEL}), "messages[0].content[0].image_url", "expected an object"),
    (user({"type": "image_url", "image_url": {"url": "aGk="}}), "messages[0].content[0].image_url.url", "valid URL"),
    (user({"type": "file", "file": {"file_data": "aGk="}}), "messages[0].content[0].file.file_data", "'data:' prefix"),
    (user({"type": "input_audio", "input_audio": {"data": "?", "format": "wav"}}),
     "messages[0].content[0].input_audio.data", "base64"),
    ([*HELLO, result("a")], "messages.[1].role", "must be a response to a preceeding message with 'tool_calls'"),
    ([CALLS, *HELLO], "messages.[1].role", MUST_FOLLOW),
    ([CALLS], "messages.[1].role", "did not have response messages: a"),
    ([CALLS, *HELLO, result("a")], "messages.[1].role", MUST_FOLLOW),
    ([CALLS, result("b")], "messages.[1].tool_call_id", "not found in 'tool_calls' of previous message"),
    ([CALLS, result("a"), result("a")], "messages.[2].tool_call_id", "Duplicate value"),
    ([CALLS, result("a"), *HELLO, result("a")], "messages.[3].role", "preceeding message"),
    ([CALLS, {"role": "tool", "content": "rain"}], "messages[1].tool_call_id", "Missing required"),
    ([CALLS, result("a", [{"type": "image_url", "image_url": {"url": PIXEL}}])], "messages[1]",
     "Image URLs are only allowed for messages with role 'user'"),
    ([CALLS, result("a", [{"type": "file", "file": {"file_data": PDF}}])], "messages[1].content[0].type", "'text'"),
    ([{**CALLS, "tool_calls": [{**CALL, "id": LONG}]}, result(LONG)], "messages[0].tool_calls[0].id", "too long"),
    ([{**CALLS, "tool_calls": [function("a.b", arguments="{}") | {"id": "a"}]}, result("a")],
     "messages[0].tool_calls[0].function.name", "match pattern"),
    ([{**CALLS, "tool_calls": [{**CALL, "function": {"name": "f", "arguments": {}}}]}, result("a")],
     "messages[0].tool_calls[0].function.arguments", "expected a string, but got an object"),
]  # fmt: skip

ARGUMENTS: list[tuple[dict[str, Any], str | None, str]] = [
    ({"max_output_tokens": 5}, None, "Unrecognized request argument supplied: max_output_tokens"),
    ({"system": "a", "thinking": {}}, None, "Unrecognized request arguments supplied: system, thinking"),
    ({"reasoning_effort": "extreme"}, "reasoning_effort", "Supported values are: 'none'"),
    ({"verbosity": "loud"}, "verbosity", "Supported values are"),
    ({"service_tier": "gold"}, "service_tier", "Supported values are"),
    ({"temperature": 3}, "temperature", "Expected a value <= 2"),
    ({"temperature": "hot"}, "temperature", "expected a decimal"),
    ({"top_p": -1}, "top_p", "Expected a value >= 0"),
    ({"n": 0}, "n", "integer below minimum"),
    ({"n": 1.5}, "n", "expected an integer, but got a decimal"),
    ({"max_tokens": 0}, "max_tokens", "integer below minimum"),
    ({"max_tokens": 1, "max_completion_tokens": 1}, None, "at the same time"),
    ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "maximum length 4"),
    ({"stop": 5}, "stop", "expected an array"),
    ({"stream": "yes"}, "stream", "expected a boolean, but got a string"),
    ({"stream_options": {"include_usage": True}}, "stream_options", "only allowed when 'stream' is enabled"),
    ({"stream": True, "stream_options": {"usage": True}}, "stream_options.usage", "Unknown parameter"),
    ({"top_logprobs": 2}, "top_logprobs", "logprobs"),
    ({"metadata": {"a": 5}}, "metadata.a", "expected a string"),
    ({"metadata": {str(number): "" for number in range(17)}}, "metadata", "at most 16"),
    ({"tools": []}, "tools", "empty array"),
    ({"tools": [{"name": "f", "input_schema": {}}]}, "tools[0].type", "Missing required"),
    ({"tools": [{"type": "web_search"}]}, "tools[0].type", "Supported values are: 'function', 'custom'"),
    ({"tools": [function("a b")]}, "tools[0].function.name", "match pattern"),
    ({"tools": [function(LONG)]}, "tools[0].function.name", "maximum length 64"),
    ({"tools": [function("f", parameters={"type": "string"})]}, "tools[0].function.parameters", "\"object\"'"),
    ({"tools": [function("f", parameters=LOOSE, strict=True)]}, "tools[0].function.parameters", "additionalProperties"),
    ({"tools": [function("f", input_schema={})]}, "tools[0].function.input_schema", "Unknown parameter"),
    ({"tool_choice": "auto"}, "tool_choice", "only allowed when 'tools' are specified"),
    ({"parallel_tool_calls": False}, "parallel_tool_calls", "only allowed when 'tools' are specified"),
    ({"tools": [WEATHER], "tool_choice": "any"}, "tool_choice", "Supported values are"),
    ({"tools": [WEATHER], "tool_choice": {"type": "tool"}}, "tool_choice.type", "Supported values are"),
    ({"tools": [WEATHER], "tool_choice": function("other")}, "tool_choice", "Supported values are: 'weather'"),
    ({"response_format": {"type": "json"}}, "response_format.type", "Supported values are"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "Missing required"),
    ({"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}},
     "response_format.json_schema.name", "Missing required"),
    ({"response_format": strictly(LOOSE)}, "response_format", "'additionalProperties' is required to be supplied"),
    ({"response_format": strictly({**SCHEMA, "required": ["city"]})}, "response_format", "Missing 'days'"),
    ({"response_format": strictly({**SCHEMA, "allOf": []})}, "response_format", "'allOf' is not permitted"),
]  # fmt: skip

OF_MODELS: list[tuple[str, dict[str, Any], str, str]] = [
    ("o3-mini", {"max_tokens": 5}, "max_tokens", "Use 'max_completion_tokens' instead"),
    ("gpt-5", {"max_tokens": 5}, "max_tokens", "not supported with this model"),
    ("o1", {"temperature": 0.5}, "temperature", "Only the default (1) value is supported"),
    ("gpt-5.5", {"top_p": 0.5}, "top_p", "does not support 0.5"),
    ("gpt-5-mini", {"stop": ["a"]}, "stop", "not supported with this model"),
    ("gpt-5", {"logprobs": True}, "logprobs", "not supported with this model"),
    ("gpt-5", {"reasoning_effort": "none", "temperature": 0}, "temperature", "does not support 0"),
]


@pytest.mark.parametrize(("messages", "param", "words"), MESSAGES)
async def test_a_wrong_conversation_is_refused(mock: MockProcess, messages: list[Any], param: str, words: str) -> None:
    answer = await chat(mock, messages=messages)
    error = answer.json["error"]
    assert (answer.status, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert words in error["message"]


@pytest.mark.parametrize(("more", "param", "words"), ARGUMENTS)
async def test_a_wrong_argument_is_refused(
    mock: MockProcess, more: dict[str, Any], param: str | None, words: str
) -> None:
    answer = await chat(mock, **more)
    assert (answer.status, answer.json["error"]["param"]) == (400, param)
    assert words in answer.json["error"]["message"]


@pytest.mark.parametrize(("model", "more", "param", "words"), OF_MODELS)
async def test_models_that_reason_take_less(
    mock: MockProcess, model: str, more: dict[str, Any], param: str, words: str
) -> None:
    answer = await chat(mock, model, **more)
    assert (answer.status, answer.json["error"]["param"]) == (400, param)
    assert words in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("gpt-5.5", {"max_completion_tokens": 5, "temperature": 1, "reasoning_effort": "high"}),
        ("gpt-5.5", {"temperature": 0.2, "reasoning_effort": "none"}),
        ("gpt-5-chat-latest", {"temperature": 0.2, "max_tokens": 5}),
        ("gpt-4o", {"max_tokens": 5, "temperature": 0, "stop": "a", "seed": 1, "user": None}),
        ("llama-3", {"max_tokens": 5, "logit_bias": {"1": 2}, "metadata": {"a": "b"}}),
        ("gpt-4o;lenient", {"chat_template_kwargs": {"thinking": True}}),
        ("gpt-4o", {"messages": [CALLS, result("a"), *HELLO]}),
        ("gpt-4o", {"messages": [{"role": "assistant", "content": "a", "reasoning_content": "b", "annotations": []}]}),
        ("gpt-4o", {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": LOOSE}}}),
        ("gpt-4o", {"tools": [function("f"), function("g", parameters={})]}),
    ],
)
async def test_what_is_right_passes(mock: MockProcess, model: str, more: dict[str, Any]) -> None:
    answer = await chat(mock, model, **more)
    assert answer.status == 200, answer.body
