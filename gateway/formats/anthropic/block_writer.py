"""Parts as content blocks for an Anthropic provider: what is said, shown, called, thought, and what came back.

Blocks: https://platform.claude.com/docs/en/api/messages. Whose turn it is, and where instructions go, is decided next
door.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from gateway.errors import InvalidRequest
from gateway.formats.arguments import as_object
from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import (
    Audio,
    CacheMark,
    Document,
    Image,
    Part,
    Reasoning,
    Refusal,
    Source,
    Text,
    ToolCall,
    ToolResult,
    Video,
)

IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})

_LASTING = frozenset({"1h", "30m", "12h"})
"""Lifetimes of cache marks for which an hour is the nearest; any other is left to the vendor (CACHE-1)."""

BlockWriter = Callable[[Any, Losses], Fields]


def write_blocks(role: str, parts: Iterable[Part], losses: Losses) -> list[Fields]:
    """The blocks of a turn. Raises UnsupportedParameter for content that no block can hold."""
    if role != "assistant":
        return [write_block(part, losses) for part in parts]
    blocks: list[Fields] = []
    for part in parts:
        writer = _ASSISTANT.get(type(part))
        if writer is None:
            # A model has no pictures of its own here: those another one has drawn are only history.
            losses.drop(type(part).__name__.lower())
        else:
            blocks.append(writer(part, losses))
    return blocks


def write_block(part: Part, losses: Losses) -> Fields:
    """One block of the user's. Raises UnsupportedParameter for what none can hold."""
    return _USER[type(part)](part, losses)


def write_mark(mark: CacheMark | None) -> Fields:
    """The field that says so, where the prompt up to a block is worth caching."""
    if mark is None:
        return {}
    lifetime = {"ttl": "1h"} if mark.ttl in _LASTING else {}
    return {"cache_control": {"type": "ephemeral", **lifetime}}


def content_of(blocks: list[Fields]) -> str | list[Fields]:
    """A lone plain text as a string, as most people write it; anything else as it is."""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        return str(blocks[0]["text"])
    return blocks


# What is said


def _text(part: Text, losses: Losses) -> Fields:
    """Sources of earlier answers are left out: only with Anthropic's own index could they be handed back (SRV-2)."""
    return {"type": "text", "text": part.text, **write_mark(part.cache)}


def _refusal(part: Refusal, losses: Losses) -> Fields:
    return {"type": "text", "text": part.text}


def _call(part: ToolCall, losses: Losses) -> Fields:
    arguments = as_object(part.arguments) if part.kind == "function" else {"input": part.arguments}
    return {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments, **write_mark(part.cache)}


def _reasoning(part: Reasoning, losses: Losses) -> Fields:
    """A thought of Anthropic's own, as it came: others were left out before."""
    assert part.state is not None
    if part.state.origin == "anthropic-redacted":
        return {"type": "redacted_thinking", "data": part.state.payload}
    return {"type": "thinking", "thinking": part.text, "signature": part.state.payload}


def _result(part: ToolResult, losses: Losses) -> Fields:
    block: Fields = {"type": "tool_result", "tool_use_id": part.id}
    content = content_of([write_block(inner, losses) for inner in part.parts])
    if content:
        block["content"] = content
    if part.is_error:
        # The API refuses a failure that says nothing: "content cannot be empty if `is_error` is true".
        block |= {"content": content or "Error", "is_error": True}
    return block | write_mark(part.cache)


# What is shown


def _image(part: Image, losses: Losses) -> Fields:
    if part.detail not in ("", "auto"):
        losses.drop("detail")
    if part.source.kind == "base64" and part.source.media_type not in IMAGE_TYPES:
        kind = part.source.media_type or "no known type"
        losses.refuse("image", f"An image of {kind} is not supported by the selected upstream.")
    return {"type": "image", "source": _source(part.source, "image", losses), **write_mark(part.cache)}


def _document(part: Document, losses: Losses) -> Fields:
    if part.source.kind == "base64" and part.source.media_type in IMAGE_TYPES:
        return _image(Image(part.source, cache=part.cache), losses)
    block: Fields = {"type": "document", "source": _document_source(part.source, losses)}
    for name, value in (("title", part.title), ("context", part.context)):
        if value:
            block[name] = value
    if part.cites:
        block["citations"] = {"enabled": True}
    return block | write_mark(part.cache)


def _document_source(source: Source, losses: Losses) -> Fields:
    """PDFs as they are, texts as text (DOC-1)."""
    if source.kind == "text":
        return _plain(source.value)
    if source.kind != "base64" or source.media_type in ("", "application/pdf"):
        return _source(source, "document", losses)
    if not source.media_type.startswith("text/"):
        losses.refuse("document", f"A document of {source.media_type} is not supported by the selected upstream.")
    return _plain(_decoded(source.value))


def _plain(text: str) -> Fields:
    return {"type": "text", "media_type": "text/plain", "data": text}


def _decoded(content: str) -> str:
    try:
        return base64.b64decode(content).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise InvalidRequest("A document's data must be base64.") from None


def _source(source: Source, what: str, losses: Losses) -> Fields:
    """Raises UnsupportedParameter for what only another vendor can open (IMG-1)."""
    if source.kind == "url":
        if not source.value.startswith(("http://", "https://")):
            losses.refuse(what, f"The selected upstream cannot open this address: {source.value[:80]}")
        return {"type": "url", "url": source.value}
    if source.kind != "base64":
        losses.refuse(what, f"An uploaded {what} cannot be handed to the selected upstream by its id.")
    return {"type": "base64", "media_type": source.media_type or "application/pdf", "data": source.value}


def _unseen(part: Part, losses: Losses) -> NoReturn:
    """Sounds and films nobody here can take, and what only the model says is no part of a user's turn."""
    losses.refuse(type(part).__name__.lower())


_ASSISTANT: Mapping[type[Part], BlockWriter] = {
    Text: _text,
    Refusal: _refusal,
    ToolCall: _call,
    Reasoning: _reasoning,
}

_USER: Mapping[type[Part], BlockWriter] = {
    Text: _text,
    Refusal: _refusal,
    Image: _image,
    Document: _document,
    ToolResult: _result,
    Audio: _unseen,
    Video: _unseen,
    ToolCall: _unseen,
    Reasoning: _unseen,
}
