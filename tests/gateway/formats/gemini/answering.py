"""What the tests of answers share: a provider's stream, and what a client gets, in one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from gateway.formats.events import Event
from gateway.formats.format import Fields, ReplyContext
from gateway.formats.gemini.event_reader import EventReader
from gateway.formats.gemini.event_writer import EventWriter
from gateway.formats.neutral import Prompt

STOP: Fields = {"finishReason": "STOP"}


def answer(*parts: Fields, **beside: Any) -> Fields:
    """A candidate."""
    return {"content": {"role": "model", "parts": list(parts)}, "index": 0, **beside}


def piece(*candidates: Fields, **more: Any) -> Fields:
    """An object of a stream, or a whole answer."""
    return {"candidates": list(candidates), "responseId": "r1", "modelVersion": "gemini-up", **more}


def told(*pieces: Fields, close: bool = True) -> list[Event]:
    """What a reader makes of a provider's stream."""
    reader = EventReader()
    found = [event for each in pieces for event in reader.feed(orjson.dumps(each))]
    return [*found, *reader.close()] if close else found


def said(*parts: Fields, **beside: Any) -> list[Event]:
    """What is said between the beginning and the end of an answer of one piece."""
    return told(piece(answer(*parts, **STOP, **beside)))[1:-2]


def context(*, array: bool = False) -> ReplyContext:
    return ReplyContext("gem", "ab12", 1790000000, Prompt((), ()), {}, array)


def raw(events: Iterable[Event], *, array: bool = False) -> bytes:
    """The bytes that a client gets."""
    writer = EventWriter(context(array=array))
    return b"".join([writer.write(event) for event in events])


def written(events: Iterable[Event]) -> list[Fields]:
    """The objects that a client gets; every line is as the official client wants it."""
    lines = raw(events).split(b"\n\n")
    assert lines.pop() == b""
    assert all(line.startswith(b"data: {") and b"\n" not in line for line in lines)
    return [orjson.loads(line[6:]) for line in lines]


def parts_in(pieces: Iterable[Fields]) -> list[Fields]:
    """All parts of a stream's first candidate."""
    return [part for each in pieces for part in each["candidates"][0]["content"]["parts"]]
