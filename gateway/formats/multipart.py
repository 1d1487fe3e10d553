"""The few fields of a multipart form that the relay must read or change. Files are never looked into.

Form data as in RFC 7578: parts between `--boundary` lines, each with headers and a body.
"""

from __future__ import annotations

import re

from gateway.errors import InvalidRequest, UnsupportedMediaType

from .ask import Ask

HEADER_BYTES = 8 * 1024
"""Longest head of a part that is looked at."""

_BOUNDARY = re.compile(rb'boundary=(?:"([^"]{1,200})"|([^;\s"]{1,200}))', re.IGNORECASE)
_NAME = re.compile(rb'content-disposition:[^\r\n]*?[;\s]name=(?:"([^"\r\n]*)"|([^;\s\r\n]*))', re.IGNORECASE)


def boundary_of(content_type: bytes) -> bytes:
    """The boundary a content type names; raises UnsupportedMediaType when it names none."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise UnsupportedMediaType("multipart/form-data needs a boundary.")
    return found[1] or found[2]


def read_form_ask(body: bytes, content_type: bytes, default_model: str | None) -> Ask:
    """What a form asks for. Raises InvalidRequest when it is no form or names no model."""
    boundary = boundary_of(content_type)
    if b"--" + boundary not in body:
        raise InvalidRequest("The form does not contain the boundary its content type names.")
    named = field_span(body, boundary, b"model")
    model = body[slice(*named)].decode("utf-8", "replace").strip() if named else default_model
    if not model:
        raise InvalidRequest("You must provide a model parameter.", param="model")
    streams = field_span(body, boundary, b"stream")
    stream = streams is not None and body[slice(*streams)].strip().lower() == b"true"
    return Ask(model, named is not None, stream, False, {})


def edit_form(body: bytes, content_type: bytes, ask: Ask, model: str) -> bytes:
    """The form for the provider: its own model id in place of the client's name for it."""
    span = field_span(body, boundary_of(content_type), b"model")
    if span is None or model == ask.model:
        return body
    return body[: span[0]] + model.encode() + body[span[1] :]


def field_span(body: bytes, boundary: bytes, name: bytes) -> tuple[int, int] | None:
    """Where the value of a field stands; None when there is no such field."""
    delimiter = b"--" + boundary
    start = body.find(delimiter)
    while start >= 0:
        head = start + len(delimiter)
        value = body.find(b"\r\n\r\n", head, head + HEADER_BYTES)
        start = body.find(b"\r\n" + delimiter, head)
        if value < 0 or start < 0:
            return None
        found = _NAME.search(body, head, value)
        if found is not None and (found[1] if found[1] is not None else found[2]) == name:
            return value + 4, start
        start += 2
    return None
