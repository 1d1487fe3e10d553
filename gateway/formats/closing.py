"""How a reply is called and why it ended, heard beside its way to the client. Changes nothing, raises nothing.

Of a stream only those events are parsed that say something of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import orjson

from gateway.errors import UpstreamMalformed
from gateway.records import Closing

from .format import Format, Told
from .gemini.array import ArraySplitter
from .neutral import Finish, FinishReason
from .passing_marks import PASSING
from .sse import EVENT_ENDS, Splitter
from .told import WORD_CHARACTERS

BYTES = 1024 * 1024
"""Longest event, and longest whole answer, that is looked at."""

CHOICES = 128
"""Most answers in a reply; no provider gives more."""

BROKEN = "error"
"""Why an answer ended that did not come to its end."""

_REASONS: Mapping[FinishReason, str] = MappingProxyType(
    {
        "stop": "stop",
        "stop_sequence": "stop",
        "length": "length",
        "tool_calls": "tool_calls",
        "filter": "content_filter",
        "refusal": "content_filter",
        "malformed": BROKEN,
    }
)
"""Words that are the same whoever answered; they are those of OpenAI's chat, which most providers have."""


def reason_of(finish: Finish, said: str) -> str:
    """The word for a reason; where there is none, what the provider `said`."""
    return _REASONS.get(finish.reason, said[:WORD_CHARACTERS])


def closing_in(dialect: Format, body: bytes) -> Closing:
    """The closing of a whole answer; nothing where it is none, or too long to be looked at."""
    told = _told_in(dialect, body) if len(body) <= BYTES else None
    return _closing(told.id, told.reasons, 0) if told is not None else Closing()


class ClosingReader:
    """Hears one stream of a provider."""

    __slots__ = ("_array", "_between_events", "_dialect", "_first", "_id", "_passing", "_reasons", "_splitter")

    def __init__(self, dialect: Format, *, array: bool = False) -> None:
        """`array`: the stream is one JSON array (Gemini)."""
        self._dialect = dialect
        self._passing = PASSING[dialect.name]
        self._array = array
        self._splitter = _splitter(array)
        self._between_events = False
        """What came so far ended with a whole event, and what comes may be one that says nothing."""
        self._first = b""
        """The first event that may say the id: as a rule the last one says it too, and this is never parsed."""
        self._id = ""
        self._reasons: dict[int, str] = {}

    def feed(self, chunk: bytes) -> None:
        """More of the stream: whole events with nothing of interest, as a rule."""
        is_whole = chunk.endswith(EVENT_ENDS) and not self._array
        if self._between_events and is_whole and self._passing.finished.search(chunk) is None:
            return
        self._between_events = is_whole and self._first != b""
        try:
            events = self._splitter.feed(chunk)
        except UpstreamMalformed:
            return  # too long to be looked at, or no stream at all: whoever must understand it finds that out
        self._hear(events)

    def go_on(self) -> None:
        """The rest comes in another stream, which is heard next."""
        self._splitter = _splitter(self._array)
        self._between_events = False

    def close(self, choices: int) -> Closing:
        """What was heard; of so many answers at least it should have been heard why they ended."""
        self._hear(self._splitter.close())
        first, self._first = self._first, b""
        if first and not self._id and (told := _told_in(self._dialect, first)) is not None:
            self._id = told.id
        return _closing(self._id, self._reasons, choices)

    def _hear(self, events: Iterable[bytes]) -> None:
        passing = self._passing
        for event in events:
            if not self._first and passing.named in event:
                self._first = event
            if passing.finished.search(event) is None:
                continue
            told = _told_in(self._dialect, event)
            if told is not None:
                self._id = self._id or told.id
                self._reasons.update(told.reasons)


class _Shortened(Splitter):
    """Keeps no more of an event than is looked at."""

    __slots__ = ()

    most = BYTES


def _splitter(array: bool) -> Splitter | ArraySplitter:
    return ArraySplitter() if array else _Shortened()


def _told_in(dialect: Format, data: bytes) -> Told | None:
    try:
        fields = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return dialect.read_told(fields) if isinstance(fields, dict) else None


def _closing(own_id: str, reasons: Mapping[int, str], choices: int) -> Closing:
    known = {number: reason for number, reason in reasons.items() if 0 <= number < CHOICES}
    count = max(max(known, default=-1) + 1, min(choices, CHOICES))
    return Closing(own_id[:WORD_CHARACTERS], tuple(known.get(number, BROKEN) for number in range(count)))
