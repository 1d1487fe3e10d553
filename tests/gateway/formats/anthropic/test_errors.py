"""Errors: a provider's in neutral words, ours in Anthropic's."""

from __future__ import annotations

import orjson
import pytest

from gateway.errors import (
    Draining,
    GatewayError,
    InvalidKey,
    InvalidRequest,
    ProviderRefused,
    RequestTooLarge,
    UnknownModel,
    UnsupportedParameter,
    UpstreamTimeout,
)
from gateway.formats.anthropic.dialect import FORMAT
from gateway.formats.anthropic.errors import read_error, refusal, write_error, write_error_event


def body(kind: str, message: str = "m", **details: str) -> bytes:
    return orjson.dumps({"type": "error", "error": {"type": kind, "message": message, "details": details}})


@pytest.mark.parametrize(
    ("status", "answer", "category", "told"),
    [
        (400, body("invalid_request_error"), "bad_request", 400),
        (400, body("invalid_request_error", "prompt is too long: 9 > 8"), "context_too_long", 400),
        (400, body("invalid_request_error", "Invalid `signature` in `thinking` block"), "thinking_state", 400),
        (400, body("invalid_request_error", "Your credit balance is too low"), "quota", 429),
        (401, body("authentication_error"), "auth", 502),
        (402, body("billing_error"), "quota", 429),
        (403, body("permission_error"), "forbidden", 502),
        (404, body("not_found_error"), "not_found", 404),
        (409, body("conflict_error"), "bad_request", 400),
        (413, body("request_too_large"), "bad_request", 400),
        (429, body("rate_limit_error"), "rate_limit", 429),
        (429, body("rate_limit_error", error_code="contract_spend_limit_reached"), "quota", 429),
        (429, body("rate_limit_error", error_code="ramp_limit_exceeded"), "rate_limit", 429),
        (500, body("api_error"), "server", 502),
        (503, body("api_error"), "overloaded", 529),
        (504, body("timeout_error"), "timeout", 504),
        (529, body("overloaded_error"), "overloaded", 529),
        (529, b"", "overloaded", 529),
        (502, b"<html>", "server", 502),
        (418, b"[]", "bad_request", 400),
        (500, b'{"error":"x"}', "server", 502),
        (500, b'[{"error":{"message":"x"}}]', "server", 502),
    ],
)
def test_errors_are_told_apart(status: int, answer: bytes, category: str, told: int) -> None:
    error = read_error(status, {}, answer)
    assert (error.category, error.status) == (category, told)


def test_nothing_readable_is_told_by_its_status_and_secrets_not_at_all() -> None:
    assert read_error(500, {}, b"<html>").message == "Upstream returned status 500"
    assert "abcdef" not in read_error(401, {}, body("authentication_error", "bad key sk-ant-abcdefgh")).message


def test_an_error_within_an_error_is_unwrapped() -> None:
    inner = orjson.dumps({"error": {"type": "overloaded_error", "message": "Overloaded"}}).decode()
    error = read_error(500, {}, body("api_error", inner))
    assert (error.message, error.category) == ("Overloaded", "overloaded")


def test_without_a_status_the_type_counts() -> None:
    assert refusal({"type": "rate_limit_error", "message": "m"}).category == "rate_limit"
    assert refusal({}).category == "server"


DATE = b"Sat, 21 Nov 2026 08:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({b"retry-after": b"7"}, 7.0),
        ({b"retry-after": b"soon"}, None),
        ({b"retry-after-ms": b"1500"}, 1.5),
        (
            {
                b"date": DATE,
                b"anthropic-ratelimit-tokens-remaining": b"0",
                b"anthropic-ratelimit-tokens-reset": b"2026-11-21T08:00:30Z",
            },
            30.0,
        ),
        (
            {
                b"date": DATE,
                b"anthropic-ratelimit-tokens-remaining": b"5",
                b"anthropic-ratelimit-tokens-reset": b"2026-11-21T08:00:30Z",
            },
            None,
        ),
        (
            {
                b"date": DATE,
                b"anthropic-ratelimit-tokens-remaining": b"0",
                b"anthropic-ratelimit-tokens-reset": b"tomorrow",
            },
            None,
        ),
    ],
)
def test_when_to_try_again(headers: dict[bytes, bytes], seconds: float | None) -> None:
    assert read_error(429, headers, body("rate_limit_error")).retry_after == seconds


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (InvalidRequest("m"), 400, "invalid_request_error"),
        (InvalidKey("m"), 401, "authentication_error"),
        (UnknownModel("m"), 404, "not_found_error"),
        (RequestTooLarge("m"), 413, "invalid_request_error"),
        (Draining("m"), 529, "overloaded_error"),
        (UpstreamTimeout("m"), 504, "timeout_error"),
        (ProviderRefused("m", category="quota"), 429, "rate_limit_error"),
        (ProviderRefused("m", category="overloaded"), 529, "overloaded_error"),
        (ProviderRefused("m", category="server"), 502, "api_error"),
    ],
)
def test_errors_are_told_in_anthropics_words(error: GatewayError, status: int, kind: str) -> None:
    told, answer = write_error(error, "req_1")
    fields = {"type": "error", "error": {"type": kind, "message": "m"}, "request_id": "req_1"}
    assert (told, orjson.loads(answer)) == (status, fields)
    assert write_error_event(error, "req_1") == b"event: error\ndata: " + answer + b"\n\n"


def test_a_prompt_too_long_is_told_in_the_words_clients_look_for() -> None:
    error = ProviderRefused("maximum context length is 9", category="context_too_long")
    assert b"prompt is too long: maximum context" in write_error(error, "")[1]


def test_the_dialect_is_put_together() -> None:
    assert FORMAT.headers == ((b"anthropic-version", b"2023-06-01"),)
    assert FORMAT.keepalive == b'event: ping\ndata: {"type": "ping"}\n\n'
    assert FORMAT.field_names["stop"] == "stop_sequences"


def test_a_refused_thread_is_told_so_that_tool_runners_go_on_without() -> None:
    """Those of the official SDKs begin a thread of their own accord, and know this code as the sign to do without."""
    told = orjson.loads(write_error(UnsupportedParameter("no", param="thread"), "r")[1])["error"]
    assert told["details"] == {"error_code": "thread_unsupported_request", "unsupported": ["provider"]}
    assert "details" not in orjson.loads(write_error(UnsupportedParameter("no", param="container"), "r")[1])["error"]
