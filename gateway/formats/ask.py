"""What a JSON request asks for, as far as the relay must know to pass it through, and the few bytes that must change.

Bodies stay bytes: same dialect on both sides means that nothing else is touched.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from gateway.errors import InvalidRequest

from .members import Member, members

_ESCAPED_ASCII_LETTER = re.compile(rb"\\u00[46]", re.IGNORECASE)
_COLON = re.compile(rb"\s*:\s*")
_USAGE_ASKED = b'{"include_usage":true}'


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
    fields = _object_in(body)
    named = fields.get("model")
    model = default_model if named is None else named
    if model.__class__ is not str or not model:
        raise InvalidRequest("You must provide a model parameter.", param="model")
    stream = fields.get("stream")
    if stream is not None and stream.__class__ is not bool:
        raise InvalidRequest("stream must be a boolean.", param="stream")
    options = fields.get("stream_options")
    wants_usage = options.__class__ is dict and options.get("include_usage") is True
    return Ask(model, named is not None, stream is True, wants_usage, fields)


def read_body_ask(body: bytes, model: str, *, stream: bool) -> Ask:
    """What a JSON request asks for whose path says model and stream. Raises InvalidRequest when it is no object."""
    return Ask(model, False, stream, False, _object_in(body))


def _object_in(body: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"We could not parse the JSON body of your request: {error}") from None
    if fields.__class__ is not dict:
        raise InvalidRequest("The body of the request must be a JSON object.")
    return fields


def edit_body(body: bytes, ask: Ask, model: str, *, ask_usage: bool) -> bytes:
    """The body for the provider: its own model id, and usage asked for in streams. Everything else stays byte for byte.

    Where the place of a change cannot be told at once (names written with escapes, stream options without usage) the
    body is searched member by member.
    """
    add_usage = ask_usage and ask.stream and not ask.wants_usage
    if (add_usage and "stream_options" in ask.fields) or ("model" in ask.fields and not ask.names_model):
        return _searched(body, ask, model, add_usage=add_usage)
    if ask.names_model and model != ask.model:
        renamed = _renamed(body, ask.model, model)
        if renamed is None:
            return _searched(body, ask, model, add_usage=add_usage)
        body = renamed
    inserted = b'"stream_options":%b,' % _USAGE_ASKED if add_usage else b""
    if not ask.names_model:
        inserted += b'"model":' + orjson.dumps(model) + b","
    return _inserted(body, inserted, ask) if inserted else body


def _renamed(body: bytes, old: str, new: str) -> bytes | None:
    """`body` with the one `"model"` value replaced; None when there may be another place that means it.

    A quote inside a JSON string is escaped, so `"model":` in the bytes is always a key. It is the key of the outermost
    object when it occurs once and no key can be the same name written with escapes.
    """
    key = body.find(b'"model"')
    if key < 0 or body.find(b'"model"', key + 7) >= 0 or (b"\\u00" in body and _ESCAPED_ASCII_LETTER.search(body)):
        return None
    for before, after in _members_as_written(old, new):
        if body.startswith(before, key):
            return body.replace(before, after, 1)
    colon = _COLON.match(body, key + 7)
    value = orjson.dumps(old)
    if colon is None or not body.startswith(value, colon.end()):
        return None
    return body[: colon.end()] + orjson.dumps(new) + body[colon.end() + len(value) :]


@lru_cache(maxsize=1024)
def _members_as_written(old: str, new: str) -> tuple[tuple[bytes, bytes], ...]:
    """The member that names the model as most clients write it, with its name and with the new one."""
    before, after = orjson.dumps(old), orjson.dumps(new)
    return tuple((key + before, key + after) for key in (b'"model":', b'"model": '))


def _inserted(body: bytes, pairs: bytes, ask: Ask) -> bytes:
    brace = body.index(b"{") + 1
    if not ask.fields:
        pairs = pairs[:-1]
    return body[:brace] + pairs + body[brace:]


def _searched(body: bytes, ask: Ask, model: str, *, add_usage: bool) -> bytes:
    """`body` with every place changed that means the model or the stream's options: readers differ in which of several
    members of the same name they believe."""
    named = orjson.dumps(model)
    missing = b"" if "model" in ask.fields else b'"model":%b,' % named
    edits = [(each, named) for each in _members_named(body, "model")]
    if add_usage:
        options = _members_named(body, "stream_options")
        edits += [(each, _with_usage(body[each.start : each.end])) for each in options]
        missing += b"" if options else b'"stream_options":%b,' % _USAGE_ASKED
    for member, value in sorted(edits, key=lambda edit: edit[0].start, reverse=True):
        body = body[: member.start] + value + body[member.end :]
    return _inserted(body, missing, ask) if missing else body


def _members_named(body: bytes, name: str) -> list[Member]:
    return [each for each in members(body) if orjson.loads(each.name) == name]


def _with_usage(options: bytes) -> bytes:
    """Stream options that ask for usage; what is no object is none."""
    if not options.startswith(b"{"):
        return _USAGE_ASKED
    asked = _members_named(options, "include_usage")
    for each in reversed(asked):
        options = options[: each.start] + b"true" + options[each.end :]
    if asked:
        return options
    comma = b"," if next(members(options), None) is not None else b""
    return b'{"include_usage":true%b%b' % (comma, options[1:])
