"""Server-sent events as bytes: where events end. Knows nothing of what is in them.

Lines end with LF, CRLF or CR, an event ends with an empty line
(https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream). Everything is split on bytes:
text decoding would break characters cut by chunk borders, and `str.splitlines` would split on U+2028.
"""

from __future__ import annotations

import re

EVENT_ENDS = (b"\n\n", b"\n\r\n", b"\r\r")
"""What the bytes of a whole number of events end with."""

_EVENT = re.compile(rb".*?(?:\n\r?\n|\r\r)", re.DOTALL)
_DATA = re.compile(rb"(?:^|[\r\n])data:[ ]?([^\r\n]*)")


def end_of_events(chunk: bytes) -> int:
    """How many leading bytes of `chunk` are whole events."""
    return max((chunk.rfind(end) + len(end) for end in EVENT_ENDS if end in chunk), default=0)


def event_around(chunk: bytes, at: int) -> tuple[int, int]:
    """Where the event that contains the byte `at` begins and ends."""
    start = 0
    end = len(chunk)
    for mark in EVENT_ENDS:
        before = chunk.rfind(mark, start, at)
        if before >= 0:
            start = before + len(mark)
        after = chunk.find(mark, at, end)
        if after >= 0:
            end = after + len(mark)
    return start, end


def split_events(chunk: bytes) -> list[bytes]:
    """`chunk` cut behind every event; a last piece that is no whole event comes last."""
    events: list[bytes] = _EVENT.findall(chunk)
    rest = chunk[sum(map(len, events)) :]
    return [*events, rest] if rest else events


def event_data(event: bytes) -> bytes:
    """The data of one event: its `data:` lines joined by newlines."""
    return b"\n".join(_DATA.findall(event))
