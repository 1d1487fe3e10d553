"""Errors in OpenAI's shape, for clients and from providers. Shapes: https://platform.openai.com/docs/guides/error-codes."""

from __future__ import annotations

from typing import Any

import orjson

from gateway.errors import GatewayError

KEEPALIVE = b": keep-alive\n\n"
"""A comment: every SSE reader ignores it, every proxy in between sees traffic."""

DONE = b"data: [DONE]\n\n"

ERROR_TYPES = {
    401: "invalid_request_error",
    403: "permission_error",
    429: "rate_limit_error",
}
"""`error.type` by status; other 4xx are `invalid_request_error`, 5xx `server_error`."""


def write_error(error: GatewayError) -> bytes:
    """The JSON body a client gets."""
    return orjson.dumps({"error": _error_fields(error.status, error.message, error.param, error.code)})


def write_status_error(status: int) -> bytes:
    """The JSON body for a provider's error that says nothing readable: an HTML page, or nothing."""
    return orjson.dumps({"error": _error_fields(status, f"Upstream returned status {status}", None, "upstream_error")})


def write_error_event(error: GatewayError) -> bytes:
    """The one event that ends a broken stream. The official SDKs raise on it; `[DONE]` never follows."""
    return b"data: " + write_error(error) + b"\n\n"


def read_error(body: bytes) -> dict[str, Any] | None:
    """The error object of a provider's answer; None when it is not in this dialect."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    error = fields.get("error") if isinstance(fields, dict) else None
    return error if isinstance(error, dict) else None


def write_error_object(error: dict[str, Any]) -> bytes:
    """The JSON body around an error object."""
    return orjson.dumps({"error": error})


def error_type(status: int) -> str:
    """`error.type` that goes with an HTTP status."""
    return ERROR_TYPES.get(status) or ("server_error" if status >= 500 else "invalid_request_error")


def _error_fields(status: int, message: str, param: str | None, code: str) -> dict[str, Any]:
    return {"message": message, "type": error_type(status), "param": param, "code": code}
