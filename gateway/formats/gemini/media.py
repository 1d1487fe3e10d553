"""Media in this dialect: blobs and files, told apart by their type. Fetches nothing, and never guesses a type.

Shapes: https://ai.google.dev/api/caching#Blob and #FileData.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from gateway.errors import InvalidRequest
from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Audio, Document, Image, Source, Video
from gateway.formats.values import a_text

from .spelling import a_word, decoded_text, drop_unknown, given, standard_base64

Media = Image | Document | Audio | Video

_SAME_TYPE = {
    "image/jpg": "image/jpeg",
    "audio/mpeg": "audio/mp3",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
}
OWN_FILE = re.compile(
    r"gs://|files/|https://generativelanguage\.googleapis\.com/|https?://(?:(?:www|m)\.)?youtube\.com/|https?://youtu\.be/"
)
"""Addresses that only Google can open (IMG-1)."""

_DETAILS = {"LOW": "low", "HIGH": "high", "ULTRA_HIGH": "original"}
_LEVELS = {detail: f"MEDIA_RESOLUTION_{level}" for level, detail in _DETAILS.items()}
"""IMG-2; `auto` is no level at all."""

_USUAL_TYPE: dict[type, str] = {
    Image: "image/png",
    Document: "application/pdf",
    Audio: "audio/wav",
    Video: "video/mp4",
}
"""For content whose type its client did not say, in a dialect that insists."""


def read_blob(value: Any, path: str, losses: Losses) -> Media:
    """`inlineData`. Raises InvalidRequest, and UnsupportedParameter for types that no other vendor takes."""
    blob = given(value, path)
    drop_unknown(blob, ("mimeType", "data", "displayName"), path, losses)
    media_type = _type(blob, path)
    content = standard_base64(a_text(blob.get("data"), f"{path}.data"))
    if not content:
        raise InvalidRequest(f"{path}.data must not be empty.", param=f"{path}.data")
    title = a_text(blob["displayName"], f"{path}.displayName") if "displayName" in blob else ""
    source = Source("base64", content, media_type)
    if media_type.startswith("image/"):
        return Image(source)
    if media_type.startswith("audio/"):
        return Audio(source)
    if media_type.startswith("video/"):
        return Video(source)
    if media_type == "application/pdf":
        return Document(source, title)
    if media_type.startswith("text/"):
        return Document(Source("text", _text(content, path), "text/plain"), title)
    return losses.refuse(f"{path}.mimeType", f"{media_type} is not supported by the selected upstream.")


def read_file(value: Any, path: str, losses: Losses) -> Media:
    """`fileData`. Raises UnsupportedParameter for what only Google can open."""
    file = given(value, path)
    drop_unknown(file, ("mimeType", "fileUri", "displayName"), path, losses)
    uri = a_text(file.get("fileUri"), f"{path}.fileUri")
    media_type = _type(file, path) if "mimeType" in file else "image/*"
    if not uri.lower().startswith(("http://", "https://")) or OWN_FILE.match(uri):
        losses.refuse(f"{path}.fileUri", "Files in Google's keeping cannot be read by the selected upstream.")
    if media_type.startswith("image/"):
        return Image(Source("url", uri))
    if media_type == "application/pdf" or media_type.startswith("text/"):
        title = a_text(file["displayName"], f"{path}.displayName") if "displayName" in file else ""
        return Document(Source("url", uri, media_type), title)
    return losses.refuse(f"{path}.mimeType", f"{media_type} by address is not supported by the selected upstream.")


def read_detail(value: Any, path: str, losses: Losses) -> str:
    """`mediaResolution` as a detail: a word, or an object with the word as its level."""
    if isinstance(value, dict):
        fields = given(value, path)
        drop_unknown(fields, ("level",), path, losses)
        value = fields.get("level", "MEDIA_RESOLUTION_UNSPECIFIED")
        path += ".level"
    level = a_word(value, path).removeprefix("MEDIA_RESOLUTION_")
    if level not in _DETAILS and level != "UNSPECIFIED":
        losses.drop(path)
    return _DETAILS.get(level, "")


def level_of(detail: str) -> str:
    """A detail as Google's word; empty for `auto` and none."""
    return _LEVELS.get(detail, "")


def write_media(part: Media, losses: Losses) -> Fields:
    """The part for Google. Raises UnsupportedParameter for another vendor's file, and for what could not be fetched."""
    fields = _located(part, losses)
    level = level_of(part.detail) if isinstance(part, Image) else ""
    return {**fields, "mediaResolution": {"level": level}} if level else fields


def _located(part: Media, losses: Losses) -> Fields:
    source = part.source
    media_type = source.media_type or _USUAL_TYPE[type(part)]
    if source.kind == "base64":
        return {"inlineData": {"mimeType": media_type, "data": source.value}}
    if source.kind == "text":
        content = base64.b64encode(source.value.encode("utf-8", "replace")).decode()
        return {"inlineData": {"mimeType": source.media_type or "text/plain", "data": content}}
    if OWN_FILE.match(source.value):
        return {"fileData": {"mimeType": media_type, "fileUri": source.value}}
    what = type(part).__name__.lower()
    if source.kind == "url":
        losses.refuse(what, f"The selected upstream cannot open this address: {source.value[:80]}")
    return losses.refuse(what, f"An uploaded {what} cannot be handed to the selected upstream by its id.")


def _type(fields: Fields, path: str) -> str:
    said = a_text(fields.get("mimeType"), f"{path}.mimeType")
    media_type = said.partition(";")[0].strip().lower()
    if "/" not in media_type:
        raise InvalidRequest(f"{path}.mimeType must be a media type.", param=f"{path}.mimeType")
    return _SAME_TYPE.get(media_type, media_type)


def _text(content: str, path: str) -> str:
    text = decoded_text(content)
    if text is None:
        raise InvalidRequest(f"{path}.data must be base64.", param=f"{path}.data")
    return text
