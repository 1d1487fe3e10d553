"""Errors of providers in neutral words, and any error in OpenAI's."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import (
    GatewayError,
    InvalidRequest,
    ProviderFault,
    ProviderRefused,
    UnsupportedParameter,
    UpstreamClosed,
    UpstreamTimeout,
)
from gateway.formats.openai_responses.errors import (
    error_event,
    read_error,
    refusal,
    stream_error_fields,
    write_error,
    write_error_event,
)

from .scene import parsed


def said(status: int, error: Any, headers: dict[bytes, bytes] | None = None) -> ProviderRefused:
    return read_error(status, headers or {}, orjson.dumps({"error": error}))


@pytest.mark.parametrize(
    ("status", "error", "category", "client"),
    [
        (400, {"type": "invalid_request_error", "message": "no"}, "bad_request", 400),
        (400, {"code": "context_length_exceeded", "message": "long"}, "context_too_long", 400),
        (400, {"message": "This model's maximum context length is 8"}, "context_too_long", 400),
        (400, {"message": "Your input exceeds the context window"}, "context_too_long", 400),
        (400, {"code": "invalid_encrypted_content", "message": "x"}, "thinking_state", 400),
        (400, {"message": "The encrypted content could not be verified"}, "thinking_state", 400),
        (400, {"message": "Invalid signature in thinking block"}, "thinking_state", 400),
        (400, {"code": "content_filter", "message": "x"}, "content_filter", 400),
        (401, {"code": "invalid_api_key", "message": "x"}, "auth", 502),
        (402, {"message": "pay"}, "quota", 429),
        (403, {"message": "x"}, "forbidden", 502),
        (404, {"code": "model_not_found", "message": "x"}, "not_found", 404),
        (408, {"message": "x"}, "timeout", 504),
        (409, {"message": "x"}, "bad_request", 400),
        (429, {"type": "insufficient_quota", "code": "insufficient_quota", "message": "x"}, "quota", 429),
        (429, {"type": "tokens", "code": "rate_limit_exceeded", "message": "x"}, "rate_limit", 429),
        (429, {"type": "usage_limit_reached", "plan_type": "plus", "message": "x"}, "quota", 429),
        (400, {"message": "Selected model is at capacity. Please try a different model."}, "overloaded", 529),
        (500, {"type": "server_error", "message": "x"}, "server", 502),
        (503, {"type": "server_error", "message": "x"}, "overloaded", 529),
        (504, {"message": "x"}, "timeout", 504),
        (500, {"type": "service_unavailable_error", "code": "server_is_overloaded", "message": "x"}, "overloaded", 529),
    ],
)
def test_what_a_provider_means(status: int, error: Any, category: ProviderFault, client: int) -> None:
    found = said(status, error)
    assert (found.category, found.status) == (category, client)


@pytest.mark.parametrize(
    ("error", "category"),
    [
        ({"code": "server_error", "message": "oops"}, "server"),
        ({"code": "rate_limit_exceeded", "message": "slow"}, "rate_limit"),
        ({"type": "invalid_request_error", "message": "no"}, "bad_request"),
        ({"code": "insufficient_quota", "type": "insufficient_quota"}, "quota"),
        ({}, "server"),
    ],
)
def test_without_a_status_the_code_counts(error: Any, category: ProviderFault) -> None:
    assert refusal(error).category == category


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>bad gateway</html>", "Upstream returned status 502"),
        (b"", "Upstream returned status 502"),
        (b"[]", "Upstream returned status 502"),
        (b"{}", "Upstream returned status 502"),
        (b'{"error":{"message":""}}', "Upstream returned status 502"),
        (b'{"error":"plain"}', "plain"),
        (b'{"detail":"fast"}', "fast"),
        (b'{"message":"bare"}', "bare"),
        (b'[{"error":{"message":"listed"}}]', "listed"),
        (b'{"error":{"message":"{\\"error\\":{\\"message\\":\\"inner\\"}}"}}', "inner"),
        (b'{"error":{"message":"{not json"}}', "{not json"),
        (b'{"error":{"message":"Incorrect key sk-abcdefgh12345"}}', "Incorrect key ***"),
    ],
)
def test_the_message_is_found_whatever_the_body(body: bytes, message: str) -> None:
    assert read_error(502, {}, body).message == message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({b"retry-after": b"3"}, 3.0),
        ({b"retry-after-ms": b"1500"}, 1.5),
        ({b"retry-after": b"Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({b"x-ratelimit-remaining-tokens": b"0", b"x-ratelimit-reset-tokens": b"6m0.5s"}, 360.5),
        ({b"x-ratelimit-remaining-tokens": b"9", b"x-ratelimit-reset-tokens": b"6m0s"}, None),
        (
            {
                b"x-ratelimit-remaining-requests": b"0",
                b"x-ratelimit-reset-requests": b"20ms",
                b"x-ratelimit-remaining-tokens": b"0",
                b"x-ratelimit-reset-tokens": b"nonsense",
            },
            0.02,
        ),
    ],
)
def test_when_to_try_again(headers: dict[bytes, bytes], seconds: float | None) -> None:
    assert said(429, {"message": "x"}, headers).retry_after == seconds


@pytest.mark.parametrize(
    ("error", "status", "fields"),
    [
        (InvalidRequest("no", param="n"), 400, {"type": "invalid_request_error", "code": "invalid_request"}),
        (UnsupportedParameter("no", param="n"), 400, {"param": "n", "code": "unsupported_parameter"}),
        (UpstreamTimeout("slow"), 504, {"type": "server_error", "code": "upstream_timeout"}),
        (UpstreamClosed("cut"), 502, {"type": "server_error", "code": "upstream_closed"}),
        (refusal({"code": "insufficient_quota"}, 429), 429, {"type": "insufficient_quota"}),
        (refusal({"message": "prompt is too long"}, 400), 400, {"code": "context_length_exceeded"}),
        (refusal({"code": "overloaded_error"}, 529), 503, {"type": "server_error", "code": "overloaded"}),
        (refusal({"code": "invalid_api_key"}, 401), 502, {"type": "server_error", "code": "upstream_error"}),
        (refusal({"code": "invalid_value", "param": "top_p"}, 400), 400, {"code": "invalid_value", "param": "top_p"}),
        (refusal({"type": "invalid_request_error"}, 400), 400, {"type": "invalid_request_error", "code": None}),
        (refusal({"type": "tokens"}, 429), 429, {"type": "rate_limit_error", "code": "rate_limit_exceeded"}),
        (refusal({}, 404), 404, {"type": "invalid_request_error", "code": "model_not_found"}),
    ],
)
def test_clients_hear_of_it_in_their_words(error: GatewayError, status: int, fields: dict[str, Any]) -> None:
    found, body = write_error(error, "id")
    told = orjson.loads(body)["error"]
    assert found == status
    assert told["message"] == error.message
    assert told.keys() == {"message", "type", "param", "code"}
    assert {name: told[name] for name in fields} == fields


def test_a_cut_stream_is_an_error_of_the_provider() -> None:
    assert stream_error_fields(UpstreamClosed("cut"))["code"] == "upstream_error"
    assert stream_error_fields(UpstreamTimeout("slow"))["code"] == "upstream_timeout"


def test_a_stream_ends_with_error_and_then_failed() -> None:
    limited = refusal({"code": "rate_limit_exceeded", "message": "slow"}, 429)
    error, failed = parsed(write_error_event(limited, "r1"), whole=False)
    assert (error["code"], error["message"], error["param"]) == ("rate_limit_exceeded", "slow", None)
    assert error["error"]["code"] == "rate_limit_exceeded"
    assert failed["response"]["error"] == {"code": "rate_limit_exceeded", "message": "slow"}
    assert failed["response"]["id"] == "resp_r1"


def test_fields_of_an_error_event_are_flat_and_nested() -> None:
    fields = {"message": "m", "type": "t", "param": "p", "code": "c"}
    assert orjson.loads(error_event(fields, 7).split(b"data: ")[1]) == {
        "type": "error",
        "sequence_number": 7,
        "code": "c",
        "message": "m",
        "param": "p",
        "error": fields,
    }


@given(st.integers(100, 599), st.binary(max_size=60), st.dictionaries(st.binary(max_size=8), st.binary(max_size=8)))
def test_any_answer_is_an_error_of_ours(status: int, body: bytes, headers: dict[bytes, bytes]) -> None:
    error = read_error(status, headers, body)
    assert error.message
    assert write_error(error, "id")[0] in (400, 404, 429, 502, 503, 504)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(3600, 3600.0), (0, None), (-1, None), (2**62, None), (True, None), ("60", None), (None, None)],
)
def test_a_plan_says_in_its_error_when_its_usage_is_reset(seconds: Any, expected: float | None) -> None:
    error = {"type": "usage_limit_reached", "message": "x", "resets_at": 1, "resets_in_seconds": seconds}
    assert said(429, error).retry_after == expected
    assert said(429, error, {b"retry-after": b"7"}).retry_after == 7.0


def test_a_reset_that_is_no_number_of_seconds_says_nothing_absurd() -> None:
    headers = {b"x-ratelimit-remaining-tokens": b"0", b"x-ratelimit-reset-tokens": b"9" * 400 + b"s"}
    found = said(429, {"message": "x"}, headers).retry_after
    assert found is not None
    assert found < 1e9
