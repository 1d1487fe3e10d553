"""One socket to an origin: writes requests, reads answers, tells the receiver. It carries one call at a time.

Knows HTTP/1.1 and nothing of how sockets are made, found or counted: that is `dial`'s and `pool`'s business.
What llhttp lets pass and we do not, is refused here: other transfer codings than `chunked`, a switch of protocols, a head
or framing without end, anything after the end of an answer.
"""

from __future__ import annotations

import asyncio
import math
import re
import socket
from typing import TYPE_CHECKING, Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.errors import UpstreamClosed, UpstreamError, UpstreamMalformed, UpstreamTimeout

from .inflate import CODINGS, Inflating

if TYPE_CHECKING:
    from .call import Call
    from .pool import Lane

MAX_INTERIM_ANSWERS = 32
FIRST_WRITE = 64 * 1024
"""A request up to this size leaves in one write; the body of a larger one is not copied for that. Also the most that the
streams of `tls` send in one go: when this write fails, nothing has left."""
PROBED_AFTER = 0.5
"""An idle connection not used for so long, seconds, is looked at before it is used: the loop may be late with news."""

NOTED = frozenset((b"content-length", b"transfer-encoding", b"content-encoding", b"keep-alive"))
KEEP_ALIVE_TIMEOUT = re.compile(rb"timeout\s*=\s*(\d{1,6})", re.IGNORECASE)
BODYLESS = frozenset((204, 304))


