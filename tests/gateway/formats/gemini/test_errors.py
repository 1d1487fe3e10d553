"""Google's errors in neutral words, and ours in Google's shape."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.errors import (
    GatewayError,
    InvalidKey,
    InvalidRequest,
    LimitReached,
    ProviderRefused,
    UnknownModel,
    UpstreamTimeout,
)
from gateway.formats.gemini.errors import read_error, write_error, write_error_event

RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}
OF_THE_DAY = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "RequestsPerDay"}]}


def body(message: str, word: str | None, code: int | None = None, *details: Any) -> bytes:
    error = {"code": code, "message": message, "status": word, "details": list(details)}
    return orjson.dumps({"error": {name: value for name, value in error.items() if value is not None}})


@pytest.mark.parametrize(
    ("status", "said", "category", "answer"),
    [
        (400, body("no such field", "INVALID_ARGUMENT"), "bad_request", 400),
        (400, body("API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT"), "auth", 502),
        (400, body("The input exceeds the maximum number of tokens", "INVALID_ARGUMENT"), "context_too_long", 400),
        (400, body("Function call is missing a thought_signature", "INVALID_ARGUMENT"), "thinking_state", 400),
        (401, body("who?", "UNAUTHENTICATED"), "auth", 502),
        (403, body("no", "PERMISSION_DENIED"), "forbidden", 502),
        (404, body("no model", "NOT_FOUND"), "not_found", 404),
        (429, body("slow", "RESOURCE_EXHAUSTED", 429, RETRY), "rate_limit", 429),
        (429, body("slow", "RESOURCE_EXHAUSTED", 429, RETRY, OF_THE_DAY), "quota", 429),
        (429, body("enough", "RESOURCE_EXHAUSTED", 429, OF_THE_DAY), "quota", 429),
        (429, body("Your project has exceeded its spending cap", "RESOURCE_EXHAUSTED"), "quota", 429),
        (500, body("oops", "INTERNAL"), "server", 502),
        (503, body("overloaded", "UNAVAILABLE"), "overloaded", 529),
        (504, body("late", "DEADLINE_EXCEEDED"), "timeout", 504),
        (200, body("slow", None, 429), "rate_limit", 429),
        (500, body("slow", None, 429), "rate_limit", 429),
        (502, b"<html>", "server", 502),
        (429, b"", "rate_limit", 429),
        (418, b"[]", "bad_request", 400),
    ],
)
def test_errors_are_told_apart(status: int, said: bytes, category: str, answer: int) -> None:
    error = read_error(status, {}, said)
    assert (error.category, error.status) == (category, answer)


def test_an_error_in_an_array_or_in_its_own_message_is_unwrapped() -> None:
    inner = body("slow", "RESOURCE_EXHAUSTED", 429, RETRY)
    for said in (b"[" + inner + b"]", body(inner.decode(), "UNKNOWN")):
        error = read_error(429, {}, said)
        assert (error.message, error.category, error.retry_after) == ("slow", "rate_limit", 34.4)


def test_what_cannot_be_read_is_told_by_its_status() -> None:
    assert read_error(502, {}, b"<html>").message == "Upstream returned status 502"


def test_secrets_stay_here() -> None:
    said = "key AIzaSyA0123456789abcdefghijk and ?key=abc and Bearer x.y and ya29.c.b0A_x-y.z7"
    assert "AIza" not in (found := read_error(400, {}, body(said, "INVALID_ARGUMENT")).message)
    assert "abc" not in found
    assert "x.y" not in found
    assert "b0A" not in found
    assert "z7" not in found


@pytest.mark.parametrize(("name", "value", "seconds"), [(b"retry-after", b"7", 7.0), (b"retry-after-ms", b"250", 0.25)])
def test_headers_tell_when_to_try_again(name: bytes, value: bytes, seconds: float) -> None:
    assert read_error(429, {name: value}, b"").retry_after == seconds


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (InvalidRequest("bad", param="contents"), 400, "INVALID_ARGUMENT"),
        (InvalidKey("who?"), 401, "UNAUTHENTICATED"),
        (UnknownModel("none"), 404, "NOT_FOUND"),
        (UpstreamTimeout("late"), 504, "DEADLINE_EXCEEDED"),
        (ProviderRefused("busy", category="overloaded"), 503, "UNAVAILABLE"),
        (ProviderRefused("slow", category="rate_limit", retry_after=2.2), 429, "RESOURCE_EXHAUSTED"),
        (ProviderRefused("oops", category="server"), 502, "INTERNAL"),
        (
            ProviderRefused("no", category="bad_request", code="FAILED_PRECONDITION"),
            400,
            "FAILED_PRECONDITION",
        ),
    ],
)
def test_errors_have_googles_words(error: GatewayError, code: int, word: str) -> None:
    status, said = write_error(error, "req")
    fields = orjson.loads(said)["error"]
    assert (status, fields["code"], fields["status"], fields["message"]) == (code, code, word, error.message)
    assert write_error_event(error, "req") == b"data: " + said + b"\n\n"


def test_details_tell_the_field_and_when_to_try_again() -> None:
    field = orjson.loads(write_error(InvalidRequest("bad", param="contents"), "r")[1])["error"]["details"][0]
    assert field["fieldViolations"] == [{"field": "contents", "description": "bad"}]
    slow = ProviderRefused("slow", category="rate_limit", retry_after=2.2)
    assert orjson.loads(write_error(slow, "r")[1])["error"]["details"][0]["retryDelay"] == "3s"


@pytest.mark.parametrize(
    ("limit", "name"),
    [
        ("requests_per_minute", "RequestsPerMinute"),
        ("tokens_per_month", "TokensPerMonth"),
        ("budget_nano_usd", "Budget"),
    ],
)
def test_details_tell_which_limit_of_ours_leaves_no_room(limit: str, name: str) -> None:
    error = LimitReached("too many", retry_after=11.2, limit=limit)
    assert orjson.loads(write_error(error, "r")[1])["error"]["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{"quotaId": name, "description": "too many"}],
        },
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12s"},
    ]
