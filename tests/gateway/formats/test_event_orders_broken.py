"""A stream that is cut, or has rubbish or an error in it, ends in our typed error, which the client's SDK raises.

What the client heard before it is a beginning of what the provider said.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ProviderRefused, UpstreamClosed, UpstreamMalformed
from gateway.formats.table import FORMATS

from .crossings import Crossed, check_whole, crossed
from .heard import Heard
from .orders import Chance, Stream, framed, in_pieces
from .test_event_orders import CLIENTS, STREAMS, alike

RUBBISH = (b'{"cut', b'"text"', b"null", b"[1]", b"\xff\xfe", b"<html>502</html>", b"{}}", b"NaN")
"""Data that means nothing in any dialect."""
NOISE = (b"rubbish\n\n", b"\xff\xfe\n\n", b": \xff\n\n", b"retry: 1\n\n", b"\n\n", b"data\n\n", b"event: told\n\n")
"""Lines that are no data at all, which nobody has to understand."""
ERRORS: dict[str, tuple[bytes, ...]] = {
    "openai_chat": (
        b'{"error":{"message":"no","type":"server_error","code":null}}',
        b'{"choices":[],"error":{"message":"no","code":429}}',
        b'{"error":"no"}',
    ),
    "openai_responses": (
        b'{"type":"error","message":"no","code":"server_error","param":null,"sequence_number":3}',
        b'{"type":"error","error":{"type":"server_error","message":"no"}}',
        b'{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"no"}}}',
        b'{"error":{"message":"no"}}',
    ),
    "anthropic": (
        b'{"type":"error","error":{"type":"overloaded_error","message":"no"}}',
        b'{"error":{"message":"no"}}',
    ),
    "gemini": (b'{"error":{"code":503,"message":"no","status":"UNAVAILABLE"}}', b'{"error":"no"}'),
}
"""What providers say amid a stream when they have failed."""


def check_broken(client: str, stream: Stream, through: Crossed) -> None:
    """The client was told an error, and before that nothing but a beginning of what was said."""
    assert through.error is not None
    assert through.told is not None
    check_beginning(client, stream, through.heard)


def check_beginning(client: str, stream: Stream, heard: Heard) -> None:
    """What was heard is a beginning of what was said."""
    apart = client in ("openai_chat", "openai_responses")
    assert stream.answer.said(*(("text",) if apart else ("text", "refusal"))).startswith(heard.told("text"))
    assert stream.answer.said("thought").startswith(heard.told("thought"))
    assert (
        sorted(part.name for part in stream.answer.calls)
        >= sorted(name for kind, name in heard.runs if kind == "call")[:0]
    )
    left = [part.name for part in stream.answer.calls]
    for kind, name in heard.runs:
        if kind == "call":
            left.remove(name)


def drawn(data: st.DataObject, upstream: str) -> tuple[Chance, str, Stream]:
    return Chance(data.draw), data.draw(st.sampled_from(CLIENTS[upstream])), data.draw(STREAMS[upstream]())


@pytest.mark.parametrize("upstream", list(FORMATS))
@alike
@given(data=st.data())
def test_a_stream_cut_anywhere_before_its_end_is_an_error(upstream: str, data: st.DataObject) -> None:
    chance, client, stream = drawn(data, upstream)
    events = framed(stream.events, chance)
    last = chance.number(0, stream.end)
    room = len(events[last].rstrip()) if last == stream.end else len(events[last])
    body = b"".join(events[:last]) + events[last][: chance.number(0, room - 1)]
    check_broken(client, stream, crossed(client, upstream, in_pieces(body, chance)))


@pytest.mark.parametrize("upstream", list(FORMATS))
@alike
@given(data=st.data())
def test_a_stream_without_its_end_mark_has_ended_early(upstream: str, data: st.DataObject) -> None:
    chance, client, stream = drawn(data, upstream)
    body = b"".join(framed(stream.events[: stream.end], chance))
    through = crossed(client, upstream, in_pieces(body, chance))
    check_broken(client, stream, through)
    assert isinstance(through.error, UpstreamClosed)


@pytest.mark.parametrize("upstream", list(FORMATS))
@alike
@given(data=st.data())
def test_rubbish_before_the_end_is_an_error(upstream: str, data: st.DataObject) -> None:
    chance, client, stream = drawn(data, upstream)
    events = list(stream.events)
    events.insert(chance.number(0, stream.end), chance.one(*RUBBISH))
    through = crossed(client, upstream, in_pieces(b"".join(framed(events, chance)), chance))
    check_broken(client, stream, through)
    assert isinstance(through.error, UpstreamMalformed)


@pytest.mark.parametrize("upstream", list(FORMATS))
@alike
@given(data=st.data())
def test_an_error_of_the_provider_is_told_as_one(upstream: str, data: st.DataObject) -> None:
    chance, client, stream = drawn(data, upstream)
    events = list(stream.events)
    events.insert(chance.number(0, stream.end), chance.one(*ERRORS[upstream]))
    through = crossed(client, upstream, in_pieces(b"".join(framed(events, chance)), chance))
    check_broken(client, stream, through)
    assert isinstance(through.error, ProviderRefused)


@pytest.mark.parametrize("upstream", list(FORMATS))
@alike
@given(data=st.data())
def test_lines_that_are_no_data_change_nothing(upstream: str, data: st.DataObject) -> None:
    chance, client, stream = drawn(data, upstream)
    noisy = chance.amid(framed(stream.events, chance), NOISE)
    check_whole(client, stream, crossed(client, upstream, in_pieces(b"".join(noisy), chance)))


@pytest.mark.parametrize("upstream", list(FORMATS))
@alike
@given(data=st.data())
def test_bytes_lost_anywhere_end_in_the_answer_or_in_an_error(upstream: str, data: st.DataObject) -> None:
    chance, client, stream = drawn(data, upstream)
    body = b"".join(framed(stream.events, chance))
    start = chance.number(0, len(body))
    body = body[:start] + chance.one(b"", b"\xff", b"\n", b"\n\n", b"\x00") + body[start + chance.number(0, 40) :]
    through = crossed(client, upstream, in_pieces(body, chance))
    assert (through.error is None) == (through.told is None)
