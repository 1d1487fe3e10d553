"""An answer and a script into steps: bytes to write, seconds to wait, or how it ends. Pure: nothing is sent here.

Steps that follow each other without a delay may leave in one write. A delay of 0 separates two writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from itertools import islice
from typing import Protocol

from gateway.mock import framing
from gateway.mock.answers import Answer, Made, Reply, Stream, make
from gateway.mock.script import Script

LATE = 0.2
"""Seconds by which a late usage chunk is late."""
BREATH = 0.005
"""Seconds between the last bytes and a reset, so that the reset does not overtake them."""
GAP = 0.002
"""Seconds between torn writes, so that they arrive apart."""


class End(Enum):
    """An end before the end of the answer."""

    CLOSE = "cut"
    RESET = "reset"
    STALL = "stalled"


Step = bytes | float | End
Steps = Iterator[Step]
Head = Callable[[int, bytes], bytes]
"""Status and own header lines to a whole head."""


class Progress(Protocol):
    """Where the number of content chunks handed out is counted."""

    chunks: int


def deliver(answer: Answer, script: Script, *, head: Head, progress: Progress) -> Steps:
    """All steps of an answer. Exhausted means complete."""
    if isinstance(answer, Stream):
        steps = _stream(answer, script, head=head, progress=progress)
    else:
        steps = _reply(answer, script, head)
    if script.byte:
        steps = _apart(steps, framing.byte_by_byte, 0.0)
    elif script.split:
        steps = _apart(steps, framing.torn, GAP)
    preceded = script.first or script.garbage or script.interim or script.reset == 0
    return _preceded(steps, script) if preceded else steps


def _preceded(steps: Steps, script: Script) -> Steps:
    if script.first:
        yield script.first
    if script.garbage:
        yield framing.GARBAGE
        yield End.CLOSE
    if script.reset == 0:
        yield End.RESET
    if script.interim:
        yield framing.INTERIM
    yield from steps


def _apart(steps: Steps, cut: Callable[[bytes], Iterator[bytes]], gap: float) -> Steps:
    for step in steps:
        if isinstance(step, bytes):
            for piece in cut(step):
                yield piece
                yield gap
        else:
            yield step


def _ending(script: Script, error: Made = b"") -> tuple[int | None, Callable[[framing.Wrap], Steps] | None]:
    """After how many chunks the answer breaks off, and how. `(None, None)`: it does not."""
    if script.cut is not None:
        return script.cut, lambda wrap: iter((End.CLOSE,))
    if script.reset is not None:
        return script.reset, lambda wrap: iter((BREATH, End.RESET))
    if script.stall is not None:
        return script.stall, lambda wrap: iter((End.STALL,))
    if script.errorevent is not None:
        return script.errorevent, lambda wrap: iter((wrap(make(error)),))
    return None, None


def _stream(stream: Stream, script: Script, *, head: Head, progress: Progress) -> Steps:
    events_only = stream.content_type == framing.EVENT_STREAM
    dress, frame = framing.Dress(script, events=events_only), framing.wrapper(script)
    wrap: framing.Wrap = (lambda events: frame(dress.feed(events))) if dress.worn else frame
    yield head(200, _stream_headers(script, stream.content_type))
    if script.think:
        yield script.think
    most, ending = _ending(script, stream.error)
    if stream.opening and most != 0:
        yield wrap(stream.opening)
    pace = script.pace
    for event in islice(stream.contents, most):
        progress.chunks += 1
        yield wrap(event)
        if pace:
            yield pace
    if ending is not None:
        yield from ending(wrap)
    else:
        yield from _closing(stream, script, wrap)
    if script.gzip:
        yield frame(dress.close())
    if not script.eof:
        yield framing.end_of_chunks(script)


def _closing(stream: Stream, script: Script, wrap: framing.Wrap) -> Steps:
    if closing := make(stream.closing):
        yield wrap(closing)
    if stream.late:
        yield LATE
        yield wrap(stream.late)
    if stream.end and not script.nodone:
        yield wrap(make(stream.end))


def _stream_headers(script: Script, content_type: bytes) -> bytes:
    return b"content-type: %b\r\ncache-control: no-cache\r\n%b%b" % (
        content_type,
        b"" if script.eof else framing.CHUNKED,
        _own_headers(script),
    )


def _own_headers(script: Script) -> bytes:
    return b"".join((
        b"content-encoding: gzip\r\n" if script.gzip else b"",
        b"trailer: x-mock-trailer\r\n" if script.trailers else b"",
        b"x-mock-big: " + b"x" * script.bighead + b"\r\n" if script.bighead else b"",
    ))  # fmt: skip


def _reply(reply: Reply, script: Script, head: Head) -> Steps:
    body = framing.compress(reply.body) if script.gzip else reply.body
    chunked = not script.eof and (reply.streamed or script.chunked or script.chunkext or script.trailers)
    lines = (
        b"content-type: %b\r\n" % reply.content_type,
        framing.CHUNKED if chunked else b"" if script.eof else framing.length(body),
        reply.headers,
        _own_headers(script),
    )
    yield head(reply.status, b"".join(lines))
    if script.think:
        yield script.think
    pieces = _in_chunks(body, script, streamed=reply.streamed) if chunked else [body]
    most, ending = _ending(script)
    if ending is not None:
        yield from _broken(pieces, most or 0)
        yield from ending(bytes)
    else:
        yield from _paced(pieces, script.pace if reply.streamed else 0)
        if chunked:
            yield framing.end_of_chunks(script)


def _broken(pieces: list[bytes], most: int) -> Steps:
    """At most half of a plain body, or so many pieces of one in chunks."""
    if len(pieces) > 1:
        yield from pieces[:most]
    elif most:
        yield pieces[0][: len(pieces[0]) // 2]


def _paced(pieces: list[bytes], pace: float) -> Steps:
    for piece in pieces:
        yield piece
        if pace:
            yield pace


def _in_chunks(body: bytes, script: Script, *, streamed: bool) -> list[bytes]:
    """`body` in framed chunks: of the script's size when it is streamed, else in three."""
    wrap = framing.wrapper(script)
    size = (script.size or 4096) if streamed else len(body) // 3 + 1
    return [wrap(body[start : start + size]) for start in range(0, len(body), size)]
