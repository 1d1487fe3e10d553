"""Turns as contents for Google: the user's and the model's in turn, results in front, signatures on their calls.

Shapes: https://ai.google.dev/api/caching#Content. Every call has one result right behind its turn; `repair` sees to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from gateway.formats.arguments import as_object
from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import (
    Audio,
    Document,
    Image,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    Video,
)
from gateway.formats.reasoning import kept
from gateway.formats.turns import as_reminders, joined_text, merged

from .media import write_media
from .state import BYPASS

_NOTHING_SAID: Fields = {"role": "user", "parts": [{"text": "Continue."}]}
"""SYS-3: instructions alone are no request."""

_BEFORE_MODEL: Fields = {"role": "user", "parts": [{"text": "."}]}
"""ROLE-2: a conversation begins with the user."""


class Manner(NamedTuple):
    """What a model takes in its contents."""

    losses: Losses
    signed: bool
    """The first call of a step needs a signature (REAS-9)."""
    media_in_results: bool
    """Results of calls may carry media (TRES-3)."""


def write_contents(turns: Iterable[Turn], manner: Manner) -> list[Fields]:
    """The contents. Raises UnsupportedParameter for media that cannot be handed over."""
    speaking = (turn for turn in kept(as_reminders(turns), ("gemini",)) if not _only_thinks(turn))
    joined = merged(speaking)
    contents = [_content(turn, manner) for turn in joined]
    if not contents:
        return [_NOTHING_SAID]
    return [_BEFORE_MODEL, *contents] if contents[0]["role"] == "model" else contents


def _only_thinks(turn: Turn) -> bool:
    return all(isinstance(part, Reasoning) for part in turn.parts)


def _content(turn: Turn, manner: Manner) -> Fields:
    if turn.role == "assistant":
        return {"role": "model", "parts": _Model(manner).parts(turn.parts)}
    return {"role": "user", "parts": [written for part in turn.parts for written in _user_part(part, manner)]}


def _user_part(part: Part, manner: Manner) -> list[Fields]:
    return _result(part, manner) if isinstance(part, ToolResult) else [_plain(part, manner)]


class _Model:
    """The parts of one turn of the model."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._signature = ""
        """Of thoughts, for the next call (REAS-7)."""
        self._called = False

    def parts(self, parts: Iterable[Part]) -> list[Fields]:
        """What Google is told: its own thoughts it knows by their signature alone."""
        out: list[Fields] = []
        for part in parts:
            if isinstance(part, Reasoning):
                self._signature = part.state.payload if part.state is not None else ""
            elif isinstance(part, ToolCall):
                out.append(self._call(part))
            else:
                out.append(_plain(part, self._manner))
        return out

    def _call(self, call: ToolCall) -> Fields:
        signature = self._signature if call.state is None else call.state.payload
        if not signature and self._manner.signed and not self._called:
            signature = BYPASS
        self._signature, self._called = "", True
        # Without ids: Vertex refuses them, and order and names are enough (TID-3).
        fields: Fields = {"functionCall": {"name": call.name, "args": as_object(call.arguments)}}
        return {**fields, "thoughtSignature": signature} if signature else fields


def _plain(part: Part, manner: Manner) -> Fields:
    write = _PLAIN.get(type(part))
    if write is None:
        manner.losses.refuse("turns", "The conversation has content that the selected upstream cannot take.")
    return write(part, manner)


def _text(part: Text | Refusal, manner: Manner) -> Fields:
    return {"text": part.text}


def _media(part: Image | Audio | Video, manner: Manner) -> Fields:
    return write_media(part, manner.losses)


def _document(part: Document, manner: Manner) -> Fields:
    if part.context:
        manner.losses.drop("context")
    if part.cites:
        manner.losses.drop("cites")
    return write_media(part, manner.losses)


_PLAIN: dict[type, Callable[[Any, Manner], Fields]] = {
    Text: _text,
    Refusal: _text,
    Image: _media,
    Document: _document,
    Audio: _media,
    Video: _media,
}


def _result(result: ToolResult, manner: Manner) -> list[Fields]:
    """The result, text as text whatever it looks like (TRES-4), then its media where it cannot hold them (TRES-3)."""
    told = {"error" if result.is_error else "output": joined_text(result.parts)}
    response: Fields = {"name": result.name, "response": told}
    media = [_plain(part, manner) for part in result.parts if isinstance(part, Image | Document | Audio | Video)]
    if media and manner.media_in_results:
        return [{"functionResponse": {**response, "parts": media}}]
    return [{"functionResponse": response}, *media]
