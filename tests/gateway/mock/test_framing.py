from __future__ import annotations

import gzip

import h11
import pytest

from gateway.mock import framing
from gateway.mock.script import read_script

EVENTS = 'data: {"content":"漢字 \u2028 😀"}\n\ndata: {"a":1}\n\n'.encode()


@pytest.mark.parametrize("script", ["", "chunkext", "split", "trailers"])
@pytest.mark.parametrize("body", [b"x", b"hello", EVENTS, b"\xf0\x9f\x98\x80"])
def test_any_framing_is_read_as_the_body_it_carries(script: str, body: bytes) -> None:
    asked = read_script(script)
    machine = h11.Connection(h11.CLIENT)
    machine.send(h11.Request(method="GET", target="/", headers=[("host", "mock")]))
    machine.send(h11.EndOfMessage())
    machine.receive_data(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    machine.receive_data(framing.wrapper(asked)(body) + framing.end_of_chunks(asked))
    read = b""
    while not isinstance(event := machine.next_event(), h11.EndOfMessage):
        read += bytes(event.data) if isinstance(event, h11.Data) else b""
    assert read == body


@pytest.mark.parametrize("cut", [framing.torn, framing.byte_by_byte])
@pytest.mark.parametrize("data", [b"", b"a", EVENTS, framing.chunk(EVENTS), b"\n\n", b"\r\n"])
def test_torn_bytes_are_the_same_bytes(cut: object, data: bytes) -> None:
    assert callable(cut)
    assert b"".join(cut(data)) == data


def test_tearing_cuts_inside_a_character_and_between_line_ends() -> None:
    pieces = list(framing.torn(framing.chunk(EVENTS)))
    assert any(piece.endswith(b"\r") for piece in pieces)
    assert any(not is_utf8(piece) for piece in pieces)


def test_two_lines_joined_are_the_event() -> None:
    assert framing.on_two_lines(b'data: {"a":1}\n\n') == b'data: {\ndata: "a":1}\n\n'
    assert framing.on_two_lines(b"data: [DONE]\n\n") == b"data: [DONE]\n\n"


def test_each_event_gets_its_comment() -> None:
    assert framing.with_comments(b"data: 1\n\ndata: 2\n\n").count(b": keep-alive\n\n") == 2


def test_compressed_events_are_whole_in_the_end() -> None:
    dress = framing.Dress(read_script("gzip"))
    assert gzip.decompress(dress.feed(EVENTS) + dress.feed(EVENTS) + dress.close()) == EVENTS * 2


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
