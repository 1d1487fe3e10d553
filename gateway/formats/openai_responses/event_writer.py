"""A reply in pieces as a Responses stream: the whole life of every item, in order and under one id.

The official SDK raises when the first event is not `response.created`, when ids or indexes disagree, or when an item is
never finished (https://github.com/openai/openai-python/blob/main/src/openai/lib/streaming/responses/_responses.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import orjson

from gateway.errors import GatewayError
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
from gateway.formats.format import Fields, ReplyContext
from gateway.formats.neutral import Citation, Finish, State, TokenChance, Usage

from .errors import error_event, failed_fields, stream_error_fields
from .framing import Wire
from .open_items import OpenCall, OpenMessage, OpenReasoning
from .output_items import explanation, image_item, incomplete_reason, item_id, reasoning_id
from .response_object import ended_response, failed_response, new_response


class EventWriter:
    """One stream. Only a text or a thought is open at a time; calls may be open beside each other."""

    __slots__ = (
        "_begun",
        "_calls",
        "_chances",
        "_context",
        "_finish",
        "_items",
        "_message",
        "_next",
        "_sources",
        "_thought",
        "_usage",
        "_wire",
        "response",
    )

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._wire = Wire()
        self._begun: Fields | None = None
        """The Response as it began, once that went out."""
        self._items: dict[int, Fields] = {}
        """Finished items by their place."""
        self._next = 0
        self._message: OpenMessage | None = None
        self._thought: OpenReasoning | None = None
        self._calls: dict[int, OpenCall] = {}
        self._chances: tuple[TokenChance, ...] = ()
        """Log probabilities that came before their text."""
        self._sources: list[Citation] = []
        """Sources that came before their text."""
        self._usage: Usage | None = None
        self._finish: Finish | None = None
        self.response: Fields | None = None
        """The whole Response, once it has ended well."""

    def write(self, event: Event) -> bytes:
        """The bytes for one event; empty while something is held back."""
        return self._WRITE[event.__class__](self, event)

    def open(self) -> bytes:
        """The beginning, if it did not go out yet."""
        if self._begun is not None:
            return b""
        self._begun = new_response(self._context)
        response = orjson.dumps(self._begun)
        return self._wire.told("response.created", response) + self._wire.told("response.in_progress", response)

    def fail(self, error: GatewayError) -> bytes:
        """The last bytes: what was not finished stays so."""
        begin = self.open()
        fields = stream_error_fields(error)
        done = [self._items[index] for index in sorted(self._items)]
        failed = failed_response(self._begun or {}, failed_fields(fields), done, self._usage)
        said = error_event(fields, self._wire.take_number())
        return begin + said + self._wire.event("response.failed", {"response": failed})

    # What the model says

    def _text(self, event: TextDelta) -> bytes:
        message = self._message
        if message is None or event.choice:
            return self._first_text(event)
        return message.say("text", event.text)

    def _first_text(self, event: TextDelta) -> bytes:
        if event.choice:
            return b""
        begin = self._open_message()
        said = self._open.say("text", event.text)
        if self._chances:
            said += self._open.chances(self._chances)
            self._chances = ()
        for each in self._sources:
            self._open.cite(each)
        self._sources = []
        return begin + said

    def _refusal(self, event: RefusalDelta) -> bytes:
        if event.choice:
            return b""
        begin = self._open_message()
        return begin + self._open.say("refusal", event.text)

    def _part_end(self, event: PartEnd) -> bytes:
        if event.choice:
            return b""
        if self._message is not None:
            self._message.part_over = True
        return self._close_thought(None)

    def _citation(self, event: CitationFound) -> bytes:
        if self._message is not None and not event.choice:
            self._message.cite(event.citation)
        elif not event.choice:
            self._sources.append(event.citation)
        return b""

    def _chances_delta(self, event: ChancesDelta) -> bytes:
        if event.choice:
            return b""
        if self._message is not None and self._message.says == "text":
            return self._message.chances(event.chances)
        self._chances += event.chances
        return b""

    def _image(self, event: ImageWhole) -> bytes:
        if event.choice:
            return b""
        begin = self.open() + self._close_open()
        index = self._take_index()
        item = image_item(item_id("image_generation_call", self._context.token, index), event.image)
        self._items[index] = item
        added = {**item, "status": "in_progress", "result": None}
        begin += self._wire.event("response.output_item.added", {"output_index": index, "item": added})
        return begin + self._wire.event("response.output_item.done", {"output_index": index, "item": item})

    # What it thinks

    def _reasoning(self, event: ReasoningDelta) -> bytes:
        if event.choice:
            return b""
        begin = self._open_thought(None)
        return begin + self._thought.say(event.text) if self._thought is not None else begin

    def _state(self, event: ReasoningState) -> bytes:
        return b"" if event.choice else self._seal(event.state)

    def _seal(self, state: State) -> bytes:
        """State ends the thought that is open, or is one by itself."""
        begin = self._open_thought(state)
        return begin + self._close_thought(state)

    # What it calls

    def _tool_begin(self, event: ToolBegin) -> bytes:
        if event.choice:
            return b""
        begin = self._seal(event.state) if event.state is not None else self.open()
        begin += self._close_open()
        kind = "custom_tool_call" if event.kind == "custom" else "function_call"
        place = {"namespace": event.namespace} if event.namespace else {}
        index = self._take_index()
        fields: Fields = {"call_id": event.id, "name": event.name, **place}
        call = OpenCall(self._wire, item_id(kind, self._context.token, index), index, (kind, fields))
        self._calls[event.call] = call
        return begin + call.open()

    def _tool_delta(self, event: ToolDelta) -> bytes:
        call = self._calls.get(event.call)
        return b"" if call is None else call.say(event.text)

    def _tool_end(self, event: ToolEnd) -> bytes:
        """The item stays open until something follows: cut answers have an incomplete last item."""
        call = self._calls.get(event.call)
        if call is not None:
            call.ended = True
        return b""

    # Beginning and end

    def _begin(self, event: ReplyBegin) -> bytes:
        """Held back: a provider that fails before it has said anything may be replaced."""
        return b""

    def _report(self, event: UsageReported) -> bytes:
        self._usage = event.usage
        return b""

    def _choice_end(self, event: ChoiceEnd) -> bytes:
        if event.choice:
            return b""
        self._finish = event.finish
        begin = self.open()
        reason = explanation(event.finish)
        if reason and not self._next:
            begin += self._open_message()
            begin += self._open.say("refusal", reason)
        return begin + self._close_all()

    def _end(self, event: ReplyEnd) -> bytes:
        begin = self.open() + self._close_all()
        output = [self._items[index] for index in sorted(self._items)]
        self.response = ended_response(self._begun or {}, self._finish, output, self._usage)
        return begin + self._wire.event(f"response.{self.response['status']}", {"response": self.response})

    # Items

    @property
    def _open(self) -> OpenMessage:
        """The open message; there is one."""
        assert self._message is not None
        return self._message

    def _open_message(self) -> bytes:
        if self._message is not None:
            return b""
        begin = self.open() + self._close_open()
        index = self._take_index()
        self._message = OpenMessage(self._wire, item_id("message", self._context.token, index), index)
        return begin + self._message.open()

    def _open_thought(self, state: State | None) -> bytes:
        if self._thought is not None:
            return b""
        begin = self.open() + self._close_open()
        index = self._take_index()
        self._thought = OpenReasoning(self._wire, reasoning_id(state, self._context.token, index), index)
        return begin + self._thought.open()

    def _close_open(self) -> bytes:
        """The end of what is open, but for calls that may go on beside what comes next."""
        ends = self._close_message("completed") + self._close_thought(None)
        for number, call in list(self._calls.items()):
            if call.whole:
                ends += self._close_call(number, "completed")
        return ends

    def _close_all(self) -> bytes:
        """The end of everything; of a cut answer, the last item and calls that were not over are incomplete."""
        cut = incomplete_reason(self._finish) is not None
        last = self._next - 1
        ends = b""
        if self._message is not None:
            ends += self._close_message("incomplete" if cut and self._message.index == last else "completed")
        ends += self._close_thought(None)
        for number, call in list(self._calls.items()):
            broken = cut and (call.index == last or not call.ended)
            ends += self._close_call(number, "incomplete" if broken else "completed")
        return ends

    def _close_message(self, status: str) -> bytes:
        message, self._message = self._message, None
        return b"" if message is None else self._kept(message.index, message.close(status))

    def _close_thought(self, state: State | None) -> bytes:
        thought, self._thought = self._thought, None
        return b"" if thought is None else self._kept(thought.index, thought.close(state))

    def _close_call(self, number: int, status: str) -> bytes:
        call = self._calls.pop(number)
        return self._kept(call.index, call.close(status))

    def _kept(self, index: int, closed: tuple[bytes, Fields]) -> bytes:
        self._items[index] = closed[1]
        return closed[0]

    def _take_index(self) -> int:
        index = self._next
        self._next = index + 1
        return index

    _WRITE: ClassVar[dict[type[Event], Callable[[Any, Any], bytes]]] = {
        TextDelta: _text,
        ReasoningDelta: _reasoning,
        ToolDelta: _tool_delta,
        RefusalDelta: _refusal,
        PartEnd: _part_end,
        CitationFound: _citation,
        ChancesDelta: _chances_delta,
        ImageWhole: _image,
        ReasoningState: _state,
        ToolBegin: _tool_begin,
        ToolEnd: _tool_end,
        ReplyBegin: _begin,
        UsageReported: _report,
        ChoiceEnd: _choice_end,
        ReplyEnd: _end,
    }
    """What is written for an event, by its class."""
