"""A provider's stream of a message as events. Forgiving: what servers repeat, leave out or invent is made good.

Events: https://platform.claude.com/docs/en/build-with-claude/streaming. Blocks are told apart by their index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import orjson

from gateway.errors import UpstreamMalformed
from gateway.formats.broken import cut_off, no_object, not_json
from gateway.formats.events import (
    ChoiceEnd,
    CitationFound,
    Event,
    PartEnd,
    ReasoningDelta,
    ReasoningState,
    ReplyBegin,
    ReplyEnd,
    ReplyFailed,
    TextDelta,
    ToolBegin,
    ToolDelta,
    ToolEnd,
    UsageReported,
)
from gateway.formats.format import Fields, Undivided
from gateway.formats.told import object_in, text_in

from .errors import refusal
from .reply_reader import arguments_in, citation_in, read_finish, state_of
from .usage import read_usage

_NOTHING: tuple[Event, ...] = ()


class _Block:
    """A block that is open. Kinds that nobody else has are open too, so that what they say is not taken for text."""

    __slots__ = ("call", "citations", "given", "kind", "length", "said", "signature")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.call = -1
        self.given = ""
        """Arguments told at the beginning, which hold if no others come."""
        self.said = False
        self.length = 0
        self.signature = ""
        self.citations: list[Any] = []


class EventReader(Undivided):
    """One stream."""

    __slots__ = ("_begun", "_calls", "_open", "_stopped", "_usage", "finished")

    def __init__(self) -> None:
        self._begun = False
        self._calls = 0
        self._open: dict[int, _Block] = {}
        self._usage: Fields = {}
        self._stopped = False
        """Why it ended was told."""
        self.finished = False

    def feed(self, data: bytes) -> Iterable[Event]:
        """The events in one event's data. Raises UpstreamMalformed on what is no JSON object."""
        if self.finished:
            return _NOTHING
        try:
            fields = orjson.loads(data)
        except orjson.JSONDecodeError:
            return not_json(data)
        if fields.__class__ is not dict:
            raise no_object()
        kind = fields.get("type")
        reader = self._READ.get(kind) if kind.__class__ is str else None
        if reader is not None:
            return reader(self, fields)
        return self._failed(fields) if fields.get("error") else _NOTHING

    def close(self) -> Iterable[Event]:
        """The end, if why it ended was told; else that it never came (STR-6)."""
        if self.finished:
            return _NOTHING
        if self._stopped:
            return self._stop({})
        self.finished = True
        return cut_off()

    # Beginning and end

    def _start(self, fields: Fields) -> Sequence[Event]:
        """A second beginning is a repetition, unless it comes amid a block: then two answers are mixed up."""
        if self._begun:
            return self._torn() if self._open else _NOTHING
        self._begun = True
        message = object_in(fields, "message")
        begin = ReplyBegin(text_in(message, "id"), text_in(message, "model"))
        return (begin, *self._report(object_in(message, "usage")))

    def _torn(self) -> Sequence[Event]:
        self.finished = True
        return (ReplyFailed(UpstreamMalformed("The provider's stream has a second answer within the first.")),)

    def _report(self, usage: Fields) -> Sequence[Event]:
        """Later numbers replace earlier ones, field by field (USAGE-3)."""
        told = {name: value for name, value in usage.items() if value is not None}
        if not told:
            return _NOTHING
        self._usage = {**self._usage, **told}
        return (UsageReported(read_usage(self._usage)),)

    def _delta(self, fields: Fields) -> Sequence[Event]:
        """`message_delta`: usage, and why it ended."""
        events = self._report(object_in(fields, "usage"))
        delta = object_in(fields, "delta")
        if self._stopped or not text_in(delta, "stop_reason"):
            return events
        self._stopped = True
        return (*events, *self._end_all(), ChoiceEnd(read_finish(delta)))

    def _stop(self, fields: Fields) -> Sequence[Event]:
        self.finished = True
        return (*self._end_all(), ReplyEnd())

    def _failed(self, fields: Fields) -> Sequence[Event]:
        self.finished = True
        error = fields.get("error")
        return (ReplyFailed(refusal(error if isinstance(error, dict) else {"message": error})),)

    # Blocks

    def _block_start(self, fields: Fields) -> Sequence[Event]:
        told = object_in(fields, "content_block")
        index = _index(fields)
        ends = self._end_texts(index)
        block = self._open[index] = _Block(text_in(told, "type"))
        begin = self._BEGIN.get(block.kind)
        return (*ends, *begin(self, block, told)) if begin is not None else ends

    def _begin_text(self, block: _Block, told: Fields) -> Sequence[Event]:
        cited = told.get("citations")
        block.citations = list(cited) if isinstance(cited, list) else []
        return self._text(block, text_in(told, "text"))

    def _begin_thinking(self, block: _Block, told: Fields) -> Sequence[Event]:
        block.signature = text_in(told, "signature")
        return self._thought(block, text_in(told, "thinking"))

    def _begin_redacted(self, block: _Block, told: Fields) -> Sequence[Event]:
        state = state_of(text_in(told, "data"), "anthropic-redacted")
        return _NOTHING if state is None else (ReasoningState(state),)

    def _begin_call(self, block: _Block, told: Fields) -> Sequence[Event]:
        block.call = self._calls
        self._calls += 1
        block.given = arguments_in(told)
        return (ToolBegin(block.call, text_in(told, "id"), text_in(told, "name")),)

    def _block_stop(self, fields: Fields) -> Sequence[Event]:
        block = self._open.pop(_index(fields), None)
        return _NOTHING if block is None else self._end(block)

    def _end_texts(self, index: int) -> Sequence[Event]:
        """The ends of what was never ended, now that another block begins; calls may go on beside it."""
        left = [each for each, block in self._open.items() if each == index or block.call < 0]
        return [event for each in left for event in self._end(self._open.pop(each))]

    def _end_all(self) -> Sequence[Event]:
        blocks = list(self._open.values())
        self._open.clear()
        return [event for block in blocks for event in self._end(block)]

    def _end(self, block: _Block) -> Sequence[Event]:
        if block.call >= 0:
            arguments = () if block.said else (ToolDelta(block.call, block.given or "{}"),)
            return (*arguments, ToolEnd(block.call))
        state = state_of(block.signature, "anthropic")
        if state is not None:
            return (ReasoningState(state),)
        found = [citation_in(each, block.length) for each in block.citations]
        ends = (PartEnd(),) if block.said else _NOTHING
        return (*(CitationFound(each) for each in found if each is not None), *ends)

    # Pieces

    def _piece(self, fields: Fields) -> Sequence[Event]:
        delta = fields.get("delta")
        if delta.__class__ is not dict:
            return _NOTHING
        kind = delta.get("type")
        block = self._open.get(_index(fields))
        if kind == "text_delta" and block is not None and block.kind == "text":
            text = delta.get("text")
            if text.__class__ is not str or not text:
                return _NOTHING
            block.said = True
            block.length += len(text)
            return (TextDelta(text),)
        kind = text_in(delta, "type")
        reader = self._PIECES.get(kind)
        return _NOTHING if reader is None else reader(self, self._block(fields, kind), delta)

    def _block(self, fields: Fields, kind: str) -> _Block:
        """The block a piece belongs to: of its index, else the only one of its kind, else one that begins here."""
        index, wanted = _index(fields), _KIND_OF[kind]
        block = self._open.get(index)
        if block is None and wanted != "tool_use":
            block = self._open[index] = _Block(wanted)
        if block is not None:
            return block
        calls = [each for each in self._open.values() if each.call >= 0]
        return calls[0] if len(calls) == 1 else _Block("")

    def _text_piece(self, block: _Block, delta: Fields) -> Sequence[Event]:
        return self._text(block, text_in(delta, "text")) if block.kind in _SPOKEN else _NOTHING

    def _thinking_piece(self, block: _Block, delta: Fields) -> Sequence[Event]:
        return self._thought(block, text_in(delta, "thinking")) if block.kind in _SPOKEN else _NOTHING

    def _signature_piece(self, block: _Block, delta: Fields) -> Sequence[Event]:
        """Kept until the block ends, for another may replace it."""
        if block.kind == "thinking":
            block.signature = text_in(delta, "signature") or block.signature
        return _NOTHING

    def _input_piece(self, block: _Block, delta: Fields) -> Sequence[Event]:
        text = text_in(delta, "partial_json")
        if not text or block.call < 0:
            return _NOTHING
        block.said = True
        return (ToolDelta(block.call, text),)

    def _citation_piece(self, block: _Block, delta: Fields) -> Sequence[Event]:
        """Kept until the block ends: only then is its length known."""
        block.citations.append(delta.get("citation"))
        return _NOTHING

    def _text(self, block: _Block, text: str) -> Sequence[Event]:
        if not text:
            return _NOTHING
        block.said = True
        block.length += len(text)
        return (TextDelta(text),)

    def _thought(self, block: _Block, text: str) -> Sequence[Event]:
        if not text:
            return _NOTHING
        block.said = True
        return (ReasoningDelta(text),)

    _READ: ClassVar[dict[str, Callable[[Any, Fields], Sequence[Event]]]] = {
        "content_block_delta": _piece,
        "content_block_start": _block_start,
        "content_block_stop": _block_stop,
        "message_start": _start,
        "message_delta": _delta,
        "message_stop": _stop,
        "error": _failed,
    }
    """Readers by type; `ping` and what nobody knows yet tell nothing."""

    _BEGIN: ClassVar[dict[str, Callable[[Any, _Block, Fields], Sequence[Event]]]] = {
        "text": _begin_text,
        "thinking": _begin_thinking,
        "redacted_thinking": _begin_redacted,
        "tool_use": _begin_call,
    }

    _PIECES: ClassVar[dict[str, Callable[[Any, _Block, Fields], Sequence[Event]]]] = {
        "text_delta": _text_piece,
        "thinking_delta": _thinking_piece,
        "signature_delta": _signature_piece,
        "input_json_delta": _input_piece,
        "citations_delta": _citation_piece,
    }


_SPOKEN = frozenset({"text", "thinking"})
"""Blocks of words. Some servers think in a block of text, or speak in one of thoughts: what a piece is counts."""

_KIND_OF = {
    "text_delta": "text",
    "citations_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "input_json_delta": "tool_use",
}


def _index(fields: Fields) -> int:
    """The place of a block; servers that name none have but one open at a time."""
    value: Any = fields.get("index")
    return value if value.__class__ is int else -1
