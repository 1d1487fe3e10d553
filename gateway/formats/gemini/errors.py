"""Errors of Google in neutral words, and any error of ours in Google's shape.

Codes: https://ai.google.dev/gemini-api/docs/troubleshooting, shape: https://cloud.google.com/apis/design/errors. In a
stream `error` must be the first key: the official SDK looks for the bytes `{"error":`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from gateway.errors import GatewayError, ProviderFault, ProviderRefused
from gateway.formats.format import Fields

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
"""Where there is no word. Other 4xx are bad requests, the rest is the server's own fault."""

_TOO_LONG = re.compile(r"exceeds the maximum number of tokens|prompt is too long|context (?:window|length)", re.I)
_BAD_KEY = re.compile(r"api[ _]key (?:not valid|not found|expired|invalid)|pass a valid api key", re.I)
_THINKING_STATE = re.compile(r"signature|\bthinking\b|thought", re.I)
_MONEY = re.compile(r"\b(?:billing|spend|spending|credits?|prepay\w*)\b", re.I)
_SECRET = re.compile(r"\bAIza[\w-]{20,}|\bya29\.[\w-]+|\b(?:sk|key)-[\w-]{6,}|\bBearer\s+\S+|(?<=[?&]key=)[\w-]+", re.I)
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"


def read_error(status: int, headers: Mapping[bytes, bytes], body: bytes) -> ProviderRefused:
    """A provider's error answer, whatever its body: JSON, a list with one error in it, HTML, or nothing."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        fields = None
    error = error_in(fields)
    if error is None:
        error = {"message": f"Upstream returned status {status}"}
    return refusal(error, status, _seconds_in_header(headers))


def error_in(fields: Any) -> Fields | None:
    """The error object of an answer, also when it is a list (ERR-2); None where there is none."""
    if isinstance(fields, list) and fields:
        fields = fields[0]
    error = fields.get("error") if isinstance(fields, dict) else None
    if isinstance(error, str) and error:
        return {"message": error}
    return _unwrapped(error) if isinstance(error, dict) and error else None


def refusal(error: Fields, status: int | None = None, retry_after: float | None = None) -> ProviderRefused:
    """What an error object says. In a stream there is no status but the one it names itself."""
    word = error.get("status")
    code = error.get("code")
    if code.__class__ is int and 400 <= code < 600:
        # A stream is HTTP 200 whatever it tells.
        status = code
    said = error.get("message")
    message = said if isinstance(said, str) and said.strip() else _unsaid(status)
    category = _category(word if isinstance(word, str) else "", status, message)
    if category == "rate_limit" and _is_spent(error, message):
        category = "quota"
    return ProviderRefused(
        _SECRET.sub("***", message),
        category=category,
        code=word if isinstance(word, str) and word else None,
        retry_after=retry_after if retry_after is not None else _seconds_in_details(error),
    )


def _unsaid(status: int | None) -> str:
    return f"Upstream returned status {status}" if status is not None else "The provider reported an error."


def _category(word: str, status: int | None, message: str) -> ProviderFault:
    found = _CATEGORY_OF_WORD.get(word) or _CATEGORY_OF_STATUS.get(status or 500)
    if found is None:
        found = "bad_request" if 400 <= (status or 500) < 500 else "server"
    if found != "bad_request":
        return found
    if _BAD_KEY.search(message):
        # Google answers a wrong key with 400.
        return "auth"
    if _TOO_LONG.search(message):
        return "context_too_long"
    return "thinking_state" if _THINKING_STATE.search(message) else found


def _is_spent(error: Fields, message: str) -> bool:
    """Whether a limit is one of money or of the day, and nothing is said of trying again soon."""
    if _seconds_in_details(error) is not None:
        return False
    violations = [each for detail in _details(error) for each in _objects(detail.get("violations"))]
    return bool(_MONEY.search(message)) or any("PerDay" in str(each.get("quotaId")) for each in violations)


def _unwrapped(error: Fields) -> Fields:
    """The error within an error: as JSON text in the message, once (ERR-2)."""
    message = error.get("message")
    if not isinstance(message, str) or not message.lstrip().startswith("{"):
        return error
    try:
        inner = orjson.loads(message)
    except orjson.JSONDecodeError:
        return error
    found = inner.get("error", inner)
    return {**error, **found} if isinstance(found, dict) and isinstance(found.get("message"), str) else error


def _seconds_in_header(headers: Mapping[bytes, bytes]) -> float | None:
    for name, unit in ((b"retry-after", 1.0), (b"retry-after-ms", 0.001)):
        said = headers.get(name, b"").strip()
        if re.fullmatch(rb"\d{1,9}(?:\.\d{1,9})?", said):
            return float(said) * unit
    return None


def _seconds_in_details(error: Fields) -> float | None:
    """`retryDelay` of a RetryInfo, as in `34.4s`."""
    for detail in _details(error):
        delay = detail.get("retryDelay")
        found = _DURATION.fullmatch(delay) if isinstance(delay, str) else None
        if found is not None:
            return float(found[1])
    return None


def _details(error: Fields) -> Iterator[Fields]:
    return _objects(error.get("details"))


def _objects(value: Any) -> Iterator[Fields]:
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())


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
    if error.retry_after is not None:
        details.append({"@type": _RETRY_INFO, "retryDelay": f"{max(math.ceil(error.retry_after), 1)}s"})
    return {**fields, "details": details} if details else fields
