"""The fields of a multipart/form-data body. Pure; small bodies in mind, files are kept as bytes in memory."""

from __future__ import annotations

import re
from typing import Any, NamedTuple


class NotAForm(ValueError):
    """The body is not what its content type says."""


class File(NamedTuple):
    """An uploaded file."""

    name: str
    content_type: str
    content: bytes


_BOUNDARY = re.compile(rb'boundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))', re.IGNORECASE)
_NAME = re.compile(rb'[;\s]name="([^"]*)"')
_FILENAME = re.compile(rb'[;\s]filename="([^"]*)"')
_TYPE = re.compile(rb"^content-type:\s*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)


def read_form(content_type: bytes, body: bytes) -> dict[str, Any]:
    """Field names to text, `File`, or a list of them when a name is repeated. Raises `NotAForm`."""
    boundary = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith(b"multipart/form-data") or boundary is None:
        raise NotAForm("not multipart/form-data with a boundary")
    delimiter = b"\r\n--" + (boundary[1] or boundary[2])
    parts = (b"\r\n" + body).split(delimiter)
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise NotAForm("the closing boundary is missing")
    form: dict[str, Any] = {}
    for part in parts[1:-1]:
        name, value = _read_part(part)
        if name in form:
            before = form[name] if isinstance(form[name], list) else [form[name]]
            form[name] = [*before, value]
        else:
            form[name] = value
    return form


def _read_part(part: bytes) -> tuple[str, str | File]:
    head, separator, content = part.partition(b"\r\n\r\n")
    name = _NAME.search(head)
    if not separator or name is None:
        raise NotAForm("a part has no name")
    filename = _FILENAME.search(head)
    if filename is None:
        return name[1].decode(errors="replace"), content.decode(errors="replace")
    kind = _TYPE.search(head)
    shown = kind[1].decode("latin-1").strip() if kind is not None else "application/octet-stream"
    return name[1].decode(errors="replace"), File(filename[1].decode(errors="replace"), shown, content)
