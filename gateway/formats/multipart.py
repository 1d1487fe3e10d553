"""The few fields of a multipart form that the relay must read or change. Files are never looked into.

Form data as in RFC 7578: parts between `--boundary` lines, each with headers and a body.
"""

from __future__ import annotations

import re

from gateway.errors import InvalidRequest, UnsupportedMediaType

from .ask import Ask

HEADER_BYTES = 8 * 1024
"""Longest head of a part that is looked at."""

_BOUNDARY = re.compile(rb';\s*boundary=(?:"([^"]{1,200})"|([^;\s"]{1,200}))', re.IGNORECASE)
_DISPOSITION = re.compile(rb"(?:\A|\r\n)content-disposition:([^\r\n]*)", re.IGNORECASE)
_PARAMETER = re.compile(rb';\s*([^=;\s"]+)=(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"|([^;"]*))')
_ESCAPED = re.compile(rb"\\(.)")
_LINE_END = re.compile(rb"[ \t]*\r\n")


def boundary_of(content_type: bytes) -> bytes:
    """The boundary a content type names; raises UnsupportedMediaType when it names none."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise UnsupportedMediaType("multipart/form-data needs a boundary.")
    return found[1] or found[2]


def read_form_ask(body: bytes, content_type: bytes, default_model: str | None) -> Ask:
    """What a form asks for. Raises InvalidRequest when it is no form, names no model, or several."""
    boundary = boundary_of(content_type)
    if b"--" + boundary not in body:
        raise InvalidRequest("The form does not contain the boundary its content type names.")
    named = field_spans(body, boundary, b"model")
    if len(named) > 1:  # readers differ in which they believe
        raise InvalidRequest("You must provide one model parameter, not several.", param="model")
    model = body[slice(*named[0])].decode("utf-8", "replace").strip() if named else default_model
    if not model:
        raise InvalidRequest("You must provide a model parameter.", param="model")
    streams = field_spans(body, boundary, b"stream")
    stream = any(body[slice(*each)].strip().lower() == b"true" for each in streams)
    return Ask(model, bool(named), stream, False, {})


def edit_form(body: bytes, content_type: bytes, ask: Ask, model: str) -> bytes:
    """The form for the provider: its own model id in place of the client's name for it."""
    spans = field_spans(body, boundary_of(content_type), b"model")
    if not spans or model == ask.model:
        return body
    start, end = spans[0]
    return body[:start] + model.encode() + body[end:]


def field_spans(body: bytes, boundary: bytes, name: bytes) -> list[tuple[int, int]]:
    """Where the values of a field stand; empty when there is no such field."""
    found: list[tuple[int, int]] = []
    start = _delimiter(body, boundary, 0)
    while start is not None and (line_end := _LINE_END.match(body, start)) is not None:
        head = line_end.end()
        end = _delimiter(body, boundary, head)
        if end is None:
            return found
        value = body.find(b"\r\n\r\n", head - 2, min(head + HEADER_BYTES, end))
        if value >= 0 and _name_in(body[head:value]) == name:
            found.append((value + 4, max(body.rfind(b"\r\n--", value, end), value + 4)))
        start = end
    return found


def _delimiter(body: bytes, boundary: bytes, start: int) -> int | None:
    """Behind the next boundary on a line of its own; None when there is no other."""
    mark = b"--" + boundary
    while (at := body.find(mark, start)) >= 0:
        start = at + len(mark)
        if (at == 0 or body.startswith(b"\r\n", at - 2)) and (
            _LINE_END.match(body, start) or body.startswith(b"--", start)
        ):
            return start
    return None


def _name_in(head: bytes) -> bytes | None:
    """The field that the headers of a part name, as every reader of forms would read it."""
    disposition = _DISPOSITION.search(head)
    for parameter, quoted, plain in _PARAMETER.findall(disposition[1]) if disposition is not None else ():
        if parameter.lower() == b"name":
            return _ESCAPED.sub(rb"\1", quoted) or plain.strip()
    return None
