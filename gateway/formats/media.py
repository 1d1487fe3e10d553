"""Where media are: data URLs taken apart and put together, and URLs that somebody must fetch. Nothing is fetched here.

Media types are told, never guessed from content.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote_to_bytes

from msgspec import structs

from gateway.errors import InvalidRequest

from .neutral import Document, Image, Part, Prompt, Source, ToolResult

_WEB = re.compile(r"https?://", re.IGNORECASE)

_SAME_TYPE = {"image/jpg": "image/jpeg"}


def source_of_url(url: str) -> Source:
    """What a URL stands for: the content it carries if it is a data URL, else its address (IMG-1).

    Raises InvalidRequest for a data URL that is none.
    """
    if url[:5].lower() != "data:":
        return Source("url", url)
    head, comma, content = url[5:].partition(",")
    if not comma:
        raise InvalidRequest("A data URL must have a comma before its data.")
    first, *rest = head.split(";")
    media_type = first.strip().lower()
    media_type = _SAME_TYPE.get(media_type, media_type)
    if any(word.strip().lower() == "base64" for word in rest):
        return Source("base64", _compact(content), media_type)
    return Source("base64", base64.b64encode(unquote_to_bytes(content)).decode(), media_type)


def data_url(source: Source) -> str:
    """The source as one URL: as data where we have its content, else its address."""
    if source.kind == "base64":
        return f"data:{source.media_type};base64,{source.value}"
    if source.kind == "text":
        content = base64.b64encode(source.value.encode("utf-8", "replace")).decode()
        return f"data:{source.media_type or 'text/plain'};base64,{content}"
    return source.value


def wanted_urls(prompt: Prompt, takes: frozenset[str], own: re.Pattern[str] | None = None) -> tuple[str, ...]:
    """URLs of images and documents that the dialect cannot be told as such, each once, in order.

    `takes` names the kinds whose URLs it takes: `image`, `document`; `own` matches those only its vendor can open.
    """
    kinds = tuple(kind for word, kind in (("image", Image), ("document", Document)) if word not in takes)
    found = (part.source.value for part in _located(prompt) if isinstance(part, kinds))
    return tuple(dict.fromkeys(url for url in found if own is None or not own.match(url)))


def strange_urls(prompt: Prompt, own: re.Pattern[str] | None = None) -> tuple[str, ...]:
    """URLs that nobody can fetch, and that no vendor but their own can open (`gs://`): all that are not of the web."""
    found = (part.source.value for part in _located(prompt))
    return tuple(url for url in found if not _WEB.match(url) and not (own is not None and own.match(url)))


def _located(prompt: Prompt) -> Iterator[Image | Document]:
    parts = (part for turn in prompt.turns for part in _within(turn.parts))
    return (part for part in parts if isinstance(part, Image | Document) and part.source.kind == "url")


def inlined(prompt: Prompt, fetched: Mapping[str, Source]) -> Prompt:
    """The prompt with fetched content in the place of its URLs. Raises InvalidRequest for an image that is none."""
    if not fetched:
        return prompt
    turns = tuple(structs.replace(turn, parts=_replaced(turn.parts, fetched)) for turn in prompt.turns)
    return structs.replace(prompt, turns=turns)


def stand_ins(prompt: Prompt, urls: Iterable[str]) -> Mapping[str, Source]:
    """For each of these URLs of a prompt something of its kind without content, for whoever only wants to see what
    would become of it."""
    images = {part.source.value for part in _located(prompt) if isinstance(part, Image)}
    return {url: Source("base64", "", "image/png" if url in images else "application/pdf") for url in urls}


def text_document(document: Document) -> str:
    """A document of text as plain text, for dialects in which only PDFs are files (DOC-1)."""
    return f"Document: {document.title}\n{_text(document.source)}"


def _text(source: Source) -> str:
    if source.kind != "base64":
        return source.value
    try:
        return base64.b64decode(source.value).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise InvalidRequest("A document's data must be base64.") from None


def _compact(content: str) -> str:
    """Base64 as everybody takes it: some clients break its lines, or escape it as in any URL."""
    whole = unquote_to_bytes(content).decode("ascii", "replace") if "%" in content else content
    return "".join(whole.split())


def _within(parts: Iterable[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        if isinstance(part, ToolResult):
            yield from part.parts


def _replaced(parts: Iterable[Part], fetched: Mapping[str, Source]) -> tuple[Part, ...]:
    return tuple(_with_content(part, fetched) for part in parts)


def _with_content(part: Part, fetched: Mapping[str, Source]) -> Part:
    if isinstance(part, ToolResult):
        return structs.replace(part, parts=_replaced(part.parts, fetched))
    if isinstance(part, Image | Document) and part.source.kind == "url" and part.source.value in fetched:
        source = fetched[part.source.value]
        if isinstance(part, Image) and not source.media_type.startswith("image/"):
            shown = part.source.value.partition("?")[0][:80]
            raise InvalidRequest(f"{shown} was to be an image, but leads to {source.media_type or 'something else'}.")
        return structs.replace(part, source=source)
    return part
