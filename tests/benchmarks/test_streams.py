"""The streams we measure with are whole ones, in the eyes of our own readers."""

from __future__ import annotations

import pytest

from benchmarks.streams import KINDS, Kind, stream
from gateway.formats.events import ChoiceEnd, Event, ReasoningDelta, ReplyEnd, TextDelta, ToolDelta, UsageReported
from gateway.formats.sse import Splitter
from gateway.formats.table import FORMATS

EVENTS: dict[Kind, type[Event]] = {"text": TextDelta, "thoughts": ReasoningDelta, "arguments": ToolDelta}
LENGTH = 40


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dialect", FORMATS)
def test_a_stream_has_so_many_pieces_and_an_end(dialect: str, kind: Kind) -> None:
    made = stream(dialect, kind, LENGTH)
    if made is None:
        assert (dialect, kind) == ("gemini", "arguments")
        return
    reader, splitter = FORMATS[dialect].event_reader(), Splitter()
    events = [event for chunk in made for data in splitter.feed(chunk) for event in reader.feed(data)]
    events += reader.close()
    pieces = [event for event in events if type(event) is EVENTS[kind]]
    assert len(pieces) == LENGTH
    assert len(set(map(repr, pieces))) == LENGTH
    assert {ChoiceEnd, ReplyEnd, UsageReported} <= {type(event) for event in events}


@pytest.mark.parametrize("dialect", FORMATS)
def test_events_arrive_one_by_one(dialect: str) -> None:
    for chunk in stream(dialect, "text", LENGTH) or ():
        assert chunk.endswith(b"\n\n")
        assert chunk.count(b"\n\n") == 1
