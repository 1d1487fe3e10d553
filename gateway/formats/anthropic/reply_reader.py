"""A provider's whole message as a reply. Blocks that only their vendor understands are passed over.

Shape: https://platform.claude.com/docs/en/api/messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import orjson

from gateway.errors import UpstreamMalformed
from gateway.formats.arguments import as_text
from gateway.formats.format import Fields
from gateway.formats.neutral import (
    Choice,
    Citation,
    Finish,
    FinishReason,
    Part,
    Reasoning,
    Reply,
    State,
    Text,
    ToolCall,
    Usage,
)
from gateway.formats.told import text_in

from .errors import refusal
from .usage import read_usage

_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "compaction": "pause",
    "refusal": "filter",
    "model_context_window_exceeded": "context_full",
}


def read_reply(fields: Fields) -> Reply:
    """The reply. Raises ProviderRefused for an error in a 200 (ERR-3), UpstreamMalformed for what is no answer."""
    content, error = fields.get("content"), fields.get("error")
    if error and not content:
        raise refusal(error if isinstance(error, dict) else {"message": error})
    if not isinstance(content, list):
        raise UpstreamMalformed("The provider's answer has no content.")
    parts = tuple(part for block in content if isinstance(block, dict) for part in read_block(block))
    choice = Choice(parts, read_finish(fields))
    usage = fields.get("usage")
    tier = text_in(usage, "service_tier") if isinstance(usage, dict) else ""
    return Reply(text_in(fields, "id"), text_in(fields, "model"), (choice,), usage_in(fields), tier)


def read_finish(fields: Fields) -> Finish:
    """How a message ended; without a word it was stopped. A refusal is the vendor's, with its explanation (FIN-4)."""
    reason, details = text_in(fields, "stop_reason"), fields.get("stop_details")
    known = _REASONS.get(reason, "other" if reason else "stop")
    if known == "filter":
        told = details if isinstance(details, dict) else {}
        return Finish("filter", detail=text_in(told, "explanation"), category=text_in(told, "category"))
    if known == "stop_sequence":
        return Finish("stop_sequence", stop_sequence=text_in(fields, "stop_sequence"))
    return Finish(known, detail=reason if known == "other" else "")


def usage_in(fields: Fields) -> Usage | None:
    """The usage of a message, None where there is none."""
    usage = fields.get("usage")
    return read_usage(usage) if isinstance(usage, dict) and usage else None


def read_block(block: Fields) -> Iterable[Part]:
    """The parts of one block; none for those that nobody else has."""
    reader = _BLOCKS.get(text_in(block, "type"))
    return reader(block) if reader is not None else ()


def _text(block: Fields) -> Iterable[Part]:
    text = text_in(block, "text")
    if text:
        told = block.get("citations")
        found = [citation_in(each, len(text)) for each in told] if isinstance(told, list) else []
        yield Text(text, citations=tuple(each for each in found if each is not None))


def citation_in(value: Any, length: int) -> Citation | None:
    """The page that a text of `length` characters cites as a whole (SRV-2); None for places in documents."""
    if not isinstance(value, dict) or not text_in(value, "url"):
        return None
    return Citation(value["url"], text_in(value, "title"), 0, length)


def _thinking(block: Fields) -> Iterable[Part]:
    text, state = text_in(block, "thinking"), state_of(text_in(block, "signature"), "anthropic")
    if text or state is not None:
        yield Reasoning(text, state)


def _redacted(block: Fields) -> Iterable[Part]:
    state = state_of(text_in(block, "data"), "anthropic-redacted")
    if state is not None:
        yield Reasoning("", state)


def state_of(payload: str, origin: Literal["anthropic", "anthropic-redacted"]) -> State | None:
    """State of Anthropic's own; none where nothing was given."""
    return State(origin, payload) if payload else None


def _call(block: Fields) -> Iterable[Part]:
    """A call; without a name nobody could answer it."""
    name = text_in(block, "name")
    if name:
        yield ToolCall(text_in(block, "id"), name, arguments_in(block) or "{}")


def arguments_in(block: Fields) -> str:
    """The input of a call as JSON text; empty where it has none. Raises UpstreamMalformed when it is too deep."""
    given = block.get("input")
    if isinstance(given, str):
        return given
    try:
        return as_text(given) if given else ""
    except orjson.JSONEncodeError:
        raise UpstreamMalformed("The provider's answer has arguments that are nested too deeply.") from None


_BLOCKS: dict[str, Callable[[Fields], Iterable[Part]]] = {
    "text": _text,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "tool_use": _call,
}
