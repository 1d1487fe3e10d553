"""A reply in pieces as Google's stream: nothing but `data: ` lines, or the elements of one array.

Google's SDK for Python fails on comments, names of events and end marks, and takes an event for an error only if
`error` is its first key (https://github.com/googleapis/python-genai/blob/main/google/genai/_api_client.py).
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
from gateway.formats.neutral import Finish, State, TokenChance, Usage

from .errors import write_error
from .grounding import Cited, cited
from .reply_writer import response_id, write_arguments, write_call, write_ending, write_image, write_thought
from .state import write_signature
from .usage import write_usage

_BEGIN = b'{"candidates":[{"content":{"role":"model","parts":['
_TEXT = _BEGIN + b'{"text":'


class _Answer:
    """One candidate that is being given."""

    __slots__ = ("before", "chances", "finish", "said", "sources", "waiting")

    def __init__(self) -> None:
        self.waiting: State | None = None
        """State that belongs to the call that may follow."""
        self.said: list[str] = []
        """The text that is being said, in pieces."""
        self.before = 0
        """Bytes of texts before it."""
        self.sources: list[Cited] = []
        self.chances: list[TokenChance] = []
        self.finish = Finish("stop")

    def end_text(self) -> None:
        """What is said next is another text."""
        if self.said:
            self.before += len("".join(self.said).encode("utf-8", "surrogatepass"))
            self.said = []


class _Call:
    """A call that is being made: clients get it whole."""

    __slots__ = ("begin", "pieces", "state")

    def __init__(self, begin: ToolBegin, state: State | None) -> None:
        self.begin = begin
        self.state = state
        self.pieces: list[str] = []


class EventWriter:
    """One stream."""

    __slots__ = ("_after", "_answers", "_array", "_before", "_calls", "_first", "_named", "_text_end", "_usage")

    def __init__(self, context: ReplyContext) -> None:
        named = (orjson.dumps(context.model), orjson.dumps(response_id(context)))
        self._named = b'"modelVersion":%b,"responseId":%b}' % named
        self._array = context.array
        self._before = b"[" if context.array else b"data: "
        """What stands before the next piece."""
        self._after = b"" if context.array else b"\n\n"
        self._text_end = b'}]},"index":0}],%b%b' % (self._named, self._after)
        self._first = _Answer()
        self._answers: dict[int, _Answer] = {}
        self._calls: dict[int, _Call] = {}
        self._usage: Usage | None = None

    def write(self, event: Event) -> bytes:
        """The bytes for one event; empty while something is held back."""
        return self._WRITE[event.__class__](self, event)

    def open(self) -> bytes:
        """Nothing: its clients bear nothing but pieces of the answer, and an array begins with the first."""
        return b""

    def fail(self, error: GatewayError) -> bytes:
        """The error as the last event, or as the last element."""
        return self._framed(write_error(error, "")[1]) + self._last()

    # What the model says

    def _text(self, event: TextDelta) -> bytes:
        if event.choice:
            return self._say(event)
        answer = self._first
        answer.said.append(event.text)
        flushed = b"" if answer.waiting is None else self._flushed(0)
        return b"%b%b%b%b%b" % (flushed, self._take_before(), _TEXT, orjson.dumps(event.text), self._text_end)

    def _say(self, event: TextDelta | RefusalDelta) -> bytes:
        flushed = self._flushed(event.choice)
        self._answer(event.choice).said.append(event.text)
        return flushed + self._piece(event.choice, {"text": event.text})

    def _image(self, event: ImageWhole) -> bytes:
        flushed = self._flushed(event.choice)
        self._answer(event.choice).end_text()
        return flushed + self._piece(event.choice, write_image(event.image))

    def _part_end(self, event: PartEnd) -> bytes:
        self._answer(event.choice).end_text()
        return b""

    # What it thinks

    def _reasoning(self, event: ReasoningDelta) -> bytes:
        flushed = self._flushed(event.choice)
        self._answer(event.choice).end_text()
        return flushed + self._piece(event.choice, write_thought(event.text))

    def _state(self, event: ReasoningState) -> bytes:
        """It is kept for the call that may follow, where Google's own would stand."""
        flushed = self._flushed(event.choice)
        self._answer(event.choice).waiting = event.state
        return flushed

    def _flushed(self, choice: int) -> bytes:
        """The state that is no call's, as a thought of its own."""
        answer = self._answer(choice)
        state, answer.waiting = answer.waiting, None
        if state is None:
            return b""
        return self._piece(choice, {**write_thought(""), "thoughtSignature": write_signature(state)})

    # What it calls

    def _tool_begin(self, event: ToolBegin) -> bytes:
        flushed = b"" if event.state is None else self._flushed(event.choice)
        answer = self._answer(event.choice)
        answer.end_text()
        state, answer.waiting = event.state or answer.waiting, None
        self._calls[event.call] = _Call(event, state)
        return flushed

    def _tool_delta(self, event: ToolDelta) -> bytes:
        call = self._calls.get(event.call)
        if call is not None:
            call.pieces.append(event.text)
        return b""

    def _tool_end(self, event: ToolEnd) -> bytes:
        call = self._calls.pop(event.call, None)
        if call is None:
            return b""
        begin = call.begin
        arguments = write_arguments("".join(call.pieces), begin.kind)
        return self._piece(begin.choice, write_call(begin.id, begin.name, arguments, call.state))

    # Beginning and end

    def _held(self, event: ReplyBegin) -> bytes:
        """Every piece says which answer it is of."""
        return b""

    def _report(self, event: UsageReported) -> bytes:
        self._usage = event.usage
        return b""

    def _cite(self, event: CitationFound) -> bytes:
        answer = self._answer(event.choice)
        answer.sources.append(cited(event.citation, "".join(answer.said), answer.before))
        return b""

    def _chances(self, event: ChancesDelta) -> bytes:
        self._answer(event.choice).chances += event.chances
        return b""

    def _choice_end(self, event: ChoiceEnd) -> bytes:
        flushed = self._flushed(event.choice)
        self._answer(event.choice).finish = event.finish
        return flushed

    def _end(self, event: ReplyEnd) -> bytes:
        """How everything ended, in one last piece."""
        answers = sorted({0: self._first, **self._answers}.items())
        fields: Fields = {"candidates": [_ended(index, answer) for index, answer in answers]}
        if self._usage is not None:
            fields["usageMetadata"] = write_usage(self._usage)
        return self._framed(orjson.dumps(fields)[:-1] + b"," + self._named) + self._last()

    # Pieces

    def _answer(self, choice: int) -> _Answer:
        return self._answers.setdefault(choice, _Answer()) if choice else self._first

    def _piece(self, choice: int, part: Fields) -> bytes:
        return self._framed(b'%b%b]},"index":%d}],%b' % (_BEGIN, orjson.dumps(part), choice, self._named))

    def _framed(self, fields: bytes) -> bytes:
        return b"%b%b%b" % (self._take_before(), fields, self._after)

    def _take_before(self) -> bytes:
        before = self._before
        if self._array:
            self._before = b",\n"
        return before

    def _last(self) -> bytes:
        return b"]" if self._array else b""

    _WRITE: ClassVar[dict[type[Event], Callable[[Any, Any], bytes]]] = {
        TextDelta: _text,
        ReasoningDelta: _reasoning,
        ReasoningState: _state,
        RefusalDelta: _say,
        ToolBegin: _tool_begin,
        ToolDelta: _tool_delta,
        ToolEnd: _tool_end,
        PartEnd: _part_end,
        CitationFound: _cite,
        ImageWhole: _image,
        ChancesDelta: _chances,
        UsageReported: _report,
        ChoiceEnd: _choice_end,
        ReplyBegin: _held,
        ReplyEnd: _end,
    }


def _ended(index: int, answer: _Answer) -> Fields:
    ending = write_ending(answer.finish, answer.sources, answer.chances)
    return {"content": {"role": "model", "parts": [{"text": ""}]}, "index": index, **ending}
