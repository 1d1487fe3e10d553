"""One socket to an origin: writes requests, tells receivers the answers, and goes back to its pool in between.

Knows the rules of keeping a connection; knows nothing of how one is made (`dial`), of limits and queues (`pool`), or of
what answers look like (`answer`).
"""

from __future__ import annotations

import asyncio
import math
import socket
from typing import TYPE_CHECKING, Protocol

from gateway.errors import UpstreamClosed, UpstreamError, UpstreamMalformed, UpstreamTimeout

from .answer import BODYLESS, AnswerReader
from .inflate import CODINGS, Inflating

if TYPE_CHECKING:
    from .call import Call
    from .pool import Lane

FIRST_WRITE = 64 * 1024
"""A request up to this size leaves in one write, of a larger one the head first. It is also the most that a stream of
`tls` sends in one go: when this write fails, nothing has left."""
PROBED_AFTER = 0.5
"""An idle connection not used for so long, seconds, is looked at before it is used: the loop may be late with news."""


READ_BYTES = 64 * 1024
"""Most bytes taken from a socket at once: what a receiver gets after it has asked for a pause, at the most."""

_READ_BUFFER = memoryview(bytearray(READ_BYTES))


class ByteStream(Protocol):
    """What a connection needs of the transport below it: the event loop's own, or a `tls.TlsStream`."""

    def write(self, data: bytes) -> None:
        """Send, now or when there is room."""

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""

    def abort(self) -> None:
        """Close the socket now."""

    def pause_reading(self) -> None:
        """Leave what comes in the socket."""

    def resume_reading(self) -> None:
        """Read again."""

    def get_write_buffer_size(self) -> int:
        """Bytes that the kernel has not taken yet."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Above how many such bytes the protocol is told, and below how many again."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """From now on tell this one."""


class Connection(AnswerReader, asyncio.BufferedProtocol):
    """One socket, with one call at a time.

    Of a request it says `nothing_sent` only where that is certain: the connection was closed before the write, or the
    kernel refused the first write as a whole. Once a byte is accepted the provider may have acted on it, whatever
    happens to the connection afterwards: an answer that ends before it began has `nothing_sent` False.
    """

    __slots__ = (
        "_closed",
        "_lane",
        "_paused",
        "_probe_at",
        "_socket",
        "_time",
        "_unsent",
        "call",
        "connect_us",
        "deadline",
        "transport",
        "used",
    )

    transport: ByteStream

    def __init__(self, lane: Lane, sock: socket.socket, connect_us: int) -> None:
        super().__init__(lane.settings.max_header_bytes, lane.settings.idle_seconds)
        self._lane = lane
        self._socket = sock
        """The transport closes it; here it is only looked at."""
        self._time = lane.loop.time
        self.connect_us = connect_us
        self.call: Call | None = None
        self.deadline = math.inf
        """Loop time at which `expire` is due, whatever the connection is doing."""
        self.used = False
        self._probe_at = math.inf
        self._closed = self._paused = False
        self._unsent = 0

    # What the pool asks for

    def attach(self, stream: ByteStream) -> None:
        """Take over a byte stream that leads to the origin."""
        self.transport = stream
        stream.set_write_buffer_limits(0)  # So that `resume_writing` says when the kernel has the whole request.
        stream.set_protocol(self)
        stream.pause_reading()  # uvloop looks at the kind of protocol when it begins to read.
        stream.resume_reading()

    def carry(self, call: Call) -> bool:
        """Write the call's request; False when the connection turned out dead and certainly nothing was sent."""
        now = self._time()
        if now > self._probe_at and self._is_gone():
            self.abort()
            return False
        request, transport = call.request, self.transport
        head, body = request.head, request.body
        if self._lane.rewrite is not None:
            head = self._lane.rewrite(head)
        self.begin(request.method)
        self.call = call
        self.deadline = now + request.first_byte_timeout
        small = len(head) + len(body) <= FIRST_WRITE
        transport.write(head + body if small else head[:FIRST_WRITE])
        if transport.is_closing():
            self.abort()
            return False
        if not small:
            self._write_rest(head[FIRST_WRITE:], body)
        call.connection = self
        call.connection_reused = self.used
        if not self.used:
            self.used = True
            if call.deadline:  # it has waited for one
                call.connect_us = self.connect_us
        return True

    def rest(self, now: float) -> None:
        """Lie idle from `now` on."""
        self.deadline = now + self.keep_seconds
        self._probe_at = now + PROBED_AFTER

    def expire(self, now: float) -> None:
        """The deadline has passed: close an idle connection, fail a call, or go on where there was progress."""
        call = self.call
        if call is None:
            self.abort()
        elif self._unsent and self.transport.get_write_buffer_size() < self._unsent:
            self._unsent = self.transport.get_write_buffer_size()
            self.deadline = now + call.idle_timeout
        else:
            self.shut(UpstreamTimeout(self._overdue(call)))

    def abort(self) -> None:
        """Close the socket now. Nobody is told."""
        self.call = None
        if not self._closed:
            self._closed = True
            self._lane.forget(self)
            self.transport.abort()

    def shut(self, error: UpstreamError) -> None:
        """Close the socket now and fail the call, if there is one."""
        call = self.call
        self.abort()
        if call is not None:
            call.connection = None
            call.fail(error)

    def pause(self) -> None:
        """Stop reading; time does not count meanwhile."""
        if not self._paused and not self.transport.is_closing():
            self._paused = True
            self.deadline = math.inf
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._paused:
            self._paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()
            self.restart_timeout()

    def restart_timeout(self) -> None:
        """Count from now on, with the limit of the moment: for the answer to begin, or for silence within it."""
        call = self.call
        if call is not None and not self._paused:
            self.deadline = self._time() + (call.idle_timeout if self.answering else call.request.first_byte_timeout)

    # What the transport tells

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where a read goes: one buffer serves all connections, for what is read is understood before the next read."""
        return _READ_BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have come from the socket."""
        self.data_received(_READ_BUFFER[:nbytes])

    def data_received(self, data: bytes | memoryview) -> None:
        """Bytes have come: read them and tell the receiver what they mean, unless a hook cancels the call."""
        call = self.call
        if call is None:  # It speaks without being asked.
            self.abort()
            return
        self.feed(data)
        if self.pieces or self.new_head is not None:
            self.deadline = self._time() + call.idle_timeout
        if self.new_head is not None:
            self._tell_head(call)
            if self.call is not call:
                return
        if self.pieces:
            call.ending = self.complete and not self.fault and call.inflating is None
            (call.inflating or call.receiver).body(self.take_pieces())
            if self.call is not call:
                return
        if self.fault or (self.budget < 0 and self.is_starved()):
            self.shut(UpstreamMalformed(f"{self._lane.origin.label} sent an invalid answer: {self.fault}"))
        elif self.complete:
            self._finish(call)

    def eof_received(self) -> None:
        """The provider sends no more; the transport closes."""
        if self._unsent:  # It would wait until the provider has read the rest, which it will not.
            self.transport.abort()

    def pause_writing(self) -> None:
        """The kernel did not take all of the request."""
        self._unsent = self.transport.get_write_buffer_size()
        if self.call is not None:
            self.deadline = self._time() + self.call.idle_timeout

    def resume_writing(self) -> None:
        """The kernel has taken all of the request: the wait for the answer begins."""
        self._unsent = 0
        self.restart_timeout()

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is closed, by whomever."""
        call, self.call = self.call, None
        if not self._closed:
            self._closed = True
            self._lane.forget(self)
        self.discard()
        if call is None:
            return
        call.connection = None
        if self.answering and not self.framed and error is None:
            (call.inflating or call.receiver).end()
        else:
            call.fail(UpstreamClosed(self._cut_off(error)))

    # How it is done

    def _write_rest(self, head: bytes, body: bytes) -> None:
        if head:
            self.transport.write(head)
        if body:
            self.transport.write(body)

    def _is_gone(self) -> bool:
        """Whether there is anything to read, or an end, on a connection that should be silent."""
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def _tell_head(self, call: Call) -> None:
        head, self.new_head = self.new_head or [], None
        if self.coding not in CODINGS or self.bodyless or self.status in BODYLESS or call.request.as_coded:
            call.receiver.head(self.status, head)
            return
        stale = (b"content-encoding", b"content-length")
        call.receiver.head(self.status, [field for field in head if field[0] not in stale])
        if self.call is call:
            call.inflating = Inflating(call, self.coding, self._lane)

    def _finish(self, call: Call) -> None:
        """The answer is complete. The connection is free before the receiver hears it, so that it can be used again."""
        self.call = None
        call.connection = None
        if self._fields:
            call.trailers = self.take_trailers()
        if self._paused:
            self.resume()
        if self.reusable and not self._unsent:
            self._lane.release(self)
        else:
            self.abort()
        (call.inflating or call.receiver).end()

    def _overdue(self, call: Call) -> str:
        label = self._lane.origin.label
        if self._unsent:
            return f"{label} took nothing of the request for {call.idle_timeout:g} s (idle timeout)"
        if self.answering:
            return f"{label} was silent for {call.idle_timeout:g} s within its answer (idle timeout)"
        return f"{label} did not answer within {call.request.first_byte_timeout:g} s (first byte timeout)"

    def _cut_off(self, error: Exception | None) -> str:
        how = "reset" if isinstance(error, ConnectionResetError) else "closed"
        when = "in the middle of its answer" if self.answering else "before it answered"
        return f"{self._lane.origin.label} {how} the connection {when}"
