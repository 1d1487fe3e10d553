"""Errors of a Responses provider in neutral words, and any error of ours in OpenAI's shape.

Shapes and codes: https://platform.openai.com/docs/guides/error-codes. A stream ends with `error` and then
`response.failed`; the SDK raises on the nested object of the first, others read its flat fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from gateway.errors import GatewayError, ProviderFault, ProviderRefused, UpstreamClosed, UpstreamMalformed
from gateway.formats.faults import (
    Meanings,
    category_of,
    error_in,
    narrowed,
    readable,
    seconds_to_wait,
    spent,
    status_in,
)
from gateway.formats.format import Fields
from gateway.formats.told import string_of, text_in

# From a provider

_CATEGORY_OF_CODE: dict[str, ProviderFault] = {
    "context_length_exceeded": "context_too_long",
    "insufficient_quota": "quota",
    "billing_hard_limit_reached": "quota",
    "billing_not_active": "quota",
    "usage_limit_reached": "quota",
    "rate_limit_exceeded": "rate_limit",
    "rate_limit_error": "rate_limit",
    "requests": "rate_limit",
    "tokens": "rate_limit",
    "overloaded": "overloaded",
    "overloaded_error": "overloaded",
    "server_is_overloaded": "overloaded",
    "service_unavailable_error": "overloaded",
    "content_filter": "content_filter",
    "content_policy_violation": "content_filter",
    "invalid_api_key": "auth",
    "authentication_error": "auth",
    "permission_error": "forbidden",
    "model_not_found": "not_found",
    "timeout": "timeout",
    "invalid_encrypted_content": "thinking_state",
    "server_error": "server",
    "api_error": "server",
    "invalid_prompt": "bad_request",
    "invalid_request_error": "bad_request",
}
"""By code, else by type. What names only the status is looked at last."""

_VAGUE = frozenset({"invalid_request_error", "server_error", "api_error"})
"""Types that say no more than the status does, which therefore goes first."""

_MEANINGS: Meanings = (
    (
        re.compile(
            r"prompt is too long|maximum context length|context window|exceeds the maximum number of tokens",
            re.IGNORECASE,
        ),
        "context_too_long",
    ),
    (
        re.compile(r"signature|\bthinking\b|encrypted[ _]content|without its required following item", re.IGNORECASE),
        "thinking_state",
    ),
    (re.compile(r"model is at capacity", re.IGNORECASE), "overloaded"),
)

_OF_THE_REQUEST = re.compile(r"\bitem with id\b|\bno such file object\b", re.IGNORECASE)
"""What a 404 may be about that is no model: a part of the request, which nobody else has either."""

_LIMITS = (b"requests", b"tokens")
_REMAINING = b"x-ratelimit-remaining-%b"
_RESET = b"x-ratelimit-reset-%b"
_LONGEST_SECONDS = 10**9
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def read_error(status: int, headers: Mapping[bytes, bytes], body: bytes) -> ProviderRefused:
    """A provider's error answer, whatever its body: JSON, HTML, or nothing."""
    return refusal(error_in(body), status, _retry_after(headers))


def refusal(error: Fields, status: int | None = None, retry_after: float | None = None) -> ProviderRefused:
    """What an error object says. Without a status (streams, answers that failed later) its code alone counts."""
    code, kind, message = text_in(error, "code"), text_in(error, "type"), error.get("message")
    # Compatible servers put the status where the code is; what comes as HTTP 200 has no other.
    said = status_in(error)
    status = said or status
    if said is None and type(error.get("code")) is int:
        code = str(error["code"])
    return ProviderRefused(
        readable(message, status),
        category=narrowed(_category(code, kind, status, message), message, _MEANINGS),
        code=code or kind or None,
        param=text_in(error, "param") or None,
        retry_after=retry_after if retry_after is not None else _seconds_in(error),
    )


def _category(code: str, kind: str, status: int | None, message: Any) -> ProviderFault:
    if status == 404 and _OF_THE_REQUEST.search(string_of(message)):
        return "bad_request"
    for word in (code, kind):
        if word in _CATEGORY_OF_CODE and word not in _VAGUE:
            return _CATEGORY_OF_CODE[word]
    if status is not None:
        return category_of(status)
    return _CATEGORY_OF_CODE.get(code) or _CATEGORY_OF_CODE.get(kind) or "server"


def _retry_after(headers: Mapping[bytes, bytes]) -> float | None:
    """Seconds, from the first header that tells: https://platform.openai.com/docs/guides/rate-limits."""
    seconds = seconds_to_wait(headers)
    if seconds is not None:
        return seconds
    resets = [_seconds(headers.get(_RESET % limit, b"")) for limit in spent(headers, _REMAINING, _LIMITS)]
    return max((each for each in resets if each is not None), default=None)


