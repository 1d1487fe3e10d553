"""Server-sent events as bytes: where events end, and what data they carry. Knows nothing of what the data means.

Lines end with LF, CRLF or CR, an event ends with an empty line
(https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream). Everything is split on bytes:
text decoding would break characters cut by chunk borders, and `str.splitlines` would split on U+2028.
"""

from __future__ import annotations

import re

from gateway.errors import UpstreamMalformed

EVENT_BYTES = 8 * 1024 * 1024
"""Longest event read. More is taken for a broken provider: nobody would want it in memory, many times over."""

EVENT_ENDS = (b"\n\n", b"\n\r\n", b"\r\r")
"""What the bytes of a whole number of events end with."""

_USUAL_ENDS = (b"\n\n",)

_EVENT = re.compile(rb".*?(?:\n\r?\n|\r\r)", re.DOTALL)
_DATA = re.compile(rb"(?:^|[\r\n])data:[ ]?([^\r\n]*)")


def _ends_in(chunk: bytes) -> tuple[bytes, ...]:
    """The ends that events may have here: one byte is soon looked for."""
    return EVENT_ENDS if b"\r" in chunk else _USUAL_ENDS


def end_of_events(chunk: bytes, start: int = 0) -> int:
    """How many leading bytes of `chunk` are whole events; none of them ends before `start`."""
    return max((at + len(end) for end in _ends_in(chunk) if (at := chunk.rfind(end, start)) >= 0), default=0)


def end_of_event(chunk: bytes) -> int:
    """How many leading bytes of `chunk` are its first event; 0 when that is not whole."""
    if b"\r" not in chunk:
        return chunk.find(b"\n\n") + 2 if b"\n\n" in chunk else 0
    return min((at + len(end) for end in EVENT_ENDS if (at := chunk.find(end)) >= 0), default=0)


def event_around(chunk: bytes, at: int) -> tuple[int, int]:
    """Where the event that contains the byte `at` begins and ends."""
    start = 0
    end = len(chunk)
    for mark in _ends_in(chunk):
        before = chunk.rfind(mark, start, at)
        if before >= 0:
            start = before + len(mark)
        after = chunk.find(mark, at, end)
        if after >= 0:
            end = after + len(mark)
    return start, end


def split_events(chunk: bytes) -> list[bytes]:
    """`chunk` cut behind every event; a last piece that is no whole event comes last."""
    if b"\r" not in chunk:
        *whole, rest = chunk.split(b"\n\n")
        return [event + b"\n\n" for event in whole] + ([rest] if rest else [])
    events: list[bytes] = _EVENT.findall(chunk)
    rest = chunk[sum(map(len, events)) :]
    return [*events, rest] if rest else events


def event_data(event: bytes) -> bytes:
    """The data of one event: its `data:` lines joined by newlines."""
    return b"\n".join(_DATA.findall(event))


class Splitter:
    """Cuts a stream into the data of its events, however the bytes arrive.

    Comments, names and ids of events are left out: every dialect says in its data what an event is.
    """

    __slots__ = ("_begun", "_held", "_skip_newline")

    most = EVENT_BYTES
    """Longest event read."""

    def __init__(self) -> None:
        self._held = bytearray()
        """What came since the last whole event, with LF for every line end."""
        self._skip_newline = False
        """The last byte was a CR: should an LF follow, both are one line end."""
        self._begun = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of every event that is complete now. Raises UpstreamMalformed on an event over the limit."""
        if b"\r" in chunk or self._skip_newline:
            chunk = self._with_newlines(chunk)
        held = self._held
        if held:
            if b"\n\n" not in chunk and not (chunk[:1] == b"\n" and held[-1:] == b"\n"):
                self._hold(chunk)
                return []
            chunk = b"".join((held, chunk))
            held.clear()
        end = chunk.rfind(b"\n\n")
        if end < 0:
            self._hold(chunk)
            return []
        if end + 2 < len(chunk):
            self._hold(chunk[end + 2 :])
        return self._data_of(chunk[:end])

    def close(self) -> list[bytes]:
        """The data of a last event that lacks its empty line."""
        rest = bytes(self._held)
        self._held.clear()
        return self._data_of(rest) if rest else []

    def _data_of(self, events: bytes) -> list[bytes]:
        if not self._begun:
            self._begun = True
            events = events.removeprefix(b"\xef\xbb\xbf")
        if events.startswith(b"data: ") and b"\n" not in events:
            return [events[6:]]
        return [data for event in events.split(b"\n\n") if (data := _lines_of_data(event)) is not None]

    def _hold(self, piece: bytes) -> None:
        self._held += piece
        if len(self._held) > self.most:
            self._held = bytearray()
            raise UpstreamMalformed(f"The provider's stream has an event of more than {self.most} bytes.")

    def _with_newlines(self, chunk: bytes) -> bytes:
        if self._skip_newline and chunk[:1] == b"\n":
            chunk = chunk[1:]
        elif not chunk:
            return chunk
        self._skip_newline = chunk[-1:] == b"\r"
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _lines_of_data(event: bytes) -> bytes | None:
    """The data of one event with LF line ends; None when it has none."""
    lines = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
    return b"\n".join(lines) if lines else None
