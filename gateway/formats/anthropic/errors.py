"""Errors of an Anthropic provider in neutral words, and any error of ours in Anthropic's shape.

Shapes and types: https://platform.claude.com/docs/en/api/errors. The same object is the body of an answer and the data
of the one event that ends a stream.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from gateway.errors import GatewayError, ProviderFault, ProviderRefused, UnsupportedParameter
from gateway.formats.faults import Meanings, category_of, error_in, narrowed, readable, seconds_to_wait, spent
from gateway.formats.format import Fields
from gateway.formats.told import object_in, text_in

# From a provider

_CATEGORY_OF_CODE: dict[str, ProviderFault] = {
    "contract_spend_limit_reached": "quota",
    "enforced_spend_limit_reached": "quota",
    "linked_organization_spend_limit_reached": "quota",
    "ramp_limit_exceeded": "rate_limit",
}
"""By `details.error_code`, which is stable where messages are not; what is not here goes by its type."""

_CATEGORY_OF_TYPE: dict[str, ProviderFault] = {
    "authentication_error": "auth",
    "billing_error": "quota",
    "permission_error": "forbidden",
    "not_found_error": "not_found",
    "rate_limit_error": "rate_limit",
    "timeout_error": "timeout",
    "overloaded_error": "overloaded",
    "conflict_error": "bad_request",
    "request_too_large": "bad_request",
}

_VAGUE: dict[str, ProviderFault] = {"invalid_request_error": "bad_request", "api_error": "server"}
"""Types that say no more than the status does, which therefore goes first."""

_MEANINGS: Meanings = (
    (
        re.compile(
            r"prompt is too long|exceeds? context limit|maximum context length|exceeds the maximum number of tokens",
            re.IGNORECASE,
        ),
        "context_too_long",
    ),
    (re.compile(r"credit balance is too low", re.IGNORECASE), "quota"),
    (re.compile(r"content filtering policy", re.IGNORECASE), "content_filter"),
    (re.compile(r"signature|\bthinking\b", re.IGNORECASE), "thinking_state"),
)

_LIMITS = (b"requests", b"tokens", b"input-tokens", b"output-tokens")
_REMAINING = b"anthropic-ratelimit-%b-remaining"
_RESET = b"anthropic-ratelimit-%b-reset"
_HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"


def read_error(status: int, headers: Mapping[bytes, bytes], body: bytes) -> ProviderRefused:
    """A provider's error answer, whatever its body: JSON, HTML, or nothing."""
    return refusal(error_in(body), status, _retry_after(headers))


def refusal(error: Fields, status: int | None = None, retry_after: float | None = None) -> ProviderRefused:
    """What an error object says. Without a status (streams) its code and type alone count."""
    code, kind, message = (
        text_in(object_in(error, "details"), "error_code"),
        text_in(error, "type"),
        error.get("message"),
    )
    return ProviderRefused(
        readable(message, status),
        category=narrowed(_category(code, kind, status), message, _MEANINGS),
        code=code or kind or text_in(error, "code") or None,
        retry_after=retry_after,
    )


def _category(code: str, kind: str, status: int | None) -> ProviderFault:
    found = _CATEGORY_OF_CODE.get(code) or _CATEGORY_OF_TYPE.get(kind)
    if found is not None:
        return found
    return _VAGUE.get(kind, "server") if status is None else category_of(status)


def _retry_after(headers: Mapping[bytes, bytes]) -> float | None:
    """Seconds, from the first header that tells: https://platform.claude.com/docs/en/api/rate-limits."""
    seconds = seconds_to_wait(headers)
    if seconds is not None:
        return seconds
    now = _time(headers.get(b"date", b""))
    exhausted = [_time(headers.get(_RESET % limit, b"")) for limit in spent(headers, _REMAINING, _LIMITS)]
    resets = [each for each in exhausted if each is not None]
    return max((max(resets) - now).total_seconds(), 0.0) if resets and now is not None else None


def _time(text: bytes) -> datetime | None:
    """A time as HTTP writes it, or as RFC 3339 does; always with a zone."""
    words = text.decode("latin-1").strip()
    for read in (_http_date, datetime.fromisoformat):
        try:
            found = read(words)
        except ValueError:
            continue
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return None


def _http_date(words: str) -> datetime:
    return datetime.strptime(words, _HTTP_DATE).replace(tzinfo=UTC)


# For a client

_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""`error.type` by status; other 4xx are `invalid_request_error`, 5xx `api_error`."""

_TOO_LONG = "prompt is too long"
"""Clients look for these words to know that they must shorten the conversation."""


_DETAILS: dict[str, Fields] = {"thread": {"error_code": "thread_unsupported_request", "unsupported": ["provider"]}}
"""`error.details` by the field that was refused. Told so, the tool runners of the official SDKs, which begin a thread
of their own accord, go on with whole conversations: `recoversFrom` in
https://github.com/anthropics/anthropic-sdk-typescript/blob/main/src/lib/internal/threads/ThreadState.ts."""


def write_error(error: GatewayError, request_id: str) -> tuple[int, bytes]:
    """Status and body for a client. An overloaded server has a status of its own here: 529, not 503."""
    status = 529 if error.status == 503 else error.status
    return status, orjson.dumps(_fields(error, status, request_id))


def write_error_event(error: GatewayError, request_id: str) -> bytes:
    """The one event that ends a broken stream. The official SDKs raise on it; `message_stop` never follows."""
    return b"event: error\ndata: " + write_error(error, request_id)[1] + b"\n\n"


def _fields(error: GatewayError, status: int, request_id: str) -> Fields:
    kind = _TYPES.get(status) or ("api_error" if status >= 500 else "invalid_request_error")
    told: Fields = {"type": kind, "message": _told(error)}
    if isinstance(error, UnsupportedParameter) and error.param in _DETAILS:
        told["details"] = _DETAILS[error.param]
    fields: Fields = {"type": "error", "error": told}
    return {**fields, "request_id": request_id} if request_id else fields


def _told(error: GatewayError) -> str:
    message = error.message
    too_long = isinstance(error, ProviderRefused) and error.category == "context_too_long"
    return f"{_TOO_LONG}: {message}" if too_long and _TOO_LONG not in message.lower() else message
