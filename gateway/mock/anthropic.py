"""What all Anthropic endpoints share: response headers, error bodies, keys, versions and usage. Pure but for the date.

Messages are worded as Anthropic words them where that is known: clients match on them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from gateway.mock import keys
from gateway.mock.answers import Call, Family, Refused, Reply, Wrong
from gateway.mock.script import Script

CLASSIC = "2023-06-01"
LATEST = "2026-10-21"
"""The version that knows no sampling parameters."""

_HEADERS = b"anthropic-organization-id: 00000000-0000-4000-8000-00006d6f636b\r\n%brequest-id: req_%032x\r\n"
_LIMITS = (("requests", 4000), ("tokens", 480000), ("input-tokens", 400000), ("output-tokens", 80000))

_BY_STATUS = {
    400: ("invalid_request_error", "Invalid request."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "There is an issue with your billing or payment information."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "model: {model}"),
    409: ("conflict_error", "The resource was changed by another request."),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit of 4000 requests per minute."),
    500: ("api_error", "Internal server error"),
    503: ("api_error", "Service temporarily unavailable"),
    504: ("timeout_error", "Request timed out"),
    529: ("overloaded_error", "Overloaded"),
}

_WRONG = {
    Wrong.UNKNOWN_PATH: (404, "not_found_error", "Not Found"),
    Wrong.WRONG_METHOD: (405, "invalid_request_error", "Method Not Allowed"),
    Wrong.NOT_JSON: (400, "invalid_request_error", "The request body is not valid JSON"),
    Wrong.NOT_A_FORM: (400, "invalid_request_error", "The request body is no form: {}"),
    Wrong.NO_MODEL: (400, "invalid_request_error", "model: Field required"),
    Wrong.NOT_A_MODEL: (400, "invalid_request_error", "model: Input should be a valid string"),
    Wrong.BAD_SCRIPT: (400, "invalid_request_error", "mock: {}"),
}


def write_headers(number: int) -> bytes:
    """The header lines every answer of Anthropic has."""
    return _HEADERS % (_limits(int(time.time()) + 1), number)


@lru_cache(maxsize=2)
def _limits(reset: int) -> bytes:
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(reset))
    return "".join(
        f"anthropic-ratelimit-{name}-{what}\r\n"
        for name, most in _LIMITS
        for what in (f"limit: {most}", f"remaining: {most - 1}", f"reset: {moment}")
    ).encode()


def error(status: int, kind: str, message: str, **more: object) -> Reply:
    """Anthropic's error body, the request's id still to come."""
    told = {"type": kind, "message": message, **more}
    return Reply(orjson.dumps({"type": "error", "error": told, "request_id": None}), status)


def write_error(status: int, model: str) -> Reply:
    """The error Anthropic gives with this status."""
    kind, message = _BY_STATUS.get(status) or _BY_STATUS[500 if status >= 500 else 400]
    return error(status, kind, message.replace("{model}", model))


def quota_exceeded() -> Reply:
    """402 that no waiting cures."""
    message = "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade."
    return error(402, "billing_error", message)


def too_long() -> Reply:
    """400 for more tokens than fit."""
    return error(400, "invalid_request_error", "prompt is too long: 210007 tokens > 200000 maximum")


def check_key(headers: Mapping[bytes, bytes]) -> Reply | None:
    """The refusal of a key that fails, in either header; any other key, and none at all, is welcome."""
    own = headers.get(b"x-api-key")
    key = own.decode("latin-1") if own is not None else keys.read_bearer(headers.get(b"authorization", b""))
    status = keys.find_failure(key)
    if status == 401 and own is None:
        return error(401, "authentication_error", "Invalid bearer token")
    return None if status is None else write_error(status, "claude")


def explain(wrong: Wrong, detail: str) -> Reply:
    """Anthropic's error for what is wrong with any request."""
    status, kind, message = _WRONG[wrong]
    return error(status, kind, message.replace("{}", detail))


def _finish(reply: Reply, number: int, target: str) -> Reply:
    return reply._replace(body=reply.body.replace(b'"request_id":null', b'"request_id":"req_%032x"' % number))


FAMILY = Family(
    write_headers, write_error, quota_exceeded, check_key, explain, too_long, overloaded=529, finish=_finish
)


def refuse(message: str) -> Refused:
    """A 400 to raise."""
    return Refused(error(400, "invalid_request_error", message))


def refuse_thread() -> Refused:
    """A 400 to raise for a thread, as an organization without threads gets it: clients go on without one."""
    message = "thread: Message threads are not available to this organization."
    details = {"error_code": "thread_unsupported_request", "unsupported": ["organization"]}
    return Refused(error(400, "invalid_request_error", message, details=details))


def check_version(call: Call) -> str:
    """The version of the API that the request speaks. Raises `Refused` for none and for unknown ones."""
    version = call.headers.get(b"anthropic-version", b"").decode("latin-1")
    if not version:
        raise refuse("anthropic-version: header is required")
    if version not in (CLASSIC, LATEST):
        raise refuse(f'anthropic-version: "{version}" is not a valid version')
    return version


def usage(script: Script, *, prompt: int, completion: int, thinking: int = 0) -> dict[str, Any]:
    """Anthropic's usage object: three disjoint numbers are the prompt.

    With `usage=cached` half of it is read from the cache, a quarter written, and a quarter of the answer is thinking.
    """
    prompt = prompt if script.input is None else script.input
    completion = completion if script.output is None else script.output
    cached = script.usage == "cached"
    read, written = (prompt // 2, prompt // 4) if cached else (0, 0)
    return {
        "input_tokens": prompt - read - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": completion,
        "output_tokens_details": {"thinking_tokens": max(min(thinking, completion), completion // 4 if cached else 0)},
        "service_tier": "standard",
    }


def event(kind: str, document: dict[str, Any]) -> bytes:
    """One event of a stream: its name on a line of its own, and again in its JSON."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind, **document}))


def error_event(call: Call) -> bytes:
    """An error inside a stream that began well."""
    reply = _finish(write_error(529 if call.script.overloaded else 500, call.model), call.number, "")
    return b"event: error\ndata: %b\n\n" % reply.body