def _seconds_in(error: Fields) -> float | None:
    """Until the usage of a ChatGPT plan is reset, which is told in the error that Codex gets, and in no header."""
    seconds = error.get("resets_in_seconds")
    return float(seconds) if type(seconds) is int and 0 < seconds <= _LONGEST_SECONDS else None


def _seconds(text: bytes) -> float | None:
    """`6m0s` in seconds."""
    pieces = _DURATION.findall(text.decode("latin-1"))
    return sum(float(amount) * _SECONDS[unit] for amount, unit in pieces) if pieces else None


# For a client

_TYPES = {401: "invalid_request_error", 403: "permission_error", 429: "rate_limit_error"}
"""`error.type` by status; other 4xx are `invalid_request_error`, 5xx `server_error`."""

_CODES: dict[ProviderFault, str | None] = {
    "bad_request": None,
    "thinking_state": None,
    "context_too_long": "context_length_exceeded",
    "content_filter": "content_policy_violation",
    "quota": "insufficient_quota",
    "rate_limit": "rate_limit_exceeded",
    "overloaded": "overloaded",
    "not_found": "model_not_found",
    "timeout": "timeout",
    "auth": "upstream_error",
    "forbidden": "upstream_error",
    "server": "upstream_error",
}
"""`error.code` where the provider's own is not one of OpenAI's."""

_OURS = frozenset({"auth", "forbidden"})
"""Faults of our credentials: what the provider says of them is none of the client's business."""

_OPENAI_CODES = frozenset(
    {
        "array_above_max_length",
        "content_filter",
        "content_policy_violation",
        "context_length_exceeded",
        "decimal_above_max_value",
        "decimal_below_min_value",
        "empty_array",
        "insufficient_quota",
        "integer_above_max_value",
        "integer_below_min_value",
        "invalid_base64_image",
        "invalid_encrypted_content",
        "invalid_function_parameters",
        "invalid_image_url",
        "invalid_json_schema",
        "invalid_prompt",
        "invalid_type",
        "invalid_value",
        "missing_required_parameter",
        "model_not_found",
        "overloaded",
        "rate_limit_exceeded",
        "server_is_overloaded",
        "string_above_max_length",
        "unknown_parameter",
        "unsupported_parameter",
        "unsupported_value",
    }
)
"""Codes of OpenAI's own, which its clients may look for. Not `server_error`: it is a type, and hides what is known."""


def write_error(error: GatewayError, request_id: str) -> tuple[int, bytes]:
    """Status and body for a client. The request id goes into headers, which are not ours to write."""
    status = 503 if error.status == 529 else error.status
    return status, orjson.dumps({"error": error_fields(error)})


def error_fields(error: GatewayError) -> Fields:
    """The `error` object."""
    status, code = error.status, _code(error)
    kind = _TYPES.get(status) or ("server_error" if status >= 500 else "invalid_request_error")
    if code == "insufficient_quota":
        kind = code
    return {"message": error.message, "type": kind, "param": error.param, "code": code}


def stream_error_fields(error: GatewayError) -> Fields:
    """The `error` object of a stream that breaks: how the provider's bytes ended is told as one thing."""
    fields = error_fields(error)
    return {**fields, "code": "upstream_error"} if isinstance(error, UpstreamClosed | UpstreamMalformed) else fields


def failed_fields(error: Fields) -> Fields:
    """`error` of a failed Response object, from an `error` object: its codes are a closed set."""
    limited = error["code"] in ("rate_limit_exceeded", "insufficient_quota")
    return {"code": "rate_limit_exceeded" if limited else "server_error", "message": error["message"]}


def write_error_event(error: GatewayError, request_id: str) -> bytes:
    """The two events that end a broken stream of somebody else's making: its ids are not known here."""
    fields = error_fields(error)
    response = {
        "id": f"resp_{request_id}",
        "object": "response",
        "created_at": 0,
        "status": "failed",
        "error": failed_fields(fields),
        "incomplete_details": None,
        "model": "",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
    }
    failed = {"type": "response.failed", "sequence_number": 1, "response": response}
    return error_event(fields, 0) + b"event: response.failed\ndata: " + orjson.dumps(failed) + b"\n\n"


def error_event(error: Fields, number: int) -> bytes:
    """The `error` event, flat and nested, with its sequence number."""
    flat = {name: error[name] for name in ("code", "message", "param")}
    fields = {"type": "error", "sequence_number": number, **flat, "error": error}
    return b"event: error\ndata: " + orjson.dumps(fields) + b"\n\n"


def _code(error: GatewayError) -> str | None:
    if not isinstance(error, ProviderRefused):
        return error.code
    said = error.said_code
    if said in _OPENAI_CODES and error.category not in _OURS:
        return said
    return _CODES[error.category]
