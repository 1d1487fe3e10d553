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

FREE = frozenset(("arguments", "args", "parameters", "response", "input_schema", "metadata", "json_schema", "schema"))
"""What is in these is anybody's: no parts of messages. Nor is it in Anthropic's `input` of a tool, which is an object;
that of the Responses API is a list."""

_NESTING: frozenset[Any] = frozenset((dict, list))

DATA = "data:"


class Media(NamedTuple):
    """A picture, a sound, a document."""

    is_image: bool
    letters: int | None
    """Of base64 in the body; None where the request only says where it is."""


def media_in(fields: Fields) -> list[Media]:
    """The media of a request."""
    found: list[Media] = []
    waiting: list[Any] = [fields]
    for value in waiting:  # it grows meanwhile
        if value.__class__ is list:
            for each in value:
                if each.__class__ is dict:
                    # Most are messages and parts of nothing but text, which are passed over: conversations are long.
                    if len(each) == 2 and (
                        (each.get("content").__class__ is str and "role" in each)
                        or (each.get("text").__class__ is str and "type" in each)
                    ):
                        continue
                elif each.__class__ is not list:
                    continue
                waiting.append(each)
            continue
        if not _PLACES.isdisjoint(value):
            found += _media_of(value)
        for name, each in value.items():
            if each.__class__ in _NESTING and name not in FREE and (name != "input" or each.__class__ is list):
                waiting.append(each)
    return found


def _media_of(part: Fields) -> Iterator[Media]:
    """Those that are said right here."""
    for name, value in part.items():
        if (read := _READERS.get(name)) is not None and (media := read(part, value)) is not None:
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
    """OpenAI's are texts, Gemini's an object."""
    if isinstance(value, str):
        return Media(part.get("type") == "input_image", len(value) if value.startswith(DATA) else None)
    return Media(False, None) if isinstance(value, dict) else None


_READERS: Mapping[str, Callable[[Fields, Any], Media | None]] = MappingProxyType(
    {
        "image_url": _url,
        "video_url": lambda part, value: Media(False, None),
        "source": _source,
        "input_audio": _sound,
        "inlineData": _inline,
        "inline_data": _inline,
        "file_data": _file,
        "file_id": _file,
        "file_url": _file,
        "fileData": _file,
    }
)

_PLACES = frozenset(_READERS)
