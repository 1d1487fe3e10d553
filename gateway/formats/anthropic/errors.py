"""Errors of an Anthropic provider in neutral words, and any error of ours in Anthropic's shape.

Shapes and types: https://platform.claude.com/docs/en/api/errors. The same object is the body of an answer and the data
of the one event that ends a stream.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from gateway.errors import GatewayError, ProviderFault, ProviderRefused, UnsupportedParameter
from gateway.formats.format import Fields

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

_CATEGORY_OF_STATUS: dict[int, ProviderFault] = {
    401: "auth",
    402: "quota",
    403: "forbidden",
    404: "not_found",
    408: "timeout",
    429: "rate_limit",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}
"""Other 4xx are bad requests, the rest is the server's own fault."""

_CATEGORY_OF_WORDS: tuple[tuple[re.Pattern[str], ProviderFault], ...] = (
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
"""What a bad request says it really is; the first that is found."""

_SECRET = re.compile(r"\b(?:sk|rk|sess|key)-[\w*-]{6,}|\bBearer\s+\S+", re.IGNORECASE)
_LIMITS = (b"requests", b"tokens", b"input-tokens", b"output-tokens")
_LIMIT_HEADER = b"anthropic-ratelimit-%b-%b"
_HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"


def read_error(status: int, headers: Mapping[bytes, bytes], body: bytes) -> ProviderRefused:
    """A provider's error answer, whatever its body: JSON, HTML, or nothing."""
    return refusal(_error_in(body) or {}, status, _retry_after(headers))


def refusal(error: Fields, status: int | None = None, retry_after: float | None = None) -> ProviderRefused:
    """What an error object says. Without a status (streams) its code and type alone count."""
    details = error.get("details")
    code = _word(details.get("error_code")) if isinstance(details, dict) else ""
    kind = _word(error.get("type"))
    message = error.get("message")
    category = _category(code, kind, message if isinstance(message, str) else "", status)
    return ProviderRefused(
        _readable(message, status),
        category=category,
        code=code or kind or _word(error.get("code")) or None,
        retry_after=retry_after,
    )


def _category(code: str, kind: str, message: str, status: int | None) -> ProviderFault:
    found = _CATEGORY_OF_CODE.get(code) or _CATEGORY_OF_TYPE.get(kind)
    if found is None:
        found = _VAGUE.get(kind, "server") if status is None else _category_of_status(status)
    if found != "bad_request":
        return found
    return next((meant for words, meant in _CATEGORY_OF_WORDS if words.search(message)), found)


def _category_of_status(status: int) -> ProviderFault:
    return _CATEGORY_OF_STATUS.get(status) or ("bad_request" if 400 <= status < 500 else "server")


def _error_in(body: bytes) -> Fields | None:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if isinstance(fields, list) and fields:
        fields = fields[0]
    if not isinstance(fields, dict):
        return None
    error = fields.get("error", fields.get("detail"))
    if isinstance(error, dict):
        return _unwrapped(error)
    return {"message": error if isinstance(error, str) else fields.get("message")}


def _unwrapped(error: Fields) -> Fields:
    """The error within an error: some providers put one, as JSON text, into the message (ERR-2)."""
    message = error.get("message")
    if not isinstance(message, str) or not message.lstrip().startswith("{"):
        return error
    try:
        inner = orjson.loads(message)
    except orjson.JSONDecodeError:
        return error
    found = inner.get("error", inner)
    return {**error, **found} if isinstance(found, dict) and isinstance(found.get("message"), str) else error


def _readable(message: Any, status: int | None) -> str:
    if isinstance(message, str) and message.strip():
        return _SECRET.sub("***", message)
    return f"Upstream returned status {status}" if status is not None else "The provider reported an error."


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _retry_after(headers: Mapping[bytes, bytes]) -> float | None:
    """Seconds, from the first header that tells: https://platform.claude.com/docs/en/api/rate-limits."""
    for name, unit in ((b"retry-after", 1.0), (b"retry-after-ms", 0.001)):
        seconds = headers.get(name, b"")
        if re.fullmatch(rb"\s*\d{1,9}(?:\.\d{1,9})?\s*", seconds):
            return float(seconds) * unit
    now = _time(headers.get(b"date", b""))
    exhausted = [
        _time(headers.get(_LIMIT_HEADER % (limit, b"reset"), b""))
        for limit in _LIMITS
        if headers.get(_LIMIT_HEADER % (limit, b"remaining"), b"").strip() == b"0"
    ]
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
