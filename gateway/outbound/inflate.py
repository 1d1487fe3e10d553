"""Undoes gzip and deflate for providers that compress although we ask them not to.

A few compressed bytes can stand for gigabytes. So they are given out in pieces of bounded size, one piece a turn of the
event loop, the socket is not read meanwhile, and an answer that is both large and absurdly compressible is refused.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from gateway.errors import UpstreamError, UpstreamMalformed

if TYPE_CHECKING:
    from .call import Call
    from .pool import Lane

CODINGS = frozenset((b"gzip", b"x-gzip", b"deflate"))
PIECE_BYTES = 256 * 1024
MAX_RATIO = 100
"""JSON of the most monotonous kind compresses by less; a bomb by about a thousand."""
MAX_MEMBERS = 1000
GZIP, ZLIB, RAW = 31, 15, -15


class Inflater:
    """Compressed bytes to plain ones. No pace, no limits: only as many bytes at once as asked for."""

    __slots__ = ("_input", "_members", "_object", "_window", "more")

    def __init__(self, coding: bytes) -> None:
        self._window = 0 if coding == b"deflate" else GZIP
        self._object = None if coding == b"deflate" else zlib.decompressobj(GZIP)
        self._input = b""
        self._members = 1
        self.more = False
        """Whether there is (or may be) more to take without feeding anything."""

    @property
    def complete(self) -> bool:
        """Whether the compressed bytes have come to their own end."""
        return self._object is not None and self._object.eof and not self._input

    def add(self, data: bytes) -> None:
        """Compressed bytes, to be taken as plain ones later."""
        self._input += data
        self.more = True

    def take(self, room: int) -> bytes:
        """At most `room` plain bytes; zlib.error when the input is not what it should be."""
        data = self._input
        if self._object is None:
            if len(data) < 2:
                self.more = False
                return b""
            self._object = zlib.decompressobj(self._which(data))
        if self._object.eof and data:
            self._object = self._next_member()
        plain = self._object.decompress(data, room)
        self._input = self._object.unused_data if self._object.eof else self._object.unconsumed_tail
        self.more = bool(self._input) or len(plain) == room
        return plain

    def _which(self, data: bytes) -> int:
        """`deflate` means zlib's format, but some servers send it without its two bytes of header."""
        looks_like_zlib = data[0] & 0x0F == 8 and (data[0] * 256 + data[1]) % 31 == 0
        return ZLIB if looks_like_zlib else RAW

    def _next_member(self) -> zlib._Decompress:
        self._members += 1
        if self._window != GZIP or self._members > MAX_MEMBERS:
            raise zlib.error("data after the end")
        return zlib.decompressobj(GZIP)


class Inflating:
    """Between a connection and the receiver of its call while a compressed answer comes in.

    The connection may be done and back in the pool while there is still something to give out.
    """

    __slots__ = ("_call", "_given", "_inflater", "_lane", "_last", "_over", "_scheduled", "_taken")

    def __init__(self, call: Call, coding: bytes, lane: Lane) -> None:
        self._call = call
        self._inflater = Inflater(coding)
        self._lane = lane
        self._taken = self._given = 0
        self._scheduled = False
        self._over = False
        self._last: UpstreamError | None = None

    def body(self, data: bytes) -> None:
        """Compressed bytes have come."""
        self._taken += len(data)
        self._inflater.add(data)
        self.go_on()

    def end(self) -> None:
        """The last compressed bytes have come."""
        self._over = True
        self._settle()

    def failed(self, error: UpstreamError) -> None:
        """No more compressed bytes will come. What has come is given out first."""
        self._over, self._last = True, error
        self._settle()

    def go_on(self) -> None:
        """Give out a piece, unless the receiver or the event loop has to be waited for; the rest follows."""
        if self._inflater.more and not self._waits():
            try:
                plain = self._inflater.take(PIECE_BYTES)
            except zlib.error:
                self._refuse("its compressed body is damaged")
                return
            self._given += len(plain)
            if self._given > self._lane.settings.max_reply_bytes and self._given > self._taken * MAX_RATIO:
                self._refuse(f"its body of {self._taken} compressed bytes unfolds to more than {self._given}")
                return
            if plain:
                self._call.receiver.body(plain)
        if self._call.inflating is self:
            self._settle()

    def _settle(self) -> None:
        connection = self._call.connection
        if self._inflater.more:
            if connection is not None:
                connection.pause()
            if not self._waits():
                self._scheduled = True
                self._lane.loop.call_soon(self._next_turn)
        elif self._over:
            self._finish()
        elif connection is not None and not self._call.paused:
            connection.resume()

    def _waits(self) -> bool:
        return self._scheduled or self._call.paused

    def _next_turn(self) -> None:
        self._scheduled = False
        if self._call.inflating is self:
            self.go_on()

    def _finish(self) -> None:
        if self._last is None and self._taken and not self._inflater.complete:
            self._refuse("its compressed body is cut short")
            return
        self._call.inflating = None
        if self._last is not None:
            self._call.fail(self._last)
        else:
            self._call.receiver.end()

    def _refuse(self, reason: str) -> None:
        self._call.inflating = None
        error = UpstreamMalformed(f"{self._lane.origin.label} sent an invalid answer: {reason}")
        if self._call.connection is not None:
            self._call.connection.shut(error)
        else:
            self._call.fail(error)
