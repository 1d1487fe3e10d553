"""The OpenAI dialect, as far as the relay must know it to pass it through: what a request asks for, the few bytes that
must change, where usage stands, and how errors look. Bodies stay bytes.

Shapes: https://platform.openai.com/docs/api-reference.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import orjson

from gateway.errors import GatewayError, InvalidRequest
from gateway.records import Tokens

KEEPALIVE = b": keep-alive\n\n"
"""A comment: every SSE reader ignores it, every proxy in between sees traffic."""

DONE = b"data: [DONE]\n\n"

WHOLE_REPLY_BYTES = 16 * 1024
"""Replies up to this size are parsed for their usage; larger ones (embeddings, images) only where usage stands."""

ERROR_TYPES = {
    401: "invalid_request_error",
    403: "permission_error",
    429: "rate_limit_error",
}
"""`error.type` by status; other 4xx are `invalid_request_error`, 5xx `server_error`."""

_ESCAPED_ASCII_LETTER = re.compile(rb"\\u00[46]", re.IGNORECASE)
_USAGE_KEY = b'"usage"'
_OPENING_BRACE = re.compile(rb"\s*\{")


class Ask(NamedTuple):
    """What a request asks for, as far as the relay must know."""

    model: str
    """As the client named it, or the endpoint's default."""
    names_model: bool
    """Whether the body says so itself."""
    stream: bool
    wants_usage: bool
    """The client asked for usage in its stream."""
    fields: dict[str, Any]
    """The parsed body; read only."""


def read_ask(body: bytes, default_model: str | None) -> Ask:
    """What a JSON request asks for. Raises InvalidRequest when it is no JSON object or names no model."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"We could not parse the JSON body of your request: {error}") from None
    if not isinstance(fields, dict):
        raise InvalidRequest("The body of the request must be a JSON object.")
    named = fields.get("model")
    model = default_model if named is None else named
    if not isinstance(model, str) or not model:
        raise InvalidRequest("You must provide a model parameter.", param="model")
    stream = fields.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise InvalidRequest("stream must be a boolean.", param="stream")
    options = fields.get("stream_options")
    wants_usage = isinstance(options, dict) and options.get("include_usage") is True
    return Ask(model, named is not None, stream is True, wants_usage, fields)


def edit_body(body: bytes, ask: Ask, model: str, *, ask_usage: bool) -> bytes:
    """The body for the provider: its own model id, and usage asked for in streams. Everything else stays byte for byte.

    Only when the place of a change cannot be told for certain (names written with escapes, stream options without
    usage) is the body written anew from its parsed fields.
    """
    add_usage = ask_usage and ask.stream and not ask.wants_usage
    rename = ask.names_model and model != ask.model
    if not (add_usage or rename or not ask.names_model):
        return body
    if add_usage and ask.fields.get("stream_options") is not None:
        return _written_anew(ask, model, add_usage=True)
    edited = _renamed(body, ask.model, model) if rename else body
    if edited is None:
        return _written_anew(ask, model, add_usage=add_usage)
    inserted = b'"stream_options":{"include_usage":true},' if add_usage else b""
    if not ask.names_model:
        inserted += b'"model":' + orjson.dumps(model) + b","
    return _inserted(edited, inserted, ask)


def read_tokens(usage: dict[str, Any]) -> Tokens:
    """Tokens of a `usage` object: chat, completions and embeddings, or the newer names that images and audio use."""
    if "input_tokens" in usage:
        names = ("input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details")
    else:
        names = ("prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details")
    count = _count
    entered = count(usage, names[0])
    produced = count(usage, names[1])
    if not entered and not produced:
        entered = count(usage, "total_tokens")
    details = usage.get(names[2]) or usage
    cached = count(details, "cached_tokens")
    written = count(details, "cache_write_tokens")
    reasoning = count(usage.get(names[3]) or {}, "reasoning_tokens")
    return Tokens(entered, produced, min(cached, entered), min(written, entered), min(reasoning, produced))


def read_reply_tokens(body: bytes) -> Tokens | None:
    """Tokens of a whole reply; None where it does not say."""
    if _USAGE_KEY not in body:
        return None
    usage = _usage_of(body) if len(body) <= WHOLE_REPLY_BYTES else _usage_within(body)
    return read_tokens(usage) if usage else None


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


def _renamed(body: bytes, old: str, new: str) -> bytes | None:
    """`body` with the one `"model"` value replaced; None when there may be another place that means it.

    A quote inside a JSON string is escaped, so `"model":` in the bytes is always a key. It is the key of the outermost
    object when it occurs once and no key can be the same name written with escapes.
    """
    if _ESCAPED_ASCII_LETTER.search(body):
        return None
    found = re.findall(rb'"model"\s*:\s*' + re.escape(orjson.dumps(old)), body)
    if len(found) != 1 or body.count(b'"model"') != 1:
        return None
    kept = found[0][: found[0].index(b":") + 1]
    return body.replace(found[0], kept + orjson.dumps(new), 1)


def _inserted(body: bytes, pairs: bytes, ask: Ask) -> bytes:
    if not pairs:
        return body
    brace = body.index(b"{") + 1
    if not ask.fields:
        pairs = pairs[:-1]
    return body[:brace] + pairs + body[brace:]


def _written_anew(ask: Ask, model: str, *, add_usage: bool) -> bytes:
    fields = {**ask.fields, "model": model}
    if add_usage:
        fields["stream_options"] = {**(ask.fields.get("stream_options") or {}), "include_usage": True}
    return orjson.dumps(fields)


def _count(fields: Any, name: str) -> int:
    value = fields.get(name) if isinstance(fields, dict) else None
    return value if isinstance(value, int) and value > 0 else 0


def _usage_of(body: bytes) -> dict[str, Any] | None:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    usage = fields.get("usage") if isinstance(fields, dict) else None
    return usage if isinstance(usage, dict) else None


def _usage_within(body: bytes) -> dict[str, Any] | None:
    """The last `"usage": {...}` in a large body, read without parsing the rest: its braces are counted."""
    after = re.compile(rb"\s*:\s*").match(body, body.rfind(_USAGE_KEY) + len(_USAGE_KEY))
    if after is None or body[after.end() : after.end() + 1] != b"{":
        return None
    depth = 0
    for brace in re.finditer(rb"[{}]", body[after.end() : after.end() + WHOLE_REPLY_BYTES]):
        depth += 1 if brace[0] == b"{" else -1
        if depth == 0:
            return _parsed(body[after.end() : after.end() + brace.end()])
    return None


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return fields if isinstance(fields, dict) else None
