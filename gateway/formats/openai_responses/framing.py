"""Bytes of Responses events: their two lines and the number that every one of them has.

Events: https://platform.openai.com/docs/api-reference/responses-streaming. What varies in a delta is its number and its
text; all else of it is written once, when its part opens.
"""

from __future__ import annotations

from typing import NamedTuple

import orjson

from gateway.formats.format import Fields


class Frame(NamedTuple):
    """All of a delta event but its number and its text."""

    head: bytes
    place: bytes
    end: bytes


def delta_frame(kind: str, place: Fields, *, logprobs: bool = False) -> Frame:
    """The frame of the deltas of one part."""
    name = kind.encode()
    return Frame(
        b'event: %b\ndata: {"type":"%b","sequence_number":' % (name, name),
        b',%b,"delta":' % orjson.dumps(place)[1:-1],
        b',"logprobs":[]}\n\n' if logprobs else b"}\n\n",
    )


class Wire:
    """Writes the events of one stream, numbered from 0."""

    __slots__ = ("_number",)

    def __init__(self) -> None:
        self._number = 0

    def take_number(self) -> int:
        """The number of the next event."""
        number = self._number
        self._number = number + 1
        return number

    def event(self, kind: str, fields: Fields) -> bytes:
        """Any event."""
        body = orjson.dumps({"type": kind, "sequence_number": self.take_number(), **fields})
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), body)

    def told(self, kind: str, response: bytes) -> bytes:
        """An event about the Response, which is written already."""
        name = kind.encode()
        return b'event: %b\ndata: {"type":"%b","sequence_number":%d,"response":%b}\n\n' % (
            name,
            name,
            self.take_number(),
            response,
        )

    def delta(self, frame: Frame, text: str) -> bytes:
        """A piece of text."""
        number = self._number
        self._number = number + 1
        return b"%b%d%b%b%b" % (frame.head, number, frame.place, orjson.dumps(text), frame.end)
