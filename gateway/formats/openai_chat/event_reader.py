"""A provider's chat stream as events. Forgiving: compatible servers number calls as they like, name them late, repeat
ids, put usage anywhere and forget to say how it ended.

Chunks: https://platform.openai.com/docs/api-reference/chat/streaming.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

from gateway.formats.broken import cut_off, no_object, not_json
from gateway.formats.events import (
    ChancesDelta,
    ChoiceEnd,
    CitationFound,
    Event,
    ImageWhole,
    ReasoningDelta,
    ReasoningState,
    RefusalDelta,
    ReplyBegin,
    ReplyEnd,
    ReplyFailed,
    TextDelta,
    UsageReported,
)
from gateway.formats.format import Fields, Undivided
from gateway.formats.openai_responses.errors import refusal
from gateway.formats.told import text_in

from .calls import Calls
from .reply_reader import chances_of, citations_of, error_of, images_of, read_finish, states_of, text_of, thinking_of
from .usage import read_usage

_PLAIN = frozenset(("content", "role"))
"""Fields of a delta that says nothing but text."""


class EventReader(Undivided):
    """One stream."""

    __slots__ = ("_begun", "_calls", "_finishes", "_open", "finished")

    def __init__(self) -> None:
        self._begun = False
        self._calls = Calls()
        self._finishes: dict[int, str] = {}
        """Finish reasons by choice, held back until the end: usage, and even calls, may come behind."""
        self._open: set[int] = set()
        """Choices that began and were not finished."""
        self.finished = False

    def feed(self, data: bytes) -> Iterable[Event]:
        """The events in one event's data. Raises UpstreamMalformed on what is no JSON object."""
        if self.finished:
            return ()
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError:
            return self._no_json(data)
        if not isinstance(chunk, dict):
            raise no_object()
        error = error_of(chunk)
        if error is not None:
            return self._failed(error)
        choices = chunk.get("choices")
        events: list[Event] = []
        if not self._begun:
            self._begun = True
            events.append(ReplyBegin(text_in(chunk, "id"), text_in(chunk, "model")))
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                self._choice(choice, events)
        usage = chunk.get("usage")
        if usage and isinstance(usage, dict):
            self._usage(usage, events)
        return events

    def close(self) -> Iterable[Event]:
        """The held back ends; a stream of which a choice was not finished was cut (STR-6)."""
        if self.finished:
            return ()
        if self._open or not self._finishes:
            self.finished = True
            return cut_off()
        return self._end()

    def _no_json(self, data: bytes) -> Iterable[Event]:
        if data.strip() == b"[DONE]":
            # Some servers never say how a choice ended, but do say that all is over (FIN-6).
            return self._end() if self._begun else self.close()
        return not_json(data)

    def _end(self) -> list[Event]:
        self.finished = True
        events = self._calls.end_all()
        reasons = {**dict.fromkeys(self._open, ""), **self._finishes} or {0: ""}
        for index, reason in sorted(reasons.items()):
            events.append(ChoiceEnd(read_finish(reason), index))
        return [*events, ReplyEnd()]

    def _failed(self, error: Fields) -> Iterable[Event]:
        self.finished = True
        return (ReplyFailed(refusal(error)),)

    def _usage(self, usage: Fields, events: list[Event]) -> None:
        read = read_usage(usage)
        if read.input or read.output:
            events.append(UsageReported(read))

    def _choice(self, choice: Fields, events: list[Event]) -> None:
        index = choice.get("index")
        number = index if index.__class__ is int else 0
        if number not in self._finishes:
            self._open.add(number)
        delta = choice.get("delta")
        if not isinstance(delta, dict):  # a server that answers a stream with whole messages
            delta = choice.get("message")
        if isinstance(delta, dict):
            text = delta.get("content")
            if text and text.__class__ is str and _PLAIN.issuperset(delta):
                events.append(TextDelta(text, number))
            elif delta:
                self._delta(delta, number, events)
        if choice.get("logprobs"):
            chances = chances_of(choice)
            if chances:
                events.append(ChancesDelta(chances, number))
        reason = choice.get("finish_reason")
        if reason and isinstance(reason, str):
            self._finishes[number] = reason
            self._open.discard(number)
            if isinstance(choice.get("usage"), dict):  # https://platform.moonshot.ai/docs/api/chat
                self._usage(choice["usage"], events)

    def _delta(self, delta: Fields, choice: int, events: list[Event]) -> None:
        """Everything a delta may hold, in the order in which a whole answer has it."""
        events += _thoughts(delta, choice)
        text = text_of(delta.get("content"))
        if text:
            events.append(TextDelta(text, choice))
        refused = text_in(delta, "refusal")
        if refused:
            events.append(RefusalDelta(refused, choice))
        events += [CitationFound(citation, choice) for citation in citations_of(delta)]
        events += [ImageWhole(image, choice) for image in images_of(delta)]
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                events += self._calls.feed(call, choice)
        if isinstance(delta.get("function_call"), dict):
            events += self._calls.feed({"index": 0, "function": delta["function_call"]}, choice)


def _thoughts(delta: Fields, choice: int) -> Iterator[Event]:
    """Reasoning by either of its names, then its state; text in blocks only where it was not said already."""
    thought = thinking_of(delta)
    if thought:
        yield ReasoningDelta(thought, choice)
    for text, state in states_of(delta) if "thinking_blocks" in delta else ():
        if text and not thought:
            yield ReasoningDelta(text, choice)
        if state is not None:
            yield ReasoningState(state, choice)
