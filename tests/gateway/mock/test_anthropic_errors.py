"""Wrong requests get Anthropic's own errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.gateway.mock.dialects import CLASSIC, HELLO, LATEST, MESSAGES, SCHEMA, claude, get, post
from tests.gateway.mock.peer import ask, request
from tests.providers import MockProcess

TOOL = {"name": "f", "input_schema": SCHEMA}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "warm"}
BUDGET = {"type": "enabled", "budget_tokens": 2000}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


async def refusal(mock: MockProcess, model: Any = "claude-mock", **more: Any) -> str:
    """What Anthropic says of a request that it refuses."""
    answer = await claude(mock, model, **more)
    assert answer.status == 400
    assert answer.json["type"] == "error"
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert answer.json["request_id"] == answer.headers["request-id"]
    return str(answer.json["error"]["message"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": "9"}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
        ({"max_tokens": 10**9}, "max_tokens: 1000000000 > 128000, which is the maximum"),
        ({"messages": None}, "messages: Field required"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": "Hi"}, "messages: Input should be a valid list"),
        ({"seed": 1}, "seed: Extra inputs are not permitted"),
        ({"metadata": {"team": "a"}}, "metadata.team: Extra inputs are not permitted"),
        ({"mcp_servers": []}, "mcp_servers: Extra inputs are not permitted"),
        ({"service_tier": "flex"}, "service_tier: Input should be 'auto' or 'standard_only'"),
        ({"stop_sequences": [" "]}, "each stop sequence must contain non-whitespace"),
        ({"stream": "yes"}, "stream: Input should be a valid boolean"),
        ({"temperature": 1.5}, "temperature: range: 0..1"),
        ({"temperature": 0.5, "top_p": 0.5}, "`temperature` and `top_p` cannot both be specified"),
        ({"system": [text("")]}, "system: text content blocks must be non-empty"),
        ({"output_config": {"effort": "minimal"}}, "output_config.effort: Input should be 'low', 'medium', 'high'"),
        ({"thinking": {"type": "auto"}}, "thinking: Input tag 'auto' found using 'type' does not match"),
        ({"thinking": {"type": "enabled"}}, "thinking.enabled.budget_tokens: Field required"),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, "should be greater than or equal to 1024"),
        ({"thinking": BUDGET}, "`max_tokens` must be greater than `thinking.budget_tokens`"),
        (
            {"thinking": BUDGET, "max_tokens": 4000, "tools": [TOOL], "tool_choice": {"type": "any"}},
            "Thinking may not be enabled when tool_choice forces tool use.",
        ),
        ({"thinking": BUDGET, "max_tokens": 4000, "temperature": 0}, "`temperature` may only be set to 1"),
        ({"thinking": BUDGET, "max_tokens": 4000, "top_p": 0.5}, "`top_p` must be greater than or equal to 0.95"),
        ({"thinking": BUDGET, "max_tokens": 4000, "top_k": 5}, "`top_k` must be unset"),
        ({"tool_choice": {"type": "auto"}}, "tool_choice: may only be specified while providing tools"),
        ({"tools": [TOOL], "tool_choice": "auto"}, "tool_choice: Input should be a valid dictionary"),
        ({"tools": [TOOL], "tool_choice": {"type": "required"}}, "expected tags: 'auto', 'any', 'tool', 'none'"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "g"}}, "Tool 'g' not found in provided tools"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "none", "disable_parallel_tool_use": True}},
            "tool_choice.none.disable_parallel_tool_use: Extra inputs are not permitted",
        ),
        ({"tools": [TOOL, TOOL]}, "tools: Tool names must be unique."),
        ({"tools": [{"name": "a b", "input_schema": SCHEMA}]}, "tools.0.custom.name: String should match pattern"),
        ({"tools": [{"name": "f"}]}, "tools.0.custom.input_schema: Field required"),
        ({"tools": [{"name": "f", "input_schema": {}}]}, "tools.0.custom.input_schema.type: Field required"),
        ({"tools": [{"name": "f", "input_schema": {"type": "array"}}]}, "input_schema.type: Input should be 'object'"),
        ({"tools": [{"name": "f", "input_schema": {"type": "object", "anyOf": []}}]}, "does not support oneOf, allOf"),
        ({"tools": [TOOL | {"parameters": {}}]}, "tools.0.custom.parameters: Extra inputs are not permitted"),
        ({"tools": [{"type": "function", "name": "f"}]}, "tools.0: Input tag 'function' found using 'type'"),
    ],
)
async def test_what_is_wrong_with_a_request_is_said(mock: MockProcess, fields: dict[str, Any], message: str) -> None:
    assert message in await refusal(mock, **fields)


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        (["Hi"], "messages.0: Input should be a valid dictionary"),
        ([{"content": "Hi"}], "messages.0.role: Field required"),
        ([{"role": "user"}], "messages.0.content: Field required"),
        ([{"role": "tool", "content": "Hi"}], "messages.0.role: Input should be 'user' or 'assistant'"),
        ([{"role": "user", "content": "Hi", "name": "a"}], "messages.0.name: Extra inputs are not permitted"),
        ([{"role": "user", "content": ""}], "messages.0: all messages must have non-empty content"),
        ([{"role": "user", "content": " \n"}], "messages: text content blocks must contain non-whitespace text"),
        ([user(text(""))], "messages: text content blocks must be non-empty"),
        ([assistant(text("Hi"))], 'first message must use the "user" role'),
        ([*HELLO, assistant(text("so "))], "final assistant content cannot end with trailing whitespace"),
        ([user({"text": "Hi"})], "messages.0.content.0: Unable to extract tag using discriminator 'type'"),
        ([user({"type": "audio"})], "messages.0.content.0: Input tag 'audio' found using 'type' does not match"),
        ([user(text("Hi") | {"id": 1})], "messages.0.content.0.text.id: Extra inputs are not permitted"),
        ([user(CALL)], "messages.0: `tool_use` blocks can only be in `assistant` messages"),
        ([*HELLO, assistant(RESULT)], "messages.1: `tool_result` blocks can only be in `user` messages"),
        ([*HELLO, assistant(CALL | {"id": "call.1"})], "messages.1.content.0.tool_use.id: String should match pattern"),
        ([*HELLO, assistant(CALL | {"input": "{}"})], "tool_use.input: Input should be a valid dictionary"),
        ([*HELLO, assistant(CALL)], "messages.1: `tool_use` ids were found without `tool_result` blocks immediately"),
        ([*HELLO, assistant(CALL), user(text("Hi"))], "immediately after: toolu_1. Each `tool_use` block must have"),
        ([*HELLO, assistant(CALL), user(text("Hi"), RESULT)], "without `tool_result` blocks immediately after"),
        ([user(RESULT)], "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1"),
        (
            [*HELLO, assistant(CALL), user(RESULT, RESULT)],
            "messages.2.content.1: each tool_use must have a single result",
        ),
        ([*HELLO, assistant(CALL, CALL), user(RESULT)], "messages.1.content.1: `tool_use` ids must be unique"),
        (
            [user({"type": "image", "source": {"type": "base64", "media_type": "image/bmp", "data": ""}})],
            "messages.0.content.0.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png',",
        ),
        (
            [user({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "?"}})],
            "messages.0.content.0.image.source.base64.data: invalid base64 data",
        ),
        ([user(*[text("Hi") | {"cache_control": {"type": "ephemeral"}}] * 5)], "A maximum of 4 blocks with"),
        (
            [user(text("Hi") | {"cache_control": {"type": "ephemeral", "ttl": "2h"}})],
            "cache_control.ttl: Input should be '5m' or '1h'",
        ),
    ],
)
async def test_what_is_wrong_with_a_conversation_is_said(mock: MockProcess, messages: list[Any], message: str) -> None:
    assert message in await refusal(mock, messages=messages)


async def test_results_may_be_followed_by_anything(mock: MockProcess) -> None:
    asked = [*HELLO, assistant(text("So"), CALL), user(RESULT, text("Well?")), assistant(text("Well"))]
    assert (await claude(mock, messages=asked)).status == 200


async def test_a_version_is_required(mock: MockProcess) -> None:
    assert "anthropic-version: header is required" in await refusal(mock, headers="")
    assert "is not a valid version" in await refusal(mock, headers="anthropic-version: 1\r\n")


async def test_the_latest_version_knows_no_sampling(mock: MockProcess) -> None:
    for name in ("temperature", "top_p", "top_k"):
        fields: dict[str, Any] = {name: 1}
        assert await refusal(mock, headers=LATEST, **fields) == f"{name}: Extra inputs are not permitted"
        assert (await claude(mock, **fields)).status == 200


async def test_the_latest_version_takes_no_documents_from_the_assistant(mock: MockProcess) -> None:
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi"}}
    asked = [*HELLO, assistant(document)]
    assert (await claude(mock, messages=asked)).status == 200
    assert "messages.1.content.0" in await refusal(mock, messages=asked, headers=LATEST)
    cited = [user(text("Hi") | {"citations": [{"type": "char_location"}]})]
    assert "citations: Extra inputs" in await refusal(mock, messages=cited, headers=LATEST)


@pytest.mark.parametrize(
    ("model", "fields", "message"),
    [
        ("claude-opus-4-7", {"temperature": 1}, "`temperature` is deprecated for this model."),
        ("claude-sonnet-5", {"top_k": 1}, "`top_k` is deprecated for this model."),
        ("claude-opus-5", {"thinking": BUDGET, "max_tokens": 4000}, '"thinking.type.enabled" is not supported'),
        ("claude-sonnet-4-5-20250929", {"thinking": {"type": "adaptive"}}, "adaptive thinking is not supported"),
        ("claude-3-5-sonnet-20241022", {"thinking": {"type": "adaptive"}}, "does not support thinking"),
        ("claude-haiku-4-5", {"output_config": {"effort": "low"}}, "does not support the effort parameter"),
        ("claude-3-haiku-20240307", {"max_tokens": 9000}, "max_tokens: 9000 > 8192"),
        ("claude-opus-4-6", {"messages": [*HELLO, assistant(text("So"))]}, "does not support assistant message"),
    ],
)
async def test_models_differ(mock: MockProcess, model: str, fields: dict[str, Any], message: str) -> None:
    assert message in await refusal(mock, model, **fields)


async def test_older_models_take_both_samplings_and_4_6_both_kinds_of_thinking(mock: MockProcess) -> None:
    assert (await claude(mock, "claude-3-5-sonnet-20241022", temperature=0.5, top_p=0.5)).status == 200
    assert (await claude(mock, "claude-opus-4-6", thinking=BUDGET, max_tokens=4000)).status == 200
    assert (await claude(mock, "claude-opus-4-6", thinking={"type": "adaptive"})).status == 200


async def test_a_thought_comes_back_as_it_was(mock: MockProcess) -> None:
    first = (await claude(mock, "claude-opus-4-8;redacted", thinking={"type": "adaptive"})).json["content"]
    thinking, redacted = first[0], first[1]

    def asked(*blocks: Any) -> dict[str, Any]:
        return {"model": "claude-opus-4-8", "messages": [*HELLO, assistant(*blocks), *HELLO]}

    assert (await claude(mock, **asked(thinking, redacted, text("So")))).status == 200
    invalid = "messages.1.content.0: Invalid `signature` in `thinking` block"
    assert await refusal(mock, **asked(thinking | {"thinking": "Changed"}, text("So"))) == invalid
    assert await refusal(mock, **asked(thinking | {"signature": "Zm9yZWlnbg=="}, text("So"))) == invalid
    assert await refusal(mock, **(asked(thinking, text("So")) | {"model": "claude-opus-5"})) == invalid
    said = await refusal(mock, **asked(redacted | {"data": "Zm9yZWlnbg=="}, text("So")))
    assert said == "messages.1.content.0: Invalid `data` in `redacted_thinking` block"
    said = await refusal(mock, **asked({"type": "thinking", "thinking": "So"}))
    assert said == "messages.1.content.0.thinking.signature: Field required"


async def test_with_a_budget_the_thoughts_before_the_calls_have_to_come_back(mock: MockProcess) -> None:
    asked: dict[str, Any] = {"thinking": BUDGET, "max_tokens": 4000, "tools": [TOOL]}
    messages = [*HELLO, assistant(CALL), user(RESULT)]
    said = await refusal(mock, messages=messages, **asked)
    assert "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`" in said
    thinking = (await claude(mock, **asked)).json["content"][0]
    messages[1] = assistant(thinking, CALL)
    assert (await claude(mock, messages=messages, **asked)).status == 200


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "object"}, "'additionalProperties' must be explicitly set to false"),
        ({"type": "integer", "minimum": 1, "maximum": 2}, "For 'integer' type, properties maximum, minimum are not"),
        ({"type": "array", "items": {"oneOf": []}}, "properties oneOf are not supported"),
        ({"type": "array", "minItems": 2}, "properties minItems are not supported"),
        ("object", "Input should be a valid dictionary"),
    ],
)
async def test_a_schema_has_to_be_one_of_the_simple_kind(mock: MockProcess, schema: Any, message: str) -> None:
    said = await refusal(mock, output_config={"format": {"type": "json_schema", "schema": schema}})
    assert said.startswith("output_config.format.json_schema.schema: ")
    assert message in said


async def test_a_property_may_be_named_like_a_keyword(mock: MockProcess) -> None:
    schema = {"type": "object", "additionalProperties": False, "properties": {"minimum": {"type": "integer"}}}
    answer = await claude(mock, output_config={"format": {"type": "json_schema", "schema": schema}})
    assert answer.json["content"][0]["text"] == '{"minimum":7}'


async def test_beta_fields_are_welcome_with_a_beta(mock: MockProcess) -> None:
    headers = f"{CLASSIC}anthropic-beta: mcp-client-2025-11-20\r\n"
    assert (await claude(mock, headers=headers, mcp_servers=[], context_management={})).status == 200


async def test_a_thread_is_refused_so_that_clients_go_on_without(mock: MockProcess) -> None:
    headers = f"{CLASSIC}anthropic-beta: message-threads-2026-08-12\r\n"
    answer = await claude(mock, headers=headers, thread={"type": "create"})
    assert answer.status == 400
    assert answer.json["error"]["details"]["error_code"] == "thread_unsupported_request"


async def test_tools_of_vendors_and_servers_are_welcome(mock: MockProcess) -> None:
    tools = [{"type": "bash_20250124", "name": "bash"}, {"type": "web_search_20250305", "name": "web_search"}]
    answer = await claude(mock, "claude-mock;toolcall", tools=tools)
    assert answer.json["content"][0]["name"] == "bash"


@pytest.mark.parametrize(
    ("header", "key", "status", "kind"),
    [
        ("x-api-key: ", "sk-wrong-1", 401, "authentication_error"),
        ("authorization: Bearer ", "sk-wrong-1", 401, "authentication_error"),
        ("x-api-key: ", "sk-limited", 429, "rate_limit_error"),
        ("authorization: Bearer ", "sk-broken", 500, "api_error"),
    ],
)
async def test_a_key_can_be_told_to_fail(mock: MockProcess, header: str, key: str, status: int, kind: str) -> None:
    answer = await claude(mock, headers=f"{CLASSIC}{header}{key}\r\n")
    assert (answer.status, answer.json["error"]["type"]) == (status, kind)
    assert key not in answer.json["error"]["message"]


async def test_what_is_wrong_with_any_request_is_said_in_anthropics_words(mock: MockProcess) -> None:
    for body in (b"", b"{", b"[]", b"\xff"):
        answer = await ask(mock.port, request(body, MESSAGES, headers=CLASSIC))
        assert (answer.status, answer.json["error"]["message"]) == (400, "The request body is not valid JSON")
    assert await refusal(mock, model=None) == "model: Field required"
    assert await refusal(mock, model=5) == "model: Input should be a valid string"
    assert "'chunk' is not a behaviour" in await refusal(mock, "claude-mock;chunk=3")
    missing = await claude(mock, "missing-claude")
    assert (missing.status, missing.json["error"]["message"]) == (404, "model: missing-claude")
    unknown = await post(mock, f"{MESSAGES}/batches", {}, CLASSIC)
    assert (unknown.status, unknown.json["error"]["type"]) == (404, "not_found_error")
    wrong = await get(mock, MESSAGES, CLASSIC)
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [user({"type": ["text"]})]},
        {"messages": [user({"type": "text", "text": 5})]},
        {"messages": [user({"type": "image", "source": None})]},
        {"messages": [{"role": ["user"], "content": "Hi"}]},
        {"messages": [{"role": "user", "content": {"a": [[[]]]}}]},
        {"messages": [*HELLO, assistant(CALL | {"input": json.loads("[" * 400 + "]" * 400)})]},
        {"messages": [*HELLO, assistant(CALL | {"input": {"a": json.loads("[" * 900 + "]" * 900)}}), user(RESULT)]},
        {"tools": [5], "tool_choice": {"type": 5}},
        {"tools": [{"name": 5, "input_schema": 5}]},
        {"tools": [{"name": "f", "input_schema": {"type": "object", "properties": {"a": 5, "b": {"enum": []}}}}],
         "tool_choice": {"type": "any"}},
        {"thinking": "yes", "system": 5},
        {"system": {"type": "text"}, "metadata": []},
        {"output_config": {"format": {"type": "json_schema", "schema": {"$ref": "#"}}}},
    ],
)  # fmt: skip
async def test_odd_values_do_not_break_the_mock(mock: MockProcess, fields: dict[str, Any]) -> None:
    assert (await claude(mock, **fields)).status in (200, 400)
