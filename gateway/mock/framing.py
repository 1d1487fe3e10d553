"""HTTP/1.1 as bytes: heads, chunks, and the torn and padded variants a script may ask for. Pure."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from http import HTTPStatus

from gateway.mock.script import Script

EVENT_STREAM = b"text/event-stream; charset=utf-8"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
GARBAGE = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is not HTTP \x00\xff\r\n\r\n"
END_OF_CHUNKS = b"0\r\n\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}

Wrap = Callable[[bytes], bytes]


def status_line(status: int) -> bytes:
    """`HTTP/1.1 429 Too Many Requests`, ended by CRLF."""
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status


def length(body: bytes) -> bytes:
    """The header line with the length of `body`."""
    return b"content-length: %d\r\n" % len(body)


def chunk(body: bytes) -> bytes:
    """One chunk of chunked framing. `body` must not be empty, which would be the end."""
    return b"%x\r\n%b\r\n" % (len(body), body)


def chunk_with_extension(body: bytes) -> bytes:
    """One chunk whose size line carries extensions, leading zeros and capitals."""
    return b'000%X;mock=1;note="a;b"\r\n%b\r\n' % (len(body), body)


def torn_chunk(body: bytes) -> bytes:
    """`body` as two chunks, cut inside a character when there is one that can be."""
    cut = next(iter(awkward_places(body)), len(body) // 2)
    return chunk(body[:cut]) + chunk(body[cut:]) if 0 < cut < len(body) else chunk(body)


def end_of_chunks(script: Script) -> bytes:
    """The last chunk, with trailers when asked for."""
    return b"0\r\nx-mock-trailer: last\r\nserver-timing: mock;dur=1\r\n\r\n" if script.trailers else END_OF_CHUNKS


def wrapper(script: Script) -> Wrap:
    """How each piece of a body is framed; pieces must not be empty."""
    if script.eof:
        return bytes
    if script.chunkext:
        return chunk_with_extension
    return torn_chunk if script.split else chunk


class Dress:
    """What is done to the events before they are framed: several lines, comments, CRLF, compression.

    A stream that is no stream of events knows neither `data:` lines nor comments.
    """

    __slots__ = ("_compressor", "_steps")

    def __init__(self, script: Script, *, events: bool = True) -> None:
        self._steps: list[Wrap] = []
        if script.multi and events:
            self._steps.append(on_two_lines)
        if script.comments and events:
            self._steps.append(with_comments)
        if script.crlf:
            self._steps.append(lambda events: events.replace(b"\n", b"\r\n"))
        self._compressor = zlib.compressobj(1, wbits=31) if script.gzip else None
        if self._compressor is not None:
            self._steps.append(self._compress)

    @property
    def worn(self) -> bool:
        """Whether anything is done at all."""
        return bool(self._steps)

    def feed(self, events: bytes) -> bytes:
        """Whole events as they will be sent."""
        for step in self._steps:
            events = step(events)
        return events

    def close(self) -> bytes:
        """What the end of the body needs."""
        return self._compressor.flush() if self._compressor is not None else b""

    def _compress(self, events: bytes) -> bytes:
        assert self._compressor is not None
        return self._compressor.compress(events) + self._compressor.flush(zlib.Z_SYNC_FLUSH)


def on_two_lines(events: bytes) -> bytes:
    """Each JSON object spread over two `data:` lines, which a reader joins with a line end."""
    return events.replace(b"data: {", b"data: {\ndata: ")


def with_comments(events: bytes) -> bytes:
    """A comment in front of each event."""
    return b"".join(b": keep-alive\n\n" + event + b"\n\n" for event in events.split(b"\n\n") if event)


def compress(body: bytes) -> bytes:
    """A whole body in gzip."""
    return gzip.compress(body, compresslevel=1)


def byte_by_byte(data: bytes) -> Iterator[bytes]:
    """Every byte alone."""
    return (data[place : place + 1] for place in range(len(data)))


def torn(data: bytes) -> Iterator[bytes]:
    """`data` cut where readers stumble: in characters, in `data:`, between CR and LF, between two line ends."""
    start = 0
    for place in awkward_places(data):
        yield data[start:place]
        start = place
    yield data[start:]


def awkward_places(data: bytes) -> list[int]:
    """The first places of each kind, in order, never 0 or the length."""
    places = {_inside_a_character(data)}
    for mark, offset in ((b"data:", 2), (b"\r\n", 1), (b"\n\n", 1), (b'"content"', 4)):
        found = data.find(mark)
        places.add(found + offset if found >= 0 else 0)
    if data.endswith(b"\r\n"):
        places.add(len(data) - 1)
    return sorted(place for place in places if 0 < place < len(data))


def _inside_a_character(data: bytes) -> int:
    return next((place + 1 for place, byte in enumerate(data) if byte >= 0xC2), 0)
