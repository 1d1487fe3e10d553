"""Media in a request, whatever its dialect: what is enclosed in it, and what it only refers to.

Knows the parts of messages that all four dialects have for media. Not believed is what looks like one within the
arguments and results of tools: to a model that is text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from .format import Fields
from .told import object_of, string_of

SIGNS = (b'_url"', b'"source"', b'"input_audio"', b'"file', b'nline', b'"fileData"')
"""A body without any of these holds no media."""

FREE = frozenset(("arguments", "args", "parameters", "response", "input_schema", "metadata", "json_schema", "schema"))
"""What is in these is anybody's: no parts of messages."""

DATA = "data:"


class Media(NamedTuple):
    """A picture, a sound, a document."""

    is_image: bool
    letters: int | None
    """Of base64 in the body; None where the request only says where it is."""


def media_in(body: bytes, fields: Fields) -> Iterator[Media]:
    """The media of a request: its body, and the same as objects."""
    return _walk(fields) if any(sign in body for sign in SIGNS) else iter(())


def _walk(fields: Fields) -> Iterator[Media]:
    waiting: list[Any] = [fields]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += [each for each in value if each.__class__ in (dict, list)]
        else:
            yield from _of_part(value)
            waiting += [each for name, each in value.items() if each.__class__ in (dict, list) and _is_open(name, each)]


def _is_open(name: str, value: Any) -> bool:
    """Responses call a conversation `input`, which is a list; Anthropic the arguments of a tool, which are an object."""
    return name not in FREE and not (name == "input" and isinstance(value, dict))


def _of_part(part: Fields) -> Iterator[Media]:
    for name in part.keys() & _READERS.keys():
        if (media := _READERS[name](part, part[name])) is not None:
            yield media


def _url(part: Fields, value: Any) -> Media | None:
    """Of an image: at an address, or in the address."""
    address = string_of(object_of(value).get("url") if isinstance(value, dict) else value)
    return Media(True, len(address) if address.startswith(DATA) else None) if address else None


def _source(part: Fields, value: Any) -> Media | None:
    """Anthropic's."""
    source, is_image = object_of(value), part.get("type") == "image"
    if source.get("type") == "base64":
        return Media(is_image, len(string_of(source.get("data"))))
    return Media(is_image, None) if source.get("type") in ("url", "file") else None


def _inline(part: Fields, value: Any) -> Media | None:
    """Gemini's."""
    said = object_of(value)
    kind = string_of(said.get("mimeType", said.get("mime_type")))
    return Media(kind.startswith("image/"), len(string_of(said.get("data")))) if said else None


def _sound(part: Fields, value: Any) -> Media | None:
    """OpenAI's."""
    said = object_of(value)
    return Media(False, len(string_of(said.get("data")))) if said else None


def _file(part: Fields, value: Any) -> Media | None:
    """OpenAI's in a chat is an object, and so is what Gemini calls `file_data`; in the Responses they are members."""
    if isinstance(value, str):
        return Media(part.get("type") == "input_image", len(value) if value.startswith(DATA) else None)
    data = string_of(object_of(value).get("file_data"))
    return Media(False, len(data) if data else None) if isinstance(value, dict) else None


_READERS: Mapping[str, Callable[[Fields, Any], Media | None]] = MappingProxyType(
    {
        "image_url": _url,
        "video_url": lambda part, value: Media(False, None),
        "source": _source,
        "input_audio": _sound,
        "inlineData": _inline,
        "inline_data": _inline,
        "file": _file,
        "file_data": _file,
        "file_id": _file,
        "file_url": _file,
        "fileData": _file,
    }
)
