"""The OpenAI dialect, as far as the relay must know it to pass it through: what a request asks for, the few bytes that
must change, where usage stands, and how errors look. Bodies stay bytes.

Shapes: https://platform.openai.com/docs/api-reference.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from gateway.errors import GatewayError, InvalidRequest
from gateway.records import Tokens

KEEPALIVE = b": keep-alive\n\n"
"""A comment: every SSE reader ignores it, every proxy in between sees traffic."""

DONE = b"data: [DONE]\n\n"

ERROR_TYPES = {
    401: "invalid_request_error",
    403: "permission_error",
    429: "rate_limit_error",
}
"""`error.type` by status; other 4xx are `invalid_request_error`, 5xx `server_error`."""

_ESCAPED_ASCII_LETTER = re.compile(rb"\\u00[46]", re.IGNORECASE)
_COLON = re.compile(rb"\s*:\s*")
_USAGE_KEY = b'"usage"'
_USAGE_OBJECT = re.compile(rb"\s*:\s*(\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})")
"""A `usage` object behind its key: objects within it, but none within those."""


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
    if (add_usage and "stream_options" in ask.fields) or ("model" in ask.fields and not ask.names_model):
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
        entered, produced = usage["input_tokens"], usage.get("output_tokens")
        details, more = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    else:
        entered, produced = usage.get("prompt_tokens"), usage.get("completion_tokens")
        details, more = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    entered, produced = _count(entered), _count(produced)
    if not (entered or produced):
        entered = _count(usage.get("total_tokens"))
    cached = written = reasoning = 0
    if isinstance(details, dict):
        cached = min(_count(details.get("cached_tokens")), entered)
        written = min(_count(details.get("cache_write_tokens")), entered - cached)
    if isinstance(more, dict):
        reasoning = min(_count(more.get("reasoning_tokens")), produced)
    return Tokens(entered, produced, cached, written, reasoning)


def read_reply_tokens(body: bytes) -> Tokens | None:
    """Tokens of a whole reply, None where it does not say. Only `usage` is parsed, however large the reply."""
    key = body.rfind(_USAGE_KEY)
    found = _USAGE_OBJECT.match(body, key + len(_USAGE_KEY)) if key >= 0 else None
    if found is None:
        return None
    try:
        return read_tokens(orjson.loads(found[1]))
    except orjson.JSONDecodeError:
        return None


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
    key = body.find(b'"model"')
    if key < 0 or body.find(b'"model"', key + 7) >= 0 or (b"\\u00" in body and _ESCAPED_ASCII_LETTER.search(body)):
        return None
    compact = _member(old)
    if body.startswith(compact, key):
        return b"%b%b%b" % (body[:key], _member(new), body[key + len(compact) :])
    colon = _COLON.match(body, key + 7)
    value = orjson.dumps(old)
    if colon is None or not body.startswith(value, colon.end()):
        return None
    return body[: colon.end()] + orjson.dumps(new) + body[colon.end() + len(value) :]


@lru_cache(maxsize=1024)
def _member(model: str) -> bytes:
    """The member of a JSON object as most clients write it."""
    return b'"model":' + orjson.dumps(model)


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


def _count(value: Any) -> int:
    return value if value.__class__ is int and value > 0 else 0
