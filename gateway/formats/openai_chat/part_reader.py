"""Content of a client's messages: texts, images, files and sounds, and the thinking that compatible clients send back.

Shapes: https://platform.openai.com/docs/api-reference/chat/create#chat-create-messages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.errors import InvalidRequest
from gateway.formats.format import Fields
from gateway.formats.media import source_of_url
from gateway.formats.neutral import (
    Document,
    Image,
    Part,
    Reasoning,
    Source,
    State,
    Text,
    Video,
)
from gateway.formats.openai_fields import a_detail, read_audio, read_mark, read_parts, read_refusal, read_source
from gateway.formats.reasoning import is_wrapped, unwrap
from gateway.formats.values import a_list, a_text, an_object, maybe


def read_content(value: Any, path: str) -> tuple[Part, ...]:
    """The parts of a string or of a list of parts; none for null. Raises InvalidRequest with the part at fault."""
    return read_parts(_part, value, path)


def read_thinking(message: Fields, path: str) -> tuple[Reasoning, ...]:
    """What an assistant message carries of its thinking: blocks with state, else plain text (REAS-6)."""
    blocks = message.get("thinking_blocks")
    text = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(blocks, list) and blocks:
        read = tuple(_block(an_object(block, f"{path}.thinking_blocks[{at}]")) for at, block in enumerate(blocks))
        # In a stream the text comes apart from the signature; a signature is good for its text only.
        if isinstance(text, str) and len(read) == 1 and not read[0].text:
            return (Reasoning(text, read[0].state),)
        return read
    return (Reasoning(text),) if isinstance(text, str) and text else ()


def _block(block: Fields) -> Reasoning:
    """A block as LiteLLM and we write it: thinking with its signature, or redacted data."""
    text = block.get("thinking")
    said = text if isinstance(text, str) else ""
    if block.get("type") == "redacted_thinking":
        payload = block.get("data")
        return Reasoning(said, _state(payload, redacted=True) if isinstance(payload, str) else None)
    signature = block.get("signature")
    return Reasoning(said, _state(signature, redacted=False) if isinstance(signature, str) else None)


def _state(text: str, *, redacted: bool) -> State | None:
    """A wrapping of ours, or what another gateway passed on of Anthropic as it was."""
    if is_wrapped(text):
        return unwrap(text)
    return State("anthropic-redacted" if redacted else "anthropic", text) if text else None


def _part(value: Any, path: str) -> Part:
    part = an_object(value, path)
    reader = _PARTS.get(a_text(part.get("type"), f"{path}.type"))
    if reader is None:
        known = ", ".join(f"'{name}'" for name in _PARTS)
        raise InvalidRequest(f"Invalid value: '{part['type']}'. Supported values are: {known}.", param=f"{path}.type")
    return reader(part, path)


def _text(part: Fields, path: str) -> Text:
    return Text(a_text(part.get("text"), f"{path}.text"), read_mark(part, path))


def _image(part: Fields, path: str) -> Image:
    image = part.get("image_url")
    if isinstance(image, str):  # some clients leave the object out
        image = {"url": image}
    fields = an_object(image, f"{path}.image_url")
    return Image(
        _url(fields, f"{path}.image_url"),
        maybe(a_detail, fields, "detail", f"{path}.image_url") or "",
        read_mark(part, path),
    )


def _video(part: Fields, path: str) -> Video:
    """Not OpenAI's, but what some compatible servers take."""
    fields = an_object(part.get("video_url"), f"{path}.video_url")
    return Video(_url(fields, f"{path}.video_url"))


def _url(fields: Fields, path: str) -> Source:
    return read_source(source_of_url, a_text(fields.get("url"), f"{path}.url"), f"{path}.url")


def _file(part: Fields, path: str) -> Document:
    fields = an_object(part.get("file"), f"{path}.file")
    title = maybe(a_text, fields, "filename", f"{path}.file") or ""
    if fields.get("file_data") is not None:
        said = a_text(fields["file_data"], f"{path}.file.file_data")
        # Bare base64 says nothing of its type: files are PDFs here.
        is_url = ":" in said[:8]
        source = (
            read_source(source_of_url, said, f"{path}.file.file_data")
            if is_url
            else Source("base64", said, "application/pdf")
        )
    elif fields.get("file_id") is not None:
        source = Source("file", a_text(fields["file_id"], f"{path}.file.file_id"))
    else:
        raise InvalidRequest(f"{path}.file.file_data is missing.", param=f"{path}.file.file_data")
    return Document(source, title, cache=read_mark(part, path))


_PARTS: dict[str, Callable[[Fields, str], Part]] = {
    "text": _text,
    "refusal": read_refusal,
    "image_url": _image,
    "input_audio": read_audio,
    "file": _file,
    "video_url": _video,
}


def a_stop_list(value: Any, path: str) -> tuple[str, ...]:
    """One stop word or several."""
    if isinstance(value, str):
        return (value,)
    return tuple(a_text(word, f"{path}[{at}]") for at, word in enumerate(a_list(value, path)))
