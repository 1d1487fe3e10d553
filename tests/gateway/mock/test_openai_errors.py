"""Wrong requests get OpenAI's own errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.gateway.mock.peer import CHAT, MESSAGES, ask, chat, request
from tests.providers import MockProcess


@pytest.mark.parametrize(
    ("path", "document", "param", "code"),
    [
        (CHAT, {"messages": MESSAGES}, None, None),
        (CHAT, {"model": 5, "messages": MESSAGES}, "model", "invalid_type"),
        (CHAT, {"model": "gpt-4o"}, "messages", "missing_required_parameter"),
        (CHAT, {"model": "gpt-4o", "messages": []}, "messages", "empty_array"),
        (CHAT, {"model": "gpt-4o", "messages": "Hi"}, "messages", "invalid_type"),
        (CHAT, {"model": "gpt-4o", "messages": ["Hi"]}, "messages[0]", "invalid_type"),
        (CHAT, {"model": "gpt-4o", "messages": [{"content": "Hi"}]}, "messages[0].role", "missing_required_parameter"),
        (CHAT, {"model": "gpt-4o", "messages": [{"role": "king"}]}, "messages[0].role", "invalid_value"),
        (CHAT, {"model": "gpt-4o", "messages": [{"role": ["user"]}]}, "messages[0].role", "invalid_value"),
        ("/v1/completions", {"model": "gpt"}, "prompt", "missing_required_parameter"),
        ("/v1/embeddings", {"model": "text"}, "input", "missing_required_parameter"),
        ("/v1/embeddings", {"model": "text", "input": []}, "input", "invalid_value"),
        ("/v1/embeddings", {"model": "text", "input": "a", "dimensions": -1}, "dimensions", "invalid_value"),
        ("/v1/rerank", {"model": "rerank-1", "query": "a"}, "documents", "missing_required_parameter"),
        ("/v1/images/generations", {"model": "gpt-image-1"}, "prompt", "missing_required_parameter"),
        ("/v1/audio/speech", {"model": "tts-1", "input": "a"}, "voice", "missing_required_parameter"),
    ],
)
async def test_what_is_wrong_is_named(
    mock: MockProcess, path: str, document: dict[str, Any], param: str | None, code: str | None
) -> None:
    answer = await ask(mock.port, request(json.dumps(document).encode(), path))
    assert answer.status == 400
    error = answer.json["error"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 3000])
async def test_a_body_that_is_no_object_is_refused(mock: MockProcess, body: bytes) -> None:
    answer = await ask(mock.port, request(body))
    assert answer.status == 400
    assert "parse the JSON body" in answer.json["error"]["message"]


async def test_an_unknown_model_is_not_found(mock: MockProcess) -> None:
    answer = await ask(mock.port, request(chat("missing-model")))
    assert (answer.status, answer.json["error"]["code"]) == (404, "model_not_found")
    assert "`missing-model`" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("key", "status"), [("sk-wrong-1234", 401), ("sk-limited", 429), ("sk-broken", 500), ("sk-good", 200)]
)
async def test_a_key_can_be_told_to_fail(mock: MockProcess, key: str, status: int) -> None:
    answer = await ask(mock.port, request(chat("gpt-4o"), headers=f"authorization: Bearer {key}\r\n"))
    assert answer.status == status
    if status == 401:
        assert answer.json["error"]["code"] == "invalid_api_key"
        assert key not in answer.json["error"]["message"]


async def test_unknown_paths_and_wrong_methods(mock: MockProcess) -> None:
    assert (await ask(mock.port, request(b"{}", "/v1/nothing"))).status == 404
    wrong = await ask(mock.port, request(b"", CHAT, method="GET"), method="GET")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
    assert (await ask(mock.port, request(b"", "/v1/models/missing-x", method="GET"), method="GET")).status == 404


@pytest.mark.parametrize("path", ["/v1/images/edits", "/v1/audio/transcriptions", "/v1/audio/translations"])
async def test_a_form_that_is_none_is_refused(mock: MockProcess, path: str) -> None:
    answer = await ask(mock.port, request(b"{}", path, headers="content-type: application/json\r\n"))
    assert (answer.status, answer.json["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    "document",
    [
        {"stream": True, "stream_options": "yes"},
        {"stream": True, "tools": "hammer", "tool_choice": "required"},
        {"tools": [5, {"function": 5}, {"function": {}}], "tool_choice": {"function": {"name": 5}}},
        {"tools": [{"function": {"name": "f", "parameters": {"properties": {"a": 5, "b": {"enum": []}}}}}],
         "tool_choice": "required"},
        {"n": "many", "max_tokens": "few"},
        {"n": -1, "max_tokens": -1},
        {"messages": [{"role": "user", "content": {"a": [[[]]]}}, {"role": "tool", "content": [5, None, {}]}]},
    ],
)  # fmt: skip
async def test_odd_values_do_not_break_the_mock(mock: MockProcess, document: dict[str, Any]) -> None:
    answer = await ask(mock.port, request(json.dumps({"model": "gpt-4o", "messages": MESSAGES} | document).encode()))
    assert answer.status in (200, 400)
