"""Wrong requests get Google's own errors."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.gateway.mock.dialects import CONTENTS, SCHEMA, gemini, get, parts, post
from tests.gateway.mock.peer import ask, request
from tests.providers import MockProcess

CALL = {"functionCall": {"name": "f", "args": {}}}
RESPONSE = {"functionResponse": {"name": "f", "response": {"output": "warm"}}}
DEEP = json.loads("[" * 900 + "]" * 900)
SKIP = "skip_thought_signature_validator"


def user(*said: Any) -> dict[str, Any]:
    return {"role": "user", "parts": list(said)}


def model(*said: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(said)}


def functions(*declarations: Any) -> dict[str, Any]:
    return {"tools": [{"functionDeclarations": list(declarations)}]}


def thinking(**config: Any) -> dict[str, Any]:
    return {"generationConfig": {"thinkingConfig": config}}


async def refusal(mock: MockProcess, name: str = "gemini-mock", **more: Any) -> str:
    """What Google says of a request that it refuses."""
    answer = await gemini(mock, name, **more)
    assert answer.status == 400
    error = answer.json["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    return str(error["message"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"messages": []}, 'Invalid JSON payload received. Unknown name "messages": Cannot find field.'),
        ({"generationConfig": {"max_tokens": 1}}, "Unknown name \"max_tokens\" at 'generation_config': Cannot find"),
        ({"contents": [user({"text": "Hi", "cache_control": {}})]}, "\"cache_control\" at 'contents[0].parts[0]'"),
        ({"generationConfig": {"temperature": "warm"}}, "'generation_config.temperature' (TYPE_FLOAT), \"warm\""),
        ({"generationConfig": {"topK": [1]}}, "\"top_k\" at 'generation_config': Proto field is not repeating"),
        ({"generationConfig": {"seed": 1.5}}, "Invalid value at 'generation_config.seed' (TYPE_INT32), 1.5"),
        ({"generationConfig": {"responseLogprobs": 1}}, "'generation_config.response_logprobs' (TYPE_BOOL), 1"),
        ({"contents": [user({"text": 5})]}, "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), 5"),
        ({"contents": {}}, "Invalid value at 'contents'"),
        ({"contents": ["Hi"]}, "Invalid value at 'contents[0]' (type.googleapis.com/google.ai.generativelanguage"),
        ({"systemInstruction": "Be brief."}, "Invalid value at 'system_instruction'"),
        ({"labels": []}, "Invalid value at 'labels' (map field)"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "FORCED"}}}, "FunctionCallingConfig.Mode), \"FORCED\""),
        ({"safetySettings": [{"category": "NONSENSE"}]}, "'safety_settings[0].category'"),
        (
            {"contents": [user({"text": "a", "inlineData": {"mimeType": "image/png", "data": "aGk="}})]},
            "(oneof), oneof field 'data' is already set. Cannot set 'inlineData'",
        ),
        (
            {"contents": [user({"inlineData": {"mimeType": "image/png", "data": "?!"}})]},
            "Invalid value at 'contents[0].parts[0].inline_data.data' (TYPE_BYTES)",
        ),
        (functions({"name": "f", "parameters": {"type": "OBJECT", "additionalProperties": False}}),
         "\"additionalProperties\" at 'tools[0].function_declarations[0].parameters': Cannot find field."),
        (functions({"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"type": ["STRING"]}}}}),
         "'tools[0].function_declarations[0].parameters.properties[0].value': Proto field is not repeating"),
        (functions({"name": "f", "parameters": {"type": "THING"}}), 'v1beta.Type), "THING"'),
    ],
)  # fmt: skip
async def test_fields_that_do_not_fit_are_named(mock: MockProcess, fields: dict[str, Any], message: str) -> None:
    answer = await gemini(mock, **fields)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert message in answer.json["error"]["message"]
    assert answer.json["error"]["details"][0]["@type"] == "type.googleapis.com/google.rpc.BadRequest"


async def test_all_that_does_not_fit_is_named_at_once(mock: MockProcess) -> None:
    answer = await gemini(mock, a=1, b=2)
    assert answer.json["error"]["message"].count("Unknown name") == 2
    assert len(answer.json["error"]["details"][0]["fieldViolations"]) == 2


async def test_both_spellings_are_read(mock: MockProcess) -> None:
    config = {"max_output_tokens": "2", "thinking_config": {"include_thoughts": False}, "seed": None}
    answer = await gemini(mock, generation_config=config, system_instruction={"parts": [{"text": "Be"}]})
    assert answer.json["candidates"][0]["finishReason"] == "MAX_TOKENS"


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ([], "contents is not specified"),
        ([{"role": "user"}], "contents[0].parts: contents.parts must not be empty."),
        ([{"role": "system", "parts": [{"text": "Hi"}]}], "Please use a valid role: user, model."),
        ([model({"text": "Hi"})], "multiturn requests begin with a user turn"),
        ([user({"thought": True})], "contents[0].parts[0].data: required oneof field 'data' must have one initialized"),
        ([*CONTENTS, model(CALL)], "number of function response parts is equal to the number of function call parts"),
        ([*CONTENTS, model(CALL, CALL), user(RESPONSE)], "number of function response parts is equal"),
        ([*CONTENTS, model(CALL), user({"text": "Hi"})], "number of function response parts is equal"),
        ([*CONTENTS, model(CALL), user(RESPONSE, RESPONSE)], "number of function response parts is equal"),
        ([user(RESPONSE)], "function response turn comes immediately after a function call turn"),
        ([*CONTENTS, model({"text": "So"}), model(CALL), user(RESPONSE)], "function call turn comes immediately after"),
        (
            [*CONTENTS, model(CALL), user({"functionResponse": {"response": {}}})],
            "contents[2].parts[0].function_response.name: Name cannot be empty.",
        ),
        ([*CONTENTS, model({"functionCall": {"args": {}}}), user(RESPONSE)], "function_call.name: Name cannot be"),
        ([user({"fileData": {"fileUri": "https://example.com/a.png"}})], "Invalid or unsupported file uri: https://"),
        ([user({"inlineData": {"mimeType": "application/zip", "data": "aGk="}})], "Unsupported MIME type"),
        ([user({"inlineData": {"mimeType": "image/png"}})], "Unable to process input image"),
        ([*CONTENTS, model({"text": "", "thoughtSignature": "aGk="}), *CONTENTS], "Corrupted thought signature."),
    ],
)
async def test_what_is_wrong_with_a_conversation_is_said(mock: MockProcess, contents: list[Any], message: str) -> None:
    assert message in await refusal(mock, contents=contents)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (functions({"name": "9lives"}), "function_declarations[0].name: Invalid function name. Must start with a"),
        (functions({"name": "a b"}), "Invalid function name"),
        (functions({"name": "f" * 129}), "Invalid function name"),
        (functions({"name": "f"}, {"name": "f"}), "Duplicate function declaration found: f"),
        (functions(*({"name": f"f{number}"} for number in range(513))), "At most 512 function declarations"),
        (functions({"name": "f", "parameters": {"type": "STRING"}, "parametersJsonSchema": {}}), "mutually exclusive"),
        (functions({"name": "f", "parameters": {"type": "OBJECT"}}), "should be non-empty for OBJECT type"),
        (functions({"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "array"}}}}),
         "parameters.properties[a].items: missing field."),
        (functions({"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {}}, "required": ["b"]}}),
         "parameters.required[0]: property is not defined"),
        (functions({"name": "f", "parameters": {"type": "INTEGER", "enum": ["1"]}}), "enum: only allowed for STRING"),
        (functions({"name": "f", "parametersJsonSchema": {"type": "object", "$schema": "a"}}),
         'function_declarations[0].parameters_json_schema: Unknown keyword "$schema"'),
        (functions({"name": "f", "parametersJsonSchema": SCHEMA | {"properties": {"a": {"const": 1}}}}),
         'parameters_json_schema.properties[a]: Unknown keyword "const"'),
        (functions({"name": "f", "parametersJsonSchema": {"$ref": "#/$defs/a", "title": "a"}}), "next to $ref only"),
        (functions({"name": "f", "parametersJsonSchema": {"enum": [None]}}), "enum: only strings and numbers"),
        (functions({"name": "f", "parametersJsonSchema": "any"}), "must be a JSON Schema object"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}, "set without function_declarations"),
        (functions({"name": "f"}) | {"toolConfig": {"functionCallingConfig": {"allowedFunctionNames": ["f"]}}},
         "allowed_function_names should only be set when"),
        (functions({"name": "f"})
         | {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["g"]}}},
         "`g` is not among the function declarations"),
        ({"tools": [{"googleSearch": {}, "functionDeclarations": [{"name": "f"}]}]},
         "Please enable tool_config.include_server_side_tool_invocations"),
        ({"cachedContent": "cachedContents/a", "systemInstruction": {"parts": [{"text": "Be"}]}}, "CachedContent can"),
        (thinking(thinkingLevel="LOW", thinkingBudget=100), "only set only one of thinking budget and thinking level"),
        (thinking(thinkingBudget=10**6), "The thinking budget 1000000 is invalid"),
        (thinking(thinkingBudget=0, includeThoughts=True), "include_thoughts is only enabled when thinking is enabled"),
        ({"generationConfig": {"temperature": 3}}, "generation_config.temperature: must be in the range [0, 2]"),
        ({"generationConfig": {"maxOutputTokens": 0}}, "max_output_tokens must be positive"),
        ({"generationConfig": {"stopSequences": list("abcdef")}}, "at most 5 stop sequences"),
        ({"generationConfig": {"logprobs": 2}}, "only allowed when response_logprobs is true"),
        ({"generationConfig": {"responseMimeType": "image/png"}}, "allowed mimetypes are"),
        ({"generationConfig": {"responseJsonSchema": SCHEMA}}, "only allowed with response_mime_type application/json"),
        ({"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": {"not": {}}}},
         'generation_config.response_json_schema: Unknown keyword "not"'),
        ({"generationConfig": {"responseMimeType": "application/json", "responseSchema": {"type": "OBJECT"}}},
         "response_schema.properties: should be non-empty"),
        ({"generationConfig": {"responseMimeType": "application/json", "responseSchema": {}, "responseJsonSchema": {}}},
         "mutually exclusive"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_request_is_said(mock: MockProcess, fields: dict[str, Any], message: str) -> None:
    assert message in await refusal(mock, **fields)


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("gemini-2.5-pro", thinking(thinkingBudget=0), "Budget 0 is invalid. This model only works in thinking mode."),
        ("gemini-2.5-pro", thinking(thinkingBudget=5), "Please choose a value between 128 and 32768."),
        ("gemini-2.5-flash", thinking(thinkingBudget=30000), "Please choose a value between 1 and 24576."),
        ("gemini-2.5-flash-lite", thinking(thinkingBudget=100), "between 512 and 24576"),
        ("gemini-2.5-pro", thinking(thinkingLevel="LOW"), "Thinking level is not supported for this model."),
        ("gemini-3-pro-preview", thinking(thinkingLevel="MINIMAL"), "Thinking level MINIMAL is not supported"),
        ("gemini-2.0-flash", thinking(includeThoughts=True), "Thinking is not supported for this model."),
        ("gemini-2.5-pro", {"tools": [{"googleSearch": {}}, {"functionDeclarations": [{"name": "f"}]}]},
         "Tool use with function calling is unsupported"),
        ("gemini-2.5-pro", {"contents": [*CONTENTS, model(CALL), user({"functionResponse": {"name": "f", "parts": [
            {"inlineData": {"mimeType": "image/png", "data": "aGk="}}]}})]}, "parts: not supported for this model"),
        ("gemini-3-pro", {"contents": [*CONTENTS, model(CALL), user(RESPONSE)]},
         "Function call is missing a thought_signature in functionCall parts"),
    ],
)  # fmt: skip
async def test_models_differ(mock: MockProcess, name: str, fields: dict[str, Any], message: str) -> None:
    assert message in await refusal(mock, name, **fields)


async def test_a_signature_comes_back_as_it_was(mock: MockProcess) -> None:
    tools = functions({"name": "f"}, {"name": "g"})
    calls = parts(await gemini(mock, "gemini-3-pro;toolcall=2", **tools))
    results: list[Any] = [{"functionResponse": {"name": name, "response": {}}} for name in ("f", "g")]

    def asked(first: dict[str, Any]) -> dict[str, Any]:
        return {"contents": [*CONTENTS, model(first, calls[1]), user(*results)]}

    assert (await gemini(mock, "gemini-3-pro", **asked(calls[0]))).status == 200
    urlsafe = calls[0]["thoughtSignature"].replace("+", "-").replace("/", "_")
    for signature in (urlsafe, urlsafe.rstrip("="), SKIP, base64.b64encode(SKIP.encode()).decode()):
        assert (await gemini(mock, "gemini-3-pro", **asked(calls[0] | {"thoughtSignature": signature}))).status == 200
    corrupted = "Corrupted thought signature."
    assert await refusal(mock, "gemini-3-pro", **asked(calls[0] | {"thoughtSignature": "aGVsbG8="})) == corrupted
    assert await refusal(mock, "gemini-3-flash", **asked(calls[0])) == corrupted


async def test_files_that_google_can_fetch_are_welcome(mock: MockProcess) -> None:
    for uri in ("gs://bucket/a.png", "https://generativelanguage.googleapis.com/v1beta/files/abc",
                "https://www.youtube.com/watch?v=1", "https://youtu.be/1"):  # fmt: skip
        assert (await gemini(mock, contents=[user({"fileData": {"fileUri": uri}})])).status == 200


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"const": {"type": "string"}, "pattern": {"$ref": "#/$defs/a"}},
         "$defs": {"a": {"anyOf": [{"type": ["string", "null"]}, {"enum": ["a", 1]}]}}, "additionalProperties": False},
        {"type": "array", "prefixItems": [{"type": "integer", "minimum": 1}], "items": {"oneOf": [{"type": "null"}]}},
    ],
)  # fmt: skip
async def test_all_that_the_subset_knows_is_welcome(mock: MockProcess, schema: dict[str, Any]) -> None:
    assert (await gemini(mock, **functions({"name": "f", "parametersJsonSchema": schema}))).status == 200


@pytest.mark.parametrize(
    ("headers", "query", "code", "status"),
    [
        ("x-goog-api-key: sk-wrong\r\n", "", 400, "INVALID_ARGUMENT"),
        ("", "?key=sk-wrong", 400, "INVALID_ARGUMENT"),
        ("authorization: Bearer sk-wrong\r\n", "", 401, "UNAUTHENTICATED"),
        ("x-goog-api-key: sk-limited\r\n", "", 429, "RESOURCE_EXHAUSTED"),
        ("", "?key=sk-broken", 500, "INTERNAL"),
    ],
)
async def test_a_key_can_be_told_to_fail(mock: MockProcess, headers: str, query: str, code: int, status: str) -> None:
    path = f"/v1beta/models/gemini-mock:generateContent{query}"
    answer = await post(mock, path, {"contents": CONTENTS}, headers)
    assert (answer.status, answer.json["error"]["code"], answer.json["error"]["status"]) == (code, code, status)
    if code == 400:
        assert answer.json["error"]["details"][0]["reason"] == "API_KEY_INVALID"


async def test_what_is_wrong_with_any_request_is_said_in_googles_words(mock: MockProcess) -> None:
    path = "/v1beta/models/gemini-mock:generateContent"
    for body in (b"", b"{", b"[]", b"\xff"):
        answer = await ask(mock.port, request(body, path))
        assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert "'chunk' is not a behaviour" in await refusal(mock, "gemini;chunk=3")
    missing = await gemini(mock, "missing-gemini")
    assert (missing.status, missing.json["error"]["status"]) == (404, "NOT_FOUND")
    unknown = await post(mock, "/v1beta/files", {})
    assert (unknown.status, unknown.json["error"]["status"]) == (404, "NOT_FOUND")
    assert (await get(mock, path)).status == 405


@pytest.mark.parametrize(
    "fields",
    [
        {"contents": [user({"functionCall": {"name": ["f"]}})]},
        {"contents": [user({"functionResponse": 5})]},
        {"contents": [{"role": ["user"], "parts": [{"text": "Hi"}]}]},
        {"contents": [*CONTENTS, model({"functionCall": {"name": "f", "args": {"a": DEEP}}}), user(RESPONSE)]},
        {"tools": [5], "toolConfig": 5, "safetySettings": 5},
        {"tools": [{"functionDeclarations": [{"name": 5}, 5]}]},
        functions({"name": "f", "parametersJsonSchema": {"type": 5, "properties": [], "enum": {}, "anyOf": "a"}}),
        functions({"name": "f", "parametersJsonSchema": json.loads('{"items":' * 300 + "{}" + "}" * 300)}),
        functions({"name": "f", "parameters": json.loads('{"items":' * 300 + "{}" + "}" * 300)}),
        {"generationConfig": {"seed": 1e300, "temperature": "nan", "topP": "inf"}},
        {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": {"$ref": "#"}}},
    ],
)  # fmt: skip
async def test_odd_values_do_not_break_the_mock(mock: MockProcess, fields: dict[str, Any]) -> None:
    assert (await gemini(mock, **fields)).status in (200, 400)