class ByteStream(Protocol):
    """What a connection needs of the transport below it; uvloop's own, or `tls.TlsStream`."""

    def write(self, data: bytes) -> None: ...
    def is_closing(self) -> bool: ...
    def abort(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def get_write_buffer_size(self) -> int: ...
    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...
    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None: ...


class _Stop(Exception):
    """Raised in a callback of the parser to make it read no further."""


class Connection(asyncio.Protocol):
    """The HTTP side of one socket.

    Of a request it says `nothing_sent` only where that is certain: the connection was closed before the write, or the
    kernel refused the first write as a whole. Once a byte is accepted the provider may have acted on it, whatever
    happens to the connection afterwards.
    """

    __slots__ = (
        "_answering",
        "_budget",
        "_closed",
        "_coding",
        "_complete",
        "_fault",
        "_fields",
        "_framed",
        "_head",
        "_interims",
        "_keep",
        "_keep_alive",
        "_lane",
        "_limit",
        "_parser",
        "_paused",
        "_pieces",
        "_probe_at",
        "_socket",
        "_status",
        "_time",
        "_unsent",
        "call",
        "connect_us",
        "deadline",
        "keep_seconds",
        "transport",
        "used",
    )

    transport: ByteStream

    def __init__(self, lane: Lane, sock: socket.socket, connect_us: int) -> None:
        self._lane = lane
        self._socket = sock
        self._time = lane.loop.time
        self._limit = self._budget = lane.settings.max_header_bytes
        self._parser = HttpResponseParser(self)
        self.keep_seconds = lane.settings.idle_seconds
        self.connect_us = connect_us
        self.call: Call | None = None
        self.deadline = math.inf
        """Loop time at which `expire` is due, whatever the connection is doing."""
        self.used = False
        self._probe_at = math.inf
        self._closed = self._paused = False
        self._fault = ""
        self._fields: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self._head: list[tuple[bytes, bytes]] | None = None
        self._status = 0
        self._keep_alive = b""
        self._unsent = 0
        self._clear()

    def _clear(self) -> None:
        """Be ready for the next answer."""
        self._budget = self._limit
        self._answering = self._complete = self._framed = self._keep = False
        self._coding = b""
        self._interims = 0

    # What the pool asks for

    def carry(self, call: Call) -> bool:
        """Write the call's request; False when the connection turned out dead and certainly nothing left the machine."""
        now = self._time()
        if now > self._probe_at and self._is_gone():
            self.abort()
            return False
        request, transport = call.request, self.transport
        head, body = request.head, request.body
        if self._lane.rewrite is not None:
            head = self._lane.rewrite(head)
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
            self.restart_idle_timeout()

    def restart_idle_timeout(self) -> None:
        """Count silence from now on, with the call's present limit."""
        call = self.call
        if call is not None and self._answering and not self._paused:
            self.deadline = self._time() + call.idle_timeout

    def refuse(self, reason: str) -> None:
        """Fail the call: what came is not acceptable."""
        self.shut(UpstreamMalformed(f"{self._lane.origin.label} sent an invalid answer: {reason}"))

    def attach(self, stream: ByteStream) -> None:
        """Take over a byte stream that leads to the origin."""
        self.transport = stream
        stream.set_write_buffer_limits(0)  # So that `resume_writing` says when the kernel has the whole request.
        stream.set_protocol(self)

    # What the transport tells

    def data_received(self, data: bytes) -> None:
        call = self.call
        if call is None:  # It speaks without being asked.
            self.abort()
            return
        self._budget -= len(data)
        try:
            if self._budget < 0 and not self._answering:
                data = self._read_to_limit(data)
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade, _Stop) as error:
            if not self._complete:
                self._fault = self._fault or str(error)
        self._deliver(call)

    def eof_received(self) -> None:
        if self._unsent:  # A close would wait until the provider has read the rest, which it will not.
            self.transport.abort()

    def pause_writing(self) -> None:
        call = self.call
        self._unsent = self.transport.get_write_buffer_size()
        if call is not None:
            self.deadline = self._time() + call.idle_timeout

    def resume_writing(self) -> None:
        self._unsent = 0
        call = self.call
        if call is not None and not self._answering:
            self.deadline = self._time() + call.request.first_byte_timeout

    def connection_lost(self, error: Exception | None) -> None:
        call, self.call = self.call, None
        if not self._closed:
            self._closed = True
            self._lane.forget(self)
        del self._parser  # It holds our bound methods: without this only the garbage collector could free both.
        if call is None:
            return
        call.connection = None
        if self._answering and not self._framed and error is None:
            call.receiver.end()
        else:
            call.fail(UpstreamClosed(self._cut_off(error)))

    # What the parser tells

    def on_message_begin(self) -> None:
        if self._complete:
            self._keep = False
            raise _Stop

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if value[-1:] <= b" ":
            value = value.rstrip(b" \t")
        if name in NOTED and not self._answering:
            self._note(name, value)
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._skip(status)
            return
        self._status = status
        self._head, self._fields = self._fields, []
        self._answering = True
        self._budget = self._limit
        self._keep = self._parser.should_keep_alive()
        if self.call is not None and self.call.request.method == b"HEAD":
            self._complete, self._keep, self._coding = True, False, b""
            raise _Stop  # The parser cannot know that no body follows, so this connection ends here.

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        if self._answering:
            self._complete = True

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

    def _read_to_limit(self, data: bytes) -> bytes:
        """Read as much of the head as may be; what is left of `data` where it was complete by then."""
        room = len(data) + self._budget
        self._parser.feed_data(data[:room])
        if not self._answering:
            self._stop(f"its head is larger than {self._limit} bytes (max_header_bytes)")
        return data[room:]

    def _note(self, name: bytes, value: bytes) -> None:
        if name == b"content-encoding":
            self._coding = value.lower()
        elif name == b"keep-alive":
            self._heed(value)
        elif name == b"transfer-encoding" and (self._framed or value.lower() != b"chunked"):
            self._stop("it is framed in another way than by one content-length or one chunked coding")
        else:
            self._framed = True

    def _heed(self, value: bytes) -> None:
        """Do not keep the connection longer than the provider does."""
        if value == self._keep_alive:
            return
        self._keep_alive = value
        if said := KEEP_ALIVE_TIMEOUT.search(value):
            seconds = int(said[1])
            self.keep_seconds = min(self._lane.settings.idle_seconds, max(seconds - 1, seconds / 2))

    def _skip(self, status: int) -> None:
        """Pass over an interim answer."""
        self._interims += 1
        if status < 100 or status == 101 or self._framed:
            self._stop(f"status {status} was not asked for, or has a body")
        if self._interims > MAX_INTERIM_ANSWERS:
            self._stop(f"more than {MAX_INTERIM_ANSWERS} interim answers")
        self._fields = []
        self._coding = b""

    def _stop(self, reason: str) -> None:
        self._fault = reason
        raise _Stop

    def _deliver(self, call: Call) -> None:
        """Tell the receiver what one read has brought. A hook may cancel the call, which ends the telling."""
        head, pieces = self._head, self._pieces
        if head is not None:
            self._head = None
            self.deadline = self._time() + call.idle_timeout
            self._tell_head(call, head)
            if self.call is not call:
                return
        if pieces:
            self._pieces = []
            self._budget = self._limit
            self.deadline = self._time() + call.idle_timeout
            call.receiver.body(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            if self.call is not call:
                return
        if self._fault:
            self.refuse(self._fault)
        elif self._complete:
            self._finish(call)
        elif self._budget < 0:
            self.refuse(f"more than {self._limit} bytes of framing without a byte of body")

    def _tell_head(self, call: Call, head: list[tuple[bytes, bytes]]) -> None:
        if self._coding not in CODINGS or self._status in BODYLESS:
            call.receiver.head(self._status, head)
            return
        call.receiver.head(self._status, [field for field in head if field[0] not in (b"content-encoding", b"content-length")])
        if self.call is call:
            Inflating(call, self._coding, self._lane.settings.max_reply_bytes, self._lane.loop).begin()

    def _finish(self, call: Call) -> None:
        self.call = None
        call.connection = None
        if self._fields:
            call.trailers, self._fields = self._fields, []
        if self._paused:
            self.resume()
        if self._keep and not self._unsent:
            self._clear()
            self._lane.release(self)
        else:
            self.abort()
        call.receiver.end()

    def _overdue(self, call: Call) -> str:
        label = self._lane.origin.label
        if self._unsent:
            return f"{label} took nothing of the request for {call.idle_timeout:g} s (idle timeout)"
        if self._answering:
            return f"{label} was silent for {call.idle_timeout:g} s within its answer (idle timeout)"
        return f"{label} did not answer within {call.request.first_byte_timeout:g} s (first byte timeout)"

    def _cut_off(self, error: Exception | None) -> str:
        how = "reset" if isinstance(error, ConnectionResetError) else "closed"
        when = "in the middle of its answer" if self._answering else "before it answered"
        return f"{self._lane.origin.label} {how} the connection {when}"
