"""Content blocks of a client's messages as parts. Knows what each block holds, not what stands around it.

Blocks: https://platform.claude.com/docs/en/api/messages. Paths are written as Anthropic writes them
(`messages.0.content.1.source`), for clients match on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from gateway.errors import InvalidRequest
from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.media import source_of_url
from gateway.formats.neutral import CacheMark, Citation, Document, Image, Part, Source, Text
from gateway.formats.values import a_text, an_object, maybe

from .places import loss_of, refuse_tag, required

Parts = tuple[Part, ...]
BlockReader = Callable[[Fields, str, Losses], Parts]

_SAME_TYPE = {"image/jpg": "image/jpeg"}


def read_content(value: Any, path: str, readers: Mapping[str, BlockReader], losses: Losses) -> Parts:
    """The parts of a string or of a list of blocks, each read by its type. Raises InvalidRequest with the block at
    fault, and UnsupportedParameter for what only its vendor can read."""
    if isinstance(value, str):
        return (Text(value),)
    if not isinstance(value, list):
        raise InvalidRequest(f"{path}: Input should be a valid string or a valid list", param=path)
    parts: list[Part] = []
    for at, entry in enumerate(value):
        where = f"{path}.{at}"
        block = an_object(entry, where)
        kind = a_text(required(block, "type", where), f"{where}.type")
        reader = readers.get(kind)
        if reader is None:
            refuse_tag(kind[:80], where)
        parts += reader(block, where, losses)
    return tuple(parts)


def texts_among(parts: Iterable[Part]) -> list[Text]:
    """The texts, with what marks them."""
    return [part for part in parts if isinstance(part, Text)]


def read_mark(fields: Fields, path: str = "") -> CacheMark | None:
    """`cache_control`."""
    mark = maybe(an_object, fields, "cache_control", path)
    if mark is None:
        return None
    where = f"{path}.cache_control" if path else "cache_control"
    return CacheMark(maybe(a_text, mark, "ttl", where) or "")


# What is said


def _text(block: Fields, path: str, losses: Losses) -> Parts:
    text = a_text(required(block, "text", path), f"{path}.text")
    return (Text(text, read_mark(block, path), read_citations(block)),)


def read_citations(block: Fields) -> tuple[Citation, ...]:
    """Pages of the web that a text names; other citations point into documents that are not said again."""
    told = block.get("citations")
    found = (read_citation(each) for each in told) if isinstance(told, list) else ()
    return tuple(each for each in found if each is not None)


def read_citation(value: Any, length: int = 0) -> Citation | None:
    """One citation of a text of `length` characters, all of which it belongs to (SRV-2)."""
    if not isinstance(value, dict) or not isinstance(value.get("url"), str):
        return None
    title = value.get("title")
    return Citation(value["url"], title if isinstance(title, str) else "", 0, length)


def _search_result(block: Fields, path: str, losses: Losses) -> Parts:
    title = a_text(required(block, "title", path), f"{path}.title")
    source = a_text(required(block, "source", path), f"{path}.source")
    content = read_content(required(block, "content", path), f"{path}.content", TEXTS, losses)
    said = "\n".join(text.text for text in texts_among(content))
    return (Text(f"{title} — {source}\n{said}", read_mark(block, path)),)


# Media


def _image(block: Fields, path: str, losses: Losses) -> Parts:
    source = an_object(required(block, "source", path), f"{path}.source")
    if block.get("transformations") is not None:
        losses.drop(loss_of(f"{path}.transformations"))
    kind = a_text(required(source, "type", f"{path}.source"), f"{path}.source.type")
    if kind not in ("base64", "url", "file"):
        refuse_tag(kind[:80], f"{path}.source")
    return (Image(_source(source, kind, f"{path}.source"), cache=read_mark(block, path)),)


def _document(block: Fields, path: str, losses: Losses) -> Parts:
    where = f"{path}.source"
    source = an_object(required(block, "source", path), where)
    kind = a_text(required(source, "type", where), f"{where}.type")
    if kind not in ("base64", "url", "file", "text", "content"):
        refuse_tag(kind[:80], where)
    cites = block.get("citations")
    enabled = an_object(cites, f"{path}.citations").get("enabled") is True if cites is not None else False
    if kind == "content":
        found, images = _written_out(source, where, losses)
    else:
        found, images = _source(source, kind, where), ()
    title, context = maybe(a_text, block, "title", path) or "", maybe(a_text, block, "context", path) or ""
    return (Document(found, title, context, enabled, read_mark(block, path)), *images)


def _written_out(source: Fields, path: str, losses: Losses) -> tuple[Source, Parts]:
    """A document written out as blocks: its texts, and its images behind it."""
    parts = read_content(required(source, "content", path), f"{path}.content", EVERYWHERE, losses)
    texts = "\n".join(text.text for text in texts_among(parts))
    return Source("text", texts, "text/plain"), tuple(part for part in parts if isinstance(part, Image))


def _source(source: Fields, kind: str, path: str) -> Source:
    if kind == "url":
        return source_of_url(a_text(required(source, "url", path), f"{path}.url"))
    if kind == "file":
        return Source("file", a_text(required(source, "file_id", path), f"{path}.file_id"))
    form = a_text(required(source, "media_type", path), f"{path}.media_type").lower()
    content = a_text(required(source, "data", path), f"{path}.data")
    where: Literal["text", "base64"] = "text" if kind == "text" else "base64"
    return Source(where, content, _SAME_TYPE.get(form, form))


TEXTS: Mapping[str, BlockReader] = {"text": _text}
"""What an instruction may consist of."""

EVERYWHERE: Mapping[str, BlockReader] = {
    **TEXTS,
    "image": _image,
    "document": _document,
    "search_result": _search_result,
}
"""What messages of both roles may have, and results of tools."""
