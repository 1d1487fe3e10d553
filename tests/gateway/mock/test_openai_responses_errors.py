"""What OpenAI's responses refuse, and with which words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.mock import signatures
from tests.gateway.mock.openais import FLAT, HELLO, PIXEL, RESPONSES, SCHEMA, output, post, respond
from tests.gateway.mock.peer import ask, request
from tests.providers import MockProcess

LONG = "x" * 65
LOOSE = {"type": "object", "properties": {"city": {"type": "string"}}}
CALL = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "a", "output": "rain"}
CUSTOM = {"type": "custom_tool_call", "call_id": "a", "name": "f", "input": "x"}
SAID = {"role": "assistant", "content": "Yes?"}
SEALED = signatures.seal("openai", "thoughts")
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": SEALED}


def part(role: str, kind: str, **more: Any) -> list[Any]:
    return [{"role": role, "content": [{"type": kind, **more}]}]


INPUTS: list[tuple[Any, str | None, str]] = [
    (5, "input", "expected an array"),
    ([5], "input[0]", "expected an object"),
    ([{"content": "a"}], "input[0].role", "Supported values are: 'assistant', 'system', 'developer', 'user'"),
    ([{"role": "tool", "content": "a"}], "input[0].role", "Invalid value: 'tool'"),
    ([{"role": "user"}], "input[0].content", "Missing required"),
    ([{"role": "user", "content": "a", "name": "b"}], "input[0].name", "Unknown parameter"),
    ([{"type": "tool_result"}], "input[0].type", "Invalid value: 'tool_result'"),
    (part("assistant", "input_text", text="a"), "input[0].content[0].type", "values are: 'output_text', 'refusal'"),
    (part("user", "output_text", text="a"), "input[0].content[0].type", "Supported values are: 'input_text'"),
    (part("user", "text", text="a"), "input[0].content[0].type", "Invalid value: 'text'"),
    (part("user", "input_image", image_url={"url": PIXEL}), "input[0].content[0].image_url", "expected a string"),
    (part("user", "input_image"), "input[0].content[0]", "expected one of 'image_url' and 'file_id'"),
    (part("user", "input_file", filename="a"), "input[0].content[0]", "expected one of 'file_data'"),
    ([{**SAID, "id": "a1"}], "input[0].id", "Expected an ID that begins with 'msg'"),
    ([{**CALL, "call_id": LONG}, {**RESULT, "call_id": LONG}], "input[0].call_id", "string too long"),
    ([{**CALL, "id": "call_1"}, RESULT], "input[0].id", "Expected an ID that begins with 'fc'"),
    ([{**CALL, "name": "a.b"}, RESULT], "input[0].name", "match pattern"),
    ([{**CALL, "arguments": {}}, RESULT], "input[0].arguments", "expected a string, but got an object"),
    ([CALL], "input", "No tool output found for function call a."),
    ([CUSTOM, RESULT], "input", "No tool output found for custom tool call a."),
    ([RESULT], "input", "No tool call found for function call output with call_id a."),
    ([RESULT, CALL], "input", "No tool call found for function call output with call_id a."),
    ([THOUGHT], "input", "Item 'rs_1' of type 'reasoning' was provided without its required following item."),
    ([THOUGHT, *HELLO], "input", "without its required following item"),
    ([CALL, THOUGHT, RESULT], "input", "without its required following item"),
    ([{**THOUGHT, "encrypted_content": "gAAAAA"}, SAID], None, "could not be verified"),
    ([{**THOUGHT, "encrypted_content": SEALED[:-8] + "AAAAAAA="}, SAID], None, "could not be verified"),
    ([{**THOUGHT, "id": "thinking_1"}, SAID], "input[0].id", "begins with 'rs'"),
    ([{"type": "reasoning", "id": "rs_1"}, SAID], "input[0].summary", "Missing required"),
    ([{"type": "compaction", "encrypted_content": "gw1.none."}], None, "could not be verified"),
]

PARAMETERS: list[tuple[dict[str, Any], str | None, str]] = [
    ({"input": None}, None, "must be provided"),
    ({"messages": HELLO}, "messages", "Unknown parameter: 'messages'."),
    ({"stop": ["a"]}, "stop", "Unknown parameter"),
    ({"seed": 1}, "seed", "Unknown parameter"),
    ({"max_tokens": 100}, "max_tokens", "Unknown parameter"),
    ({"response_format": {}}, "response_format", "Unknown parameter"),
    ({"max_output_tokens": 5}, "max_output_tokens", "Expected a value >= 16"),
    ({"temperature": 0.5}, "temperature", "Only the default (1) value is supported"),
    ({"reasoning": {"effort": "extreme"}}, "reasoning.effort", "Supported values are"),
    ({"reasoning": {"budget": 5}}, "reasoning.budget", "Unknown parameter"),
    ({"include": ["everything"]}, "include[0]", "Supported values are"),
    ({"truncation": "maybe"}, "truncation", "Supported values are"),
    ({"stream_options": {"include_usage": True}, "stream": True}, "stream_options.include_usage", "Unknown parameter"),
    ({"stream_options": {}}, "stream_options", "only allowed when 'stream' is enabled"),
    ({"previous_response_id": "resp_no"}, "previous_response_id", "Previous response with id 'resp_no' not found."),
    ({"previous_response_id": "a", "conversation": "b"}, None, "Mutually exclusive"),
    ({"background": True, "store": False}, "background", "requires 'store'"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools[0].name", "Missing required"),
    ({"tools": [{**FLAT, "parameters": LOOSE}]}, "tools[0].parameters", "'additionalProperties' is required"),
    ({"tools": [{**FLAT, "parameters": {"anyOf": []}}]}, "tools[0].parameters", "type: \"object\"'"),
    ({"tools": [{"type": "bash"}]}, "tools[0].type", "Invalid value: 'bash'"),
    ({"tool_choice": "required"}, "tool_choice", "must be specified with 'tools'"),
    ({"tools": [FLAT], "tool_choice": {"type": "function", "name": "g"}}, "tool_choice", "values are: 'weather'"),
    ({"tools": [FLAT], "tool_choice": {"type": "function", "function": {}}}, "tool_choice.name", "Missing required"),
    ({"text": {"format": {"type": "json_schema", "json_schema": {}}}}, "text.format.name", "Missing required"),
    ({"text": {"format": {"type": "json_schema", "name": "a", "schema": LOOSE, "strict": True}}},
     "text.format.schema", "Invalid schema for response_format 'a'"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "param", "words"), INPUTS)
async def test_wrong_input_is_refused(mock: MockProcess, given: Any, param: str | None, words: str) -> None:
    answer = await respond(mock, input=given)
    assert (answer.status, answer.json["error"]["param"]) == (400, param)
    assert words in answer.json["error"]["message"]


@pytest.mark.parametrize(("more", "param", "words"), PARAMETERS)
async def test_a_wrong_parameter_is_refused(
    mock: MockProcess, more: dict[str, Any], param: str | None, words: str
) -> None:
    answer = await respond(mock, **more)
    assert (answer.status, answer.json["error"]["param"]) == (400, param)
    assert words in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "given",
    [
        [*HELLO, CALL, RESULT],
        [*HELLO, CALL, *HELLO, RESULT],
        [*HELLO, CUSTOM, {**RESULT, "type": "custom_tool_call_output"}],
        [*HELLO, THOUGHT, SAID, *HELLO],
        [*HELLO, THOUGHT, THOUGHT, CALL, RESULT],
        part("assistant", "output_text", text="a", annotations=[]),
        part("user", "input_text", text="a"),
        [{"type": "web_search_call", "id": "ws_1", "status": "completed"}, *HELLO],
    ],
)
async def test_input_that_is_right_passes(mock: MockProcess, given: Any) -> None:
    answer = await respond(mock, input=given)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("gpt-4o", {"temperature": 0.5, "user": None}),
        ("gpt-5.5", {"temperature": 0.5, "reasoning": {"effort": "none"}}),
        ("gpt-5.5", {"max_output_tokens": 16, "include": ["reasoning.encrypted_content"], "store": False}),
        ("gpt-5.5", {"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}}),
        ("gpt-5.5", {"tools": [FLAT], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [FLAT]}}),
        ("gpt-5.5", {"text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}, "verbosity": "low"}}),
        ("gpt-5.5;lenient", {"messages": []}),
    ],
)
async def test_parameters_that_are_right_pass(mock: MockProcess, model: str, more: dict[str, Any]) -> None:
    answer = await respond(mock, model, **more)
    assert answer.status == 200, answer.body


async def test_thoughts_without_what_is_sealed_stand_for_kept_ones(mock: MockProcess) -> None:
    first = await respond(mock, reasoning={"effort": "low"}, store=True)
    (thought,) = output(first, "reasoning")
    bare = {"type": "reasoning", "id": thought["id"], "summary": []}
    assert (await respond(mock, input=[*HELLO, bare, SAID])).status == 200
    assert (await respond(mock, input=[{"type": "item_reference", "id": thought["id"]}, SAID])).status == 200
    unkept = await respond(mock, input=[*HELLO, {**bare, "id": "rs_0"}, SAID], store=False)
    assert unkept.status == 404
    assert "Items are not persisted when `store` is set to false" in unkept.json["error"]["message"]


async def test_what_another_model_sealed_comes_back(mock: MockProcess) -> None:
    (thought,) = output(await respond(mock, "gpt-5.5", reasoning={"effort": "low"}), "reasoning")
    assert (await respond(mock, "gpt-5.6", input=[*HELLO, thought, SAID], store=False)).status == 200


async def test_a_blocked_prompt_gets_an_error(mock: MockProcess) -> None:
    answer = await respond(mock, "gpt-5.5;blocked")
    assert (answer.status, answer.json["error"]["code"]) == (400, "content_policy_violation")


@pytest.mark.parametrize("path", ["input_tokens", "compact"])
async def test_counts_and_compactions_take_fewer_parameters(mock: MockProcess, path: str) -> None:
    answer = await respond(mock, path=f"{RESPONSES}/{path}", max_output_tokens=100)
    assert (answer.status, answer.json["error"]["code"]) == (400, "unknown_parameter")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"model":5,"input":"a"}', b'{"input":"a"}', b"\xff"])
async def test_a_body_that_is_none_is_refused(mock: MockProcess, body: bytes) -> None:
    assert (await ask(mock.port, request(body, RESPONSES))).status == 400


@pytest.mark.parametrize(
    "value", [None, 5, 1.5, True, "x", [], [[]], [None], {}, {"type": []}, {"type": "function"}, [{"type": 5}]]
)
async def test_odd_values_do_not_break_the_mock(mock: MockProcess, value: Any) -> None:
    for name in ("input", "tools", "tool_choice", "text", "reasoning", "include", "metadata", "previous_response_id"):
        answer = await post(mock, RESPONSES, json.loads(json.dumps({"model": "gpt-5.5", "input": "a", name: value})))
        assert answer.status in (200, 400), name
    for kind in ("message", "function_call", "function_call_output", "reasoning", "item_reference", "mcp_call"):
        item = {"type": kind, "role": value, "content": value, "call_id": value, "output": value, "id": value}
        assert (await respond(mock, input=[item])).status in (200, 400, 404), kind
