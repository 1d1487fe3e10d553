"""One client's connection: answers go out in the order of the requests, at their pace. Knows no format.

A paced chunk costs one callback of the shared pacer and one `send`: bytes go straight to the socket while the transport
has nothing queued, and through the transport, with its back-pressure, once the socket is full.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import socket
import struct
import termios
import time
from collections import deque
from dataclasses import replace
from typing import cast

from gateway.mock import framing, openai, plans
from gateway.mock.answers import Reply, Stream
from gateway.mock.delivery import End, Steps, deliver
from gateway.mock.drafts import Played
from gateway.mock.ledger import Exchange
from gateway.mock.requests import Incoming, RequestReader
from gateway.mock.script import PLAIN
from gateway.mock.shared import Shared

PIPELINE_LIMIT = 64
"""Requests that may wait behind a running one before we stop reading."""
WRITE_AT_ONCE = 64 << 10
LINGER = 1.0
"""Seconds a refused client may go on sending before the connection is closed."""

_log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """The server side of one connection."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._reader = RequestReader()
        self._waiting: deque[Incoming] = deque()
        self._number = 0
        self._descriptor = -1
        self._exchange: Exchange | None = None
        self._steps: Steps | None = None
        self._keep_alive = True
        self._drop: float | None = None
        self._streaming = False
        self._refused = False
        self._full = False
        self._asleep = False
        self._due = 0.0
        self._wake_up = self._wake

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Counts the connection in; small writes leave at once."""
        self._transport = cast(asyncio.Transport, transport)
        self._number = self._shared.connected(self._transport)
        channel = transport.get_extra_info("socket")
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if transport.get_extra_info("ssl_object") is None:
            self._descriptor = channel.fileno()

    def connection_lost(self, error: Exception | None) -> None:
        """Counts the connection out; what was running is a disconnect."""
        self._descriptor = -1
        self._peer_left()
        self._shared.disconnected(self._transport)

    def eof_received(self) -> bool:
        """A client that stops sending has left: nobody half-closes and waits."""
        self._peer_left()
        return False

    def pause_writing(self) -> None:
        """The socket is full and so is our buffer."""
        self._full = True

    def resume_writing(self) -> None:
        """There is room again."""
        self._full = False
        if not self._asleep:
            self._advance()

    def data_received(self, data: bytes) -> None:
        """Bytes of one or more requests, or of a part of one."""
        if self._refused:
            return
        reader = self._reader
        requests = reader.feed(data)
        if requests:
            self._waiting.extend(requests)
            if self._steps is None:
                self._serve()
            elif len(self._waiting) > PIPELINE_LIMIT:
                self._transport.pause_reading()
        if reader.failure is not None:
            self._refuse(reader.failure.status, reader.failure.message)
        elif reader.expects_continue:
            reader.expects_continue = False
            self._transport.write(framing.CONTINUE)

    def _serve(self) -> None:
        """Answers waiting requests until one takes its time."""
        while self._waiting and self._steps is None and not self._transport.is_closing():
            self._begin(self._waiting.popleft())

    def _begin(self, request: Incoming) -> None:
        self._keep_alive = request.keep_alive
        if request.path.startswith("/mock/"):
            reply = self._shared.ask(request)
            head = self._write_head(reply.status, b"content-type: application/json\r\n" + framing.length(reply.body))
            self._transport.write(head + reply.body)
            self._done()
            return
        exchange = self._exchange = Exchange(next(self._shared.numbers), self._number, request)
        self._shared.ledger.begin(exchange)
        played = self._play(exchange)
        answer, script = played.answer, played.script
        if isinstance(answer, Stream):
            self._streaming = True
            self._shared.ledger.streams_open += 1
        elif not script.on_the_wire and not answer.streamed and request.method != "HEAD":
            self._reply(answer, played)
            return
        self._perform(played, request)

    def _play(self, exchange: Exchange) -> Played:
        try:
            return self._shared.provider.play(exchange)
        except Exception:  # noqa: BLE001 - the edge: a mistake in a builder must not take other connections down
            _log.exception("the mock could not answer request %d", exchange.number)
            return Played(
                openai.error(500, "mock: this is a mistake of the mock", kind="server_error"), PLAIN, openai.FAMILY
            )

    def _reply(self, reply: Reply, played: Played) -> None:
        """The short way: one write, nothing scripted."""
        assert self._exchange is not None
        lines = b"content-type: %b\r\ncontent-length: %d\r\n%b%b%b" % (
            reply.content_type,
            len(reply.body),
            reply.headers,
            played.family.headers(self._exchange.number),
            plans.headers_of(self._exchange.request.lookup, int(time.time())),
        )
        self._write(self._write_head(reply.status, lines) + reply.body)
        if self._full:
            self._exchange.blocked = self._measure_blocked
            self._steps = iter(())
        else:
            self._finish()

    def _perform(self, played: Played, request: Incoming) -> None:
        """The long way: step by step."""
        assert self._exchange is not None
        script, number = played.script, self._exchange.number
        self._drop = script.drop
        if request.version == "1.0":
            script = replace(script, eof=True)
        self._keep_alive = self._keep_alive and not script.close and not script.eof

        def head(status: int, lines: bytes) -> bytes:
            of_plan = plans.headers_of(request.lookup, int(time.time()))
            return self._write_head(status, lines + played.family.headers(number) + of_plan)

        steps = deliver(played.answer, script, head=head, progress=self._exchange)
        if request.method == "HEAD":
            steps = (step.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" for step in steps if isinstance(step, bytes))
            steps = iter((next(steps),))
        self._exchange.blocked = self._measure_blocked
        self._steps = steps
        self._due = 0.0
        self._advance()

    def _write_head(self, status: int, lines: bytes) -> bytes:
        close = b"" if self._keep_alive else b"connection: close\r\n"
        return b"%b%b%b%b\r\n" % (framing.status_line(status), self._shared.date(), lines, close)

    def _advance(self) -> None:
        """Takes steps until one says wait, the socket is full, or there are no more."""
        if self._steps is None or self._full:
            return
        batch: list[bytes] = []
        size = 0
        pause: float | End | None = None
        for step in self._steps:
            if not isinstance(step, bytes):
                pause = step
                break
            batch.append(step)
            size += len(step)
            if size >= WRITE_AT_ONCE:
                pause = 0.0
                break
        if batch:
            self._write(b"".join(batch))
        self._rest(pause)

    def _rest(self, pause: float | End | None) -> None:
        if isinstance(pause, float):
            self._sleep(pause)
        elif pause is not None:
            self._break_off(pause)
        elif not self._full:
            self._finish()
            self._serve()

    def _sleep(self, seconds: float) -> None:
        """The next step is due so long after the last one was: a late step does not delay those after it."""
        self._asleep = True
        if not seconds:
            self._shared.loop.call_soon(self._wake_up)
            return
        self._due = (self._due or time.monotonic()) + seconds
        self._shared.pacer.at(self._due, self._wake_up)

    def _wake(self) -> None:
        self._asleep = False
        self._advance()

    def _write(self, data: bytes) -> None:
        assert self._exchange is not None
        self._exchange.written += len(data)
        if self._descriptor >= 0 and not self._transport.get_write_buffer_size():
            try:
                sent = os.write(self._descriptor, data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._transport.abort()
                return
            if sent == len(data):
                return
            data = data[sent:]
        self._transport.write(data)

    def _finish(self) -> None:
        """The answer is complete."""
        self._close_exchange("done")
        if self._drop is not None:
            self._shared.pacer.at(time.monotonic() + self._drop, self._close)
            self._drop = None
        self._done()

    def _done(self) -> None:
        if not self._keep_alive:
            self._close()
        elif len(self._waiting) == PIPELINE_LIMIT:
            self._transport.resume_reading()

    def _break_off(self, end: End) -> None:
        """The end before the end. A stalled answer still runs: only the client can end it."""
        if end is End.STALL:
            self._asleep = True
            assert self._exchange is not None
            self._exchange.outcome = end.value
            return
        self._close_exchange(end.value)
        if end is End.RESET:
            channel = self._transport.get_extra_info("socket")
            channel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._descriptor = -1
            self._transport.abort()
        else:
            self._close()

    def _close_exchange(self, outcome: str) -> None:
        exchange = self._exchange
        assert exchange is not None
        exchange.outcome = outcome
        exchange.ended = time.monotonic()
        self._leave()

    def _leave(self) -> None:
        """Nothing runs on this connection any more."""
        if self._exchange is not None:
            self._exchange.blocked = None
        if self._streaming:
            self._streaming = False
            self._shared.ledger.streams_open -= 1
        self._exchange = self._steps = None

    def _peer_left(self) -> None:
        if self._reader.in_message:
            self._reader.in_message = False
            self._shared.ledger.requests_unfinished += 1
        if self._exchange is not None:
            self._shared.ledger.disconnected(self._exchange)
            self._leave()
        self._waiting.clear()

    def _refuse(self, status: int, message: str) -> None:
        """Says why and closes, after whatever is running; what the client still sends is thrown away for a while."""
        self._refused = True
        self._reader.in_message = False
        self._shared.ledger.requests_broken += 1
        self._keep_alive = False
        if self._steps is not None:
            self._waiting.clear()
            return
        body = openai.error(status, message, kind="invalid_request_error").body
        lines = b"content-type: application/json\r\n" + framing.length(body)
        self._transport.write(self._write_head(status, lines) + body)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._shared.pacer.at(time.monotonic() + LINGER, self._close)

    def _close(self) -> None:
        self._descriptor = -1
        self._transport.close()

    def _measure_blocked(self) -> tuple[int, int]:
        """Bytes that wait in the transport, and in the socket for the peer."""
        if self._descriptor < 0:
            return self._transport.get_write_buffer_size(), 0
        waiting = fcntl.ioctl(self._descriptor, termios.TIOCOUTQ, b"\0" * 4)
        return self._transport.get_write_buffer_size(), int.from_bytes(waiting, "little")
