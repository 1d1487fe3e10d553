"""Errors of Google in neutral words, and any error of ours in Google's shape.

Codes: https://ai.google.dev/gemini-api/docs/troubleshooting, shape: https://cloud.google.com/apis/design/errors. In a
stream `error` must be the first key: the official SDK looks for the bytes `{"error":`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import orjson

from gateway.errors import GatewayError, LimitReached, ProviderFault, ProviderRefused
from gateway.formats.faults import (
    Meanings,
    body_of,
    category_of,
    first_of,
    narrowed,
    readable,
    seconds_to_wait,
    status_in,
    unwrapped,
)
from gateway.formats.format import Fields
from gateway.formats.told import objects_in, text_in

# From a provider

_CATEGORY_OF_WORD: dict[str, ProviderFault] = {
    "INVALID_ARGUMENT": "bad_request",
    "FAILED_PRECONDITION": "bad_request",
    "OUT_OF_RANGE": "bad_request",
    "ABORTED": "bad_request",
    "ALREADY_EXISTS": "bad_request",
    "UNAUTHENTICATED": "auth",
    "PERMISSION_DENIED": "forbidden",
    "NOT_FOUND": "not_found",
    "RESOURCE_EXHAUSTED": "rate_limit",
    "DEADLINE_EXCEEDED": "timeout",
    "UNAVAILABLE": "overloaded",
    "INTERNAL": "server",
    "UNKNOWN": "server",
    "CANCELLED": "server",
    "DATA_LOSS": "server",
    "UNIMPLEMENTED": "server",
}
"""By `error.status`; where there is none, the status counts."""

_MEANINGS: Meanings = (
    # Google answers a wrong key with 400.
    (re.compile(r"api[ _]key (?:not valid|not found|expired|invalid)|pass a valid api key", re.I), "auth"),
    (
        re.compile(r"exceeds the maximum number of tokens|prompt is too long|context (?:window|length)", re.I),
        "context_too_long",
    ),
    (re.compile(r"signature|\bthinking\b|thought", re.I), "thinking_state"),
)
_MONEY = re.compile(r"\b(?:billing|spend|spending|credits?|prepay\w*)\b", re.I)
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"
_QUOTA_FAILURE = "type.googleapis.com/google.rpc.QuotaFailure"


def read_error(status: int, headers: Mapping[bytes, bytes], body: bytes) -> ProviderRefused:
    """A provider's error answer, whatever its body: JSON, a list with one error in it, HTML, or nothing."""
    return refusal(error_in(body_of(body)) or {}, status, seconds_to_wait(headers))


def error_in(fields: Any) -> Fields | None:
    """The error object of an answer, also when it is a list (ERR-2); None where there is none."""
    answer = first_of(fields)
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, str) and error:
        return {"message": error}
    return unwrapped(error) if isinstance(error, dict) and error else None


def refusal(error: Fields, status: int | None = None, retry_after: float | None = None) -> ProviderRefused:
    """What an error object says. In a stream there is no status but the one it names itself."""
    word, message = text_in(error, "status"), error.get("message")
    # A stream is HTTP 200 whatever it tells.
    status = status_in(error) or status
    category = narrowed(_CATEGORY_OF_WORD.get(word) or category_of(status or 500), message, _MEANINGS)
    seconds = None if _is_of_the_day(error) else _seconds_in_details(error)
    if category == "rate_limit" and seconds is None and (_is_of_the_day(error) or _is_money(error)):
        category = "quota"
    return ProviderRefused(
        readable(message, status),
        category=category,
        code=word or None,
        retry_after=retry_after if retry_after is not None else seconds,
    )


def _is_of_the_day(error: Fields) -> bool:
    """Whether a limit is back on the next day only. A `retryDelay` of seconds stands beside it all the same, which
    Google's own client does not go by: https://github.com/google-gemini/gemini-cli, `googleQuotaErrors.ts`."""
    violations = [each for detail in objects_in(error, "details") for each in objects_in(detail, "violations")]
    return any("PerDay" in str(each.get("quotaId")) for each in violations)


def _is_money(error: Fields) -> bool:
    return _MONEY.search(text_in(error, "message")) is not None


def _seconds_in_details(error: Fields) -> float | None:
    """`retryDelay` of a RetryInfo, as in `34.4s`."""
    for detail in objects_in(error, "details"):
        delay = detail.get("retryDelay")
        found = _DURATION.fullmatch(delay) if isinstance(delay, str) else None
        if found is not None:
            return float(found[1])
    return None


# For a client

_WORDS = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""`error.status` by HTTP status; other 4xx are INVALID_ARGUMENT, the rest is INTERNAL."""

_OTHER_WORDS = frozenset({"FAILED_PRECONDITION", "OUT_OF_RANGE"})
"""What Google itself may say of a bad request, which its clients may look for."""

_STATUSES = {402: 429, 529: 503}
"""What has a status here that Google does not use."""


def write_error(error: GatewayError, request_id: str) -> tuple[int, bytes]:
    """Status and body for a client. The request id goes into headers, which are not ours to write."""
    fields = _error_fields(error)
    return fields["code"], orjson.dumps({"error": fields})


def write_error_event(error: GatewayError, request_id: str) -> bytes:
    """The one event that ends a broken stream."""
    return b"data: " + write_error(error, request_id)[1] + b"\n\n"


def _error_fields(error: GatewayError) -> Fields:
    status = _STATUSES.get(error.status, error.status)
    word = _WORDS.get(status) or ("INVALID_ARGUMENT" if 400 <= status < 500 else "INTERNAL")
    if isinstance(error, ProviderRefused) and status == 400 and error.said_code in _OTHER_WORDS:
        word = error.said_code
    fields: Fields = {"code": status, "message": error.message, "status": word}
    details: list[Fields] = []
    if error.param is not None and status == 400:
        violation = {"field": error.param, "description": error.message}
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]})
    if isinstance(error, LimitReached) and error.limit:
        details.append({"@type": _QUOTA_FAILURE, "violations": [_violation(error)]})
    if error.retry_after is not None:
        details.append({"@type": _RETRY_INFO, "retryDelay": f"{max(math.ceil(error.retry_after), 1)}s"})
    return {**fields, "details": details} if details else fields


def _violation(error: LimitReached) -> Fields:
    """A limit of ours by a name such as Google gives its own: `RequestsPerMinute`, `Budget`."""
    name = error.limit.removesuffix("_nano_usd").title().replace("_", "")
    return {"quotaId": name, "description": error.message}
