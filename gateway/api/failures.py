"""Refusals in the dialect of whoever asked, for requests that never became an exchange (ERR-5)."""

from __future__ import annotations

import orjson

from gateway.errors import GatewayError
from gateway.formats.format import Format
from gateway.formats.table import FORMATS

PREFIXES = (
    ("/v1beta/", "gemini"),
    ("/v1/messages", "anthropic"),
    ("/v1/responses", "openai_responses"),
)
"""What a path says of its client's dialect; everything else is taken for OpenAI's."""


def dialect_of(path: str, headers: dict[bytes, bytes]) -> Format:
    """The dialect a client seems to speak: by its path, else by where it puts its key or version."""
    for prefix, name in PREFIXES:
        if path.startswith(prefix):
            return FORMATS[name]
    if path.startswith("/v1/models"):
        if b"anthropic-version" in headers:
            return FORMATS["anthropic"]
        if b"x-goog-api-key" in headers:
            return FORMATS["gemini"]
    return FORMATS["openai_chat"]


def write_refusal(error: GatewayError, path: str, headers: dict[bytes, bytes]) -> tuple[int, bytes]:
    """Status and JSON body of a refusal."""
    return dialect_of(path, headers).write_error(error, "")


def write_problem(error: GatewayError) -> tuple[int, bytes]:
    """Status and body of a refusal on the management API's paths, as that would write it (RFC 9457)."""
    problem = {
        "type": f"/api/problems/{error.code}",
        "title": error.code.replace("_", " ").capitalize(),
        "status": error.status,
        "detail": error.message,
        "instance": "about:blank",
        "code": error.code,
    }
    return error.status, orjson.dumps(problem)
