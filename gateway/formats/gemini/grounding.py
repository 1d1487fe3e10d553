"""`groundingMetadata`, both ways: which sources a text rests on. Google counts bytes, everybody else characters.

Shape: https://ai.google.dev/api/generate-content#GroundingMetadata.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from gateway.formats.format import Fields
from gateway.formats.neutral import Citation


class Cited(NamedTuple):
    """A source, and the bytes of the text it stands for."""

    citation: Citation
    start: int
    end: int


def read_grounding(metadata: Any, text: str, before: int) -> Iterator[Citation]:
    """The sources of a text, which has so many bytes of other texts before it.

    A source whose place cannot be found stands for the whole text; so do those that name no place.
    """
    if not isinstance(metadata, dict):
        return
    sources = [_source(chunk) for chunk in _objects(metadata.get("groundingChunks"), keep=True)]
    supports = list(_objects(metadata.get("groundingSupports")))
    if not supports:
        yield from (source for source in sources if source is not None)
        return
    written = text.encode("utf-8", "surrogatepass")
    for support in supports:
        start, end = _place(support.get("segment"), text, written, before)
        for index in _numbers(support.get("groundingChunkIndices")):
            source = sources[index] if index < len(sources) else None
            if source is not None:
                yield Citation(source.url, source.title, start, end)


def write_grounding(cited: Iterable[Cited]) -> Fields:
    """Sources, each once, and what they stand for; nothing where there are none."""
    places: dict[tuple[str, str], int] = {}
    supports: list[Fields] = []
    for citation, start, end in cited:
        index = places.setdefault((citation.url, citation.title), len(places))
        segment = {"startIndex": start, "endIndex": end} if start else {"endIndex": end}
        supports.append({"segment": segment, "groundingChunkIndices": [index]})
    if not places:
        return {}
    chunks = [{"web": {"uri": url, "title": title} if title else {"uri": url}} for url, title in places]
    return {"groundingMetadata": {"groundingChunks": chunks, "groundingSupports": supports}}


def cited(citation: Citation, text: str, before: int) -> Cited:
    """A source with its place in bytes, in a text with so many bytes of other texts before it."""
    start = before + len(text[: citation.start].encode("utf-8", "surrogatepass"))
    end = before + len(text[: citation.end or len(text)].encode("utf-8", "surrogatepass"))
    return Cited(citation, start, max(start, end))


def _source(chunk: Fields) -> Citation | None:
    """A page of the web, or a document or place that has an address."""
    for kind in ("web", "retrievedContext", "maps"):
        source = chunk.get(kind)
        uri = source.get("uri") if isinstance(source, dict) else None
        if isinstance(source, dict) and isinstance(uri, str) and uri:
            title = source.get("title")
            return Citation(uri, title if isinstance(title, str) else "")
    return None


def _place(segment: Any, text: str, written: bytes, before: int) -> tuple[int, int]:
    """Where a segment is, in characters: by its bytes if they say what it says, else wherever it says that."""
    if not isinstance(segment, dict):
        return 0, 0
    said, start, end = segment.get("text"), segment.get("startIndex", 0), segment.get("endIndex")
    quoted = said if isinstance(said, str) else ""
    if start.__class__ is int and end.__class__ is int:
        for shift in (before, 0):
            found = _decoded(written, start - shift, end - shift)
            if found is not None and (not quoted or found[1] == quoted):
                return len(found[0]), len(found[0]) + len(found[1])
    at = text.find(quoted) if quoted else -1
    return (at, at + len(quoted)) if at >= 0 else (0, 0)


def _decoded(written: bytes, start: int, end: int) -> tuple[str, str] | None:
    """What stands before these bytes, and what they say; None where there are none such."""
    if not 0 <= start < end <= len(written):
        return None
    try:
        return written[:start].decode(), written[start:end].decode()
    except UnicodeDecodeError:
        return None


def _objects(value: Any, *, keep: bool = False) -> Sequence[Fields]:
    """The objects in a list; with `keep`, empty ones in the place of others, so that numbers still count."""
    listed = value if isinstance(value, list) else []
    return [each if isinstance(each, dict) else {} for each in listed if keep or isinstance(each, dict)]


def _numbers(value: Any) -> list[int]:
    return [each for each in value if each.__class__ is int and each >= 0] if isinstance(value, list) else []
