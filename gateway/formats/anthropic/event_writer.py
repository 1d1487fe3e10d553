"""A reply in pieces as a Messages stream: one block open at a time, numbered in the order in which they begin.

The official SDK adds blocks up by their index and raises on arguments that are no JSON
(https://github.com/anthropics/anthropic-sdk-python/blob/main/src/anthropic/lib/streaming/_messages.py). Calls that are
made beside each other therefore go out one after another: what would interrupt one waits until its arguments are whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import orjson

from gateway.errors import GatewayError
from gateway.formats.arguments import as_object, as_text, parsed
from gateway.formats.events import (
    ChancesDelta,
    ChoiceEnd,
    CitationFound,
    Event,
    ImageWhole,
    PartEnd,
    ReasoningDelta,
    ReasoningState,
    RefusalDelta,
    ReplyBegin,
    ReplyEnd,
    TextDelta,
    ToolBegin,
    ToolDelta,
    ToolEnd,
    UsageReported,
)
from gateway.formats.format import ReplyContext
from gateway.formats.neutral import Citation, Finish, State, Usage

from .errors import write_error_event
from .framing import (
    DELTA_END,
    INPUT,
    SIGNATURE,
    STOP,
    TEXT,
    THINKING,
    Kind,
    block_start,
    block_stop,
    delta_head,
    event,
)
from .reply_blocks import call_id, is_redacted, message, signature, sources, stop_fields
from .usage import write_usage

_NO_CALL = -1
_BEGINNING = {"stop_reason": None, "stop_sequence": None}


class EventWriter:
    """One stream."""

    __slots__ = (
        "_arguments",
        "_begun",
        "_call",
        "_context",
        "_depth",
        "_finish",
        "_head",
        "_held",
        "_next",
        "_odd",
        "_says",
        "_sources",
        "_usage",
    )

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._begun = False
        self._next = 0
        self._says: type[Event] | None = None
        """What the open block is made of: TextDelta, ReasoningDelta, RefusalDelta, ToolDelta; PartEnd where it is text
        or thought to which no more may be added."""
        self._head = b""
        """The open block's deltas up to their text."""
        self._call = _NO_CALL
        self._arguments: list[str] = []
        """Of the open call, so far."""
        self._depth = 0
        """Braces in them that are open; those within strings count too, so that it only hints at what is whole."""
        self._odd = False
        """They are no object, which they must be: they go out at their end, inside of one (TARG-1)."""
        self._held: list[Event] = []
        """What came while a call was open and not whole."""
        self._sources: list[Citation] = []
        """What the text that is being said cites."""
        self._usage: Usage | None = None
        self._finish: Finish | None = None

    def write(self, event: Event) -> bytes:
        """The bytes for one event; empty while something is held back."""
        return self._WRITE[event.__class__](self, event)

    def open(self) -> bytes:
        """The beginning, if it did not go out yet, with what is known of the input by now."""
        if self._begun:
            return b""
        self._begun = True
        begun = message(self._context, [], _BEGINNING, self._usage)
        begun["usage"]["output_tokens"] = 0
        begun["usage"].pop("output_tokens_details", None)
        return event("message_start", {"message": begun})

    def fail(self, error: GatewayError) -> bytes:
        """The last bytes: what was not finished stays so."""
        return write_error_event(error, "")

    # Words

    def _text(self, event: TextDelta) -> bytes:
        if self._says is not TextDelta or event.choice:
            return self._first(event, TEXT)
        return b"%b%b%b" % (self._head, orjson.dumps(event.text), DELTA_END)

    def _refusal(self, event: RefusalDelta) -> bytes:
        return self._more(event, TEXT)

    def _reasoning(self, event: ReasoningDelta) -> bytes:
        return self._more(event, THINKING)

    def _more(self, event: RefusalDelta | ReasoningDelta, kind: Kind) -> bytes:
        if self._says is not event.__class__ or event.choice:
            return self._first(event, kind)
        return b"%b%b%b" % (self._head, orjson.dumps(event.text), DELTA_END)

    def _first(self, event: TextDelta | RefusalDelta | ReasoningDelta, kind: Kind) -> bytes:
        """A block of words begins, with the first of them."""
        if event.choice or self._waits(event):
            return b""
        begin = self._begin_block(kind.block, kind.delta)
        self._says = event.__class__
        return b"%b%b%b%b" % (begin, self._head, orjson.dumps(event.text), DELTA_END)

    def _part_end(self, event: PartEnd) -> bytes:
        """Nothing more goes into the block; a signature or a source may still come, so it stays open until then."""
        if not event.choice and not self._waits(event) and self._says in (TextDelta, RefusalDelta, ReasoningDelta):
            thinks = self._says is ReasoningDelta
            self._says = ReasoningState if thinks else PartEnd
        return b""

    def _citation(self, event: CitationFound) -> bytes:
        if not event.choice and not self._waits(event):
            self._sources.append(event.citation)
        return b""

    def _state(self, event: ReasoningState) -> bytes:
        return b"" if event.choice or self._waits(event) else self._seal(event.state)

    def _seal(self, state: State) -> bytes:
        """State ends the thought that is open, or is one by itself."""
        if is_redacted(state):
            redacted = {"type": "redacted_thinking", "data": state.payload}
            return self._begin_block(redacted, b"") + self._stop_block()
        begin = b"" if self._says in _THINKS else self._begin_block(THINKING.block, THINKING.delta)
        return begin + self._signed(state) + self._stop_block()

    # Calls

    def _tool_begin(self, event: ToolBegin) -> bytes:
        if event.choice or self._waits(event):
            return b""
        begin = self._seal(event.state) if event.state is not None else b""
        own_id = call_id(self._context, event.id, event.call)
        begin += self._begin_block({"type": "tool_use", "id": own_id, "name": event.name, "input": {}}, INPUT)
        self._says = ToolDelta
        self._call = event.call
        self._arguments = []
        self._depth = 0
        self._odd = False
        return begin

    def _tool_delta(self, event: ToolDelta) -> bytes:
        if event.call != self._call:
            self._waits(event)
            return b""
        if not self._arguments:
            self._odd = not event.text.lstrip().startswith("{")
        self._arguments.append(event.text)
        if self._odd:
            return b""
        self._depth += event.text.count("{") - event.text.count("}")
        delta = b"%b%b%b" % (self._head, orjson.dumps(event.text), DELTA_END)
        return delta + self._release() if self._held and self._is_whole() else delta

    def _tool_end(self, event: ToolEnd) -> bytes:
        if event.call != self._call:
            self._waits(event)
            return b""
        return self._release()

    def _waits(self, event: Event) -> bool:
        """Whether the event must wait for the open call; one whose arguments are whole ends when something follows."""
        if self._call == _NO_CALL or (not self._held and self._is_whole()):
            return False
        self._held.append(event)
        return True

    def _is_whole(self) -> bool:
        return self._depth == 0 and parsed("".join(self._arguments)) is not None

    def _release(self) -> bytes:
        """The end of the open call, and what waited for it."""
        end = self._close_block()
        held, self._held = self._held, []
        return end + b"".join([self.write(each) for each in held])

    # Beginning and end

    def _begin(self, event: ReplyBegin) -> bytes:
        """Held back: a provider that fails before it has said anything may be replaced."""
        return b""

    def _report(self, event: UsageReported) -> bytes:
        self._usage = event.usage
        return b""

    def _pass(self, event: ChancesDelta | ImageWhole) -> bytes:
        """Nothing that an answer has here."""
        return b""

    def _choice_end(self, event: ChoiceEnd) -> bytes:
        """Everything ends but the message: its usage may still come."""
        if event.choice:
            return b""
        self._finish = event.finish
        return self.open() + self._close_all()

    def _end(self, event: ReplyEnd) -> bytes:
        begin = self.open() + self._close_all()
        usage = write_usage(self._usage)
        usage.pop("cache_creation", None)
        stopped = stop_fields(self._finish or Finish("stop"))
        return begin + _message_delta(stopped, usage) + STOP

    # Blocks

    def _begin_block(self, block: dict[str, Any], delta: bytes) -> bytes:
        begin = self.open() + self._close_block()
        index = self._next
        self._next = index + 1
        self._says = ToolDelta
        self._head = delta_head(index, delta)
        return begin + block_start(index, block)

    def _close_block(self) -> bytes:
        """The end of what is open: of a text its sources, of a thought a signature, which it must have (REAS-7)."""
        if self._says is None:
            return b""
        if self._says in _THINKS:
            return self._signed(None) + self._stop_block()
        if self._says in _SPEAKS and self._sources:
            return self._sourced() + self._stop_block()
        if self._says is ToolDelta and self._odd:
            return self._wrapped() + self._stop_block()
        return self._stop_block()

    def _stop_block(self) -> bytes:
        self._says = None
        self._call = _NO_CALL
        return block_stop(self._next - 1)

    def _wrapped(self) -> bytes:
        self._odd = False
        return self._head + orjson.dumps(as_text(as_object("".join(self._arguments)))) + DELTA_END

    def _signed(self, state: State | None) -> bytes:
        return delta_head(self._next - 1, SIGNATURE) + orjson.dumps(signature(state)) + DELTA_END

    def _sourced(self) -> bytes:
        told, self._sources = sources(self._sources), []
        return self._head + orjson.dumps(told) + DELTA_END

    def _close_all(self) -> bytes:
        ends = self._close_block()
        while self._held:
            ends += self._release() + self._close_block()
        if self._sources:
            # They came behind their text: what follows a call would only be in its way.
            ends += b"" if self._has_called() else self._begin_block(TEXT.block, TEXT.delta) + self._sourced()
            ends += self._stop_block() if self._says is not None else b""
            self._sources = []
        return ends

    def _has_called(self) -> bool:
        return self._finish is not None and self._finish.reason == "tool_calls"

    _WRITE: ClassVar[dict[type[Event], Callable[[Any, Any], bytes]]] = {
        TextDelta: _text,
        ReasoningDelta: _reasoning,
        ToolDelta: _tool_delta,
        RefusalDelta: _refusal,
        PartEnd: _part_end,
        CitationFound: _citation,
        ChancesDelta: _pass,
        ImageWhole: _pass,
        ReasoningState: _state,
        ToolBegin: _tool_begin,
        ToolEnd: _tool_end,
        ReplyBegin: _begin,
        UsageReported: _report,
        ChoiceEnd: _choice_end,
        ReplyEnd: _end,
    }
    """What is written for an event, by its class."""


_THINKS: tuple[type[Event], ...] = (ReasoningDelta, ReasoningState)
"""A thought is open; the second, that no more words may be added to it."""
_SPEAKS: tuple[type[Event], ...] = (TextDelta, RefusalDelta, PartEnd)


def _message_delta(stopped: dict[str, Any], usage: dict[str, Any]) -> bytes:
    return event("message_delta", {"delta": stopped, "usage": usage})
