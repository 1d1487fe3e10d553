"""Content of a client's items: texts, images, files and sounds. Refuses to know whose content it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from gateway.errors import InvalidRequest
from gateway.formats.format import Fields
from gateway.formats.media import source_of_url
from gateway.formats.neutral import Citation, Document, Image, Part, Source, Text
from gateway.formats.openai_fields import a_detail, read_audio, read_mark, read_parts, read_refusal, read_source
from gateway.formats.values import a_list, a_text, an_object, maybe


def read_content(value: Any, path: str) -> tuple[Part, ...]:
    """The parts of a string or of a list of parts; none for null. Raises InvalidRequest with the part at fault."""
    return read_parts(read_part, value, path)


def read_part(value: Any, path: str) -> Part:
    """One part. Raises InvalidRequest."""
    part = an_object(value, path)
    reader = _PARTS.get(a_text(part.get("type"), f"{path}.type"))
    if reader is None:
        refuse_kind(f"{path}.type", "content")
    return reader(part, path)


def refuse_kind(path: str, what: str) -> NoReturn:
    """Raises InvalidRequest for a type that nobody knows."""
    raise InvalidRequest(f"{path} is not a known kind of {what}.", param=path)


def _text(part: Fields, path: str) -> Text:
    return Text(a_text(part.get("text"), f"{path}.text"), read_mark(part, path), _citations(part))


def _citations(part: Fields) -> tuple[Citation, ...]:
    """Sources of web pages. Other annotations name files that only their vendor has."""
    notes = part.get("annotations")
    if not isinstance(notes, list):
        return ()
    return tuple(citation for note in notes if (citation := read_citation(note)) is not None)


def read_citation(note: Any) -> Citation | None:
    """The source in an annotation, None where it names no page."""
    if not isinstance(note, dict) or note.get("type") != "url_citation" or not isinstance(note.get("url"), str):
        return None
    title, start, end = note.get("title"), note.get("start_index"), note.get("end_index")
    return Citation(
        note["url"],
        title if isinstance(title, str) else "",
        start if isinstance(start, int) else 0,
        end if isinstance(end, int) else 0,
    )


def _image(part: Fields, path: str) -> Image:
    return Image(
        _source(part, path, {"image_url": source_of_url, "file_id": _file}),
        maybe(a_detail, part, "detail", path) or "",
        read_mark(part, path),
    )


def _document(part: Fields, path: str) -> Document:
    return Document(
        _source(part, path, {"file_data": _content, "file_url": source_of_url, "file_id": _file}),
        maybe(a_text, part, "filename", path) or "",
        cache=read_mark(part, path),
    )


def _source(part: Fields, path: str, readers: dict[str, Callable[[str], Source]]) -> Source:
    """Where the content is: by the first field that says so."""
    for name, reader in readers.items():
        value = part.get(name)
        if value is not None:
            return read_source(reader, a_text(value, f"{path}.{name}"), f"{path}.{name}")
    field = f"{path}.{next(iter(readers))}"
    raise InvalidRequest(f"{field} is missing.", param=field)


def _content(value: str) -> Source:
    """Content of a file, which some clients send as bare base64: then it can only be what most files are."""
    return source_of_url(value) if value.startswith("data:") else Source("base64", value, "application/pdf")


def _file(value: str) -> Source:
    return Source("file", value)


_PARTS: dict[str, Callable[[Fields, str], Part]] = {
    "input_text": _text,
    "output_text": _text,
    "text": _text,
    "refusal": read_refusal,
    "input_image": _image,
    "input_file": _document,
    "input_audio": read_audio,
}


def texts_of(value: Any, path: str) -> list[str]:
    """The texts of a list of `{type, text}`; none for null. Raises InvalidRequest."""
    entries = a_list(value, path) if value is not None else []
    return [
        a_text(an_object(entry, f"{path}[{at}]").get("text"), f"{path}[{at}].text") for at, entry in enumerate(entries)
    ]
