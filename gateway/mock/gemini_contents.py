"""What Gemini asks of a conversation as a whole: whose turn it is, responses to calls, signatures. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

from gateway.mock import signatures
from gateway.mock.gemini import refuse
from gateway.mock.gemini_messages import PART_KINDS
from gateway.mock.gemini_models import Abilities
from gateway.mock.gemini_proto import standard_base64

Content = dict[str, Any]

_ANY_SIGNATURE = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
BYPASSES = frozenset(
    written for word in _ANY_SIGNATURE for written in (standard_base64(word), base64.b64encode(word.encode()).decode())
)
"""Signatures that Google takes for thoughts of which there are none."""
_FILE_URI = re.compile(
    r"gs://.+|https://generativelanguage\.googleapis\.com/v1(beta)?/files/.+|files/.+"
    r"|https?://((www|m)\.)?youtube\.com/.+|https?://youtu\.be/.+"
)
_MEDIA = ("image/", "audio/", "video/", "text/", "application/pdf", "application/json")
_WHERE = "* GenerateContentRequest.contents"


def check_contents(contents: list[Content], *, model: str, abilities: Abilities) -> None:
    """Raises `Refused` for the first rule that these contents break."""
    if not contents:
        raise refuse(f"{_WHERE}: contents is not specified")
    for index, content in enumerate(contents):
        _check_content(content, index, model=model, abilities=abilities)
    if contents[0].get("role", "user") != "user":
        raise refuse("Please ensure that multiturn requests begin with a user turn.")
    for before, content, after in zip([None, *contents], contents, [*contents[1:], None], strict=False):
        _check_calls(before, content, after)
        if abilities.needs_signatures:
            _check_signed(content)


def parts_of(content: Content, kind: str) -> list[Any]:
    """What the parts of one kind hold."""
    return [part[kind] for part in content.get("parts", ()) if kind in part]


def media_of(contents: list[Content]) -> Iterator[str]:
    """The media type of each file or blob, those inside of function responses too."""
    for part in (part for content in contents for part in content.get("parts", ())):
        for holder in (part, *part.get("functionResponse", {}).get("parts", ())):
            for kind in ("inlineData", "fileData"):
                if kind in holder:
                    yield holder[kind].get("mimeType", "")


def _check_content(content: Content, index: int, *, model: str, abilities: Abilities) -> None:
    where = f"{_WHERE}[{index}]"
    if content.get("role", "user") not in ("user", "model"):
        raise refuse("Please use a valid role: user, model.")
    if not content.get("parts"):
        raise refuse(f"{where}.parts: contents.parts must not be empty.")
    for place, part in enumerate(content["parts"]):
        _check_part(part, f"{where}.parts[{place}]")
        _check_signature(part, model)
        if part.get("functionResponse", {}).get("parts") and not abilities.media_results:
            raise refuse(f"{where}.parts[{place}].function_response.parts: not supported for this model.")


def _check_part(part: dict[str, Any], where: str) -> None:
    if not part.keys() & set(PART_KINDS):
        raise refuse(f"{where}.data: required oneof field 'data' must have one initialized field")
    for kind, place in (("functionCall", "function_call"), ("functionResponse", "function_response")):
        if kind in part and not part[kind].get("name"):
            raise refuse(f"{where}.{place}.name: Name cannot be empty.")
    for holder in (part, *part.get("functionResponse", {}).get("parts", ())):
        _check_media(holder)


def _check_media(holder: dict[str, Any]) -> None:
    uri = holder["fileData"].get("fileUri", "") if "fileData" in holder else None
    if uri is not None and not _FILE_URI.fullmatch(uri):
        raise refuse(f"Invalid or unsupported file uri: {uri}")
    blob = holder.get("inlineData")
    if blob is not None and not blob.get("mimeType", "").startswith(_MEDIA):
        raise refuse(f"Unsupported MIME type: {blob.get('mimeType', '')}")
    if blob is not None and not blob.get("data"):
        raise refuse("Unable to process input image. Please retry or report.")


def _check_signature(part: dict[str, Any], model: str) -> None:
    signature = part.get("thoughtSignature")
    if signature and signature not in BYPASSES and not signatures.is_sealed(signature, model):
        raise refuse("Corrupted thought signature.")


def _check_calls(before: Content | None, content: Content, after: Content | None) -> None:
    """A turn with calls comes after the user and before as many responses."""
    calls, responses = parts_of(content, "functionCall"), parts_of(content, "functionResponse")
    if calls and (before is None or before.get("role", "user") != "user"):
        said = "comes immediately after a user turn or after a function response turn."
        raise refuse(f"Please ensure that function call turn {said}")
    if responses and (before is None or not parts_of(before, "functionCall")):
        raise refuse("Please ensure that function response turn comes immediately after a function call turn.")
    if calls and len(parts_of(after or {}, "functionResponse")) != len(calls):
        said = "is equal to the number of function call parts of the function call turn."
        raise refuse(f"Please ensure that the number of function response parts {said}")


def _check_signed(content: Content) -> None:
    """The first call of a step comes back with the signature it came with."""
    calls = [part for part in content["parts"] if "functionCall" in part]
    if calls and not calls[0].get("thoughtSignature"):
        name = calls[0]["functionCall"]["name"]
        said = "Function call is missing a thought_signature in functionCall parts. This is required for tools to work"
        raise refuse(f"{said} correctly. Additional data, function call `default_api:{name}`.")
