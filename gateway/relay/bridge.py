"""What the control process tells without an end, as the messages of a WebSocket: it knows none, and answers over HTTP.

Knows messages, and clients that read slowly or leave. Does not know who may watch: that is in the head of the answer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import orjson

from gateway.errors import ControlUnavailable, UpstreamError

from .forward import HOP_BY_HOP
from .sink import SHARE_OF_WINDOW, Headers, Message, Receive, Send, Sink, pending

if TYPE_CHECKING:
    from gateway.outbound.wire import Call

GOING_AWAY, LEFT, POLICY, RESTARTING, TRY_LATER, SIGNED_OUT = 1001, 1006, 1008, 1012, 1013, 4401
"""Why it is closed (RFC 6455, 7.4; the last is ours): with 1006 the client has left."""

CODES: Mapping[str, int] = MappingProxyType(
    {"signed_out": SIGNED_OUT, "slow": TRY_LATER, "unavailable": TRY_LATER, "closing": RESTARTING}
)
"""For what the last event says."""

ONLY_TELLS = "This socket tells, and takes nothing."

HEARTBEAT = '{"event":"heartbeat"}'

STALL_SECONDS = 60.0
"""How long a client may take nothing."""

LAST_WORDS_SECONDS = 1.0
"""The same, once it is over."""

REFUSAL_BYTES = 64 * 1024
LONGEST_EVENT = 16 * 1024 * 1024


def denying(send: Send) -> Send:
    """`send`, for an answer in the place of a WebSocket."""
    return lambda message: send({**message, "type": f"websocket.{message['type']}"})


class Bridge:
    """One WebSocket, and the receiver of the answer that it tells."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._news = asyncio.Event()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stream = EventStream()
        self._messages: deque[str] = deque()
        """What is to be sent: of one piece of the answer, for there is no other as long as something is."""
        self._status = 0
        self._headers: Headers = []
        self._refusal = b""
        self._code = 0
        """Why it is closed; 0 before it is."""
        self._call: Call | None = None

    async def run(self, call: Call, receive: Receive) -> None:
        """From the answer to the handshake on to the end. Raises ControlUnavailable where there is no answer."""
        self._call = call
        try:
            while not (self._code or self._status == 200):
                await self._hear()
            if self._status == 200:
                await self._pass_on(receive)
            elif self._status:
                self._deny()
            else:
                raise ControlUnavailable("The dashboard is not available at the moment; inference is.")
        finally:
            call.cancel()

    def close(self, code: int) -> None:
        """It is over, for this reason."""
        self._code = self._code or code
        self._news.set()
        if not self._over.done():
            self._over.set_result(None)

    # What the control process answers

    def head(self, status: int, headers: Headers) -> None:
        """Whether they may watch."""
        self._status, self._headers = status, headers
        self._news.set()

    def body(self, data: bytes) -> None:
        """Events, or why they may not."""
        if self._status != 200:
            self._refusal = (self._refusal + data)[:REFUSAL_BYTES]
            return
        self._messages += self._stream.feed(data)
        if self._messages and self._call is not None:
            self._call.pause()
        if self._stream.is_broken:
            self.close(RESTARTING)
        self._news.set()

    def end(self) -> None:
        """There is no more of it."""
        self.close(CODES.get(self._stream.why, RESTARTING))

    def failed(self, error: UpstreamError) -> None:
        """The control process is gone, or does not answer."""
        self.close(RESTARTING)

    # What becomes of it

    async def _hear(self) -> None:
        await self._news.wait()
        self._news.clear()

    def _deny(self) -> None:
        kept = [header for header in self._headers if header[0] not in HOP_BY_HOP]
        length = (b"content-length", b"%d" % len(self._refusal))
        # Granian says `Connection: upgrade` with every answer; this one upgrades nothing.
        headers = [*kept, length, (b"connection", b"close")]
        Sink(denying(self._send), REFUSAL_BYTES * SHARE_OF_WINDOW).answer(self._status, headers, self._refusal)

    async def _pass_on(self, receive: Receive) -> None:
        await self._send({"type": "websocket.accept"})
        # Whoever does not listen hears neither pings, which the server answers, nor that the client has left.
        leaving = asyncio.ensure_future(self._listen(receive))
        try:
            while await self._flush() and not self._code:
                await self._hear()
            if self._code != LEFT:
                reason = ONLY_TELLS if self._code == POLICY else ""
                await self._put({"type": "websocket.close", "code": self._code, "reason": reason})
        finally:
            leaving.cancel()

    async def _listen(self, receive: Receive) -> None:
        message = await receive()
        self.close(POLICY if message["type"] == "websocket.receive" else LEFT)

    async def _flush(self) -> bool:
        """Send what there is; False when nobody takes it."""
        while self._messages:
            if self._code == LEFT or not await self._put({"type": "websocket.send", "text": self._messages.popleft()}):
                return False
        if self._call is not None:
            self._call.resume()
        return True

    async def _put(self, message: Message) -> bool:
        """Send a message; False when the client does not take it for too long, or for a moment longer once it is
        over."""
        sending = pending(self._send(message))
        if sending is None or sending.done():
            return True
        await asyncio.wait((sending, self._over), timeout=STALL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not sending.done() and not self._over.done():
            self.close(TRY_LATER)
        elif not sending.done() and self._code != LEFT:
            await asyncio.wait((sending,), timeout=LAST_WORDS_SECONDS)
        return sending.done()


class EventStream:
    """Server-sent events of ours as messages, however their bytes arrive."""

    def __init__(self) -> None:
        self._held = bytearray()
        self.why = ""
        """What the last event says, if it was there."""
        self.is_broken = False
        """It is none."""

    def feed(self, data: bytes) -> list[str]:
        """The messages that are complete now."""
        self._held += data
        if b"\n\n" not in data and not self._held.endswith(b"\n\n"):
            self.is_broken = len(self._held) > LONGEST_EVENT
            return []
        *whole, rest = bytes(self._held).split(b"\n\n")
        self._held = bytearray(rest)
        return [message for event in whole if (message := self._message(event))]

    def _message(self, event: bytes) -> str:
        if event.startswith(b":"):
            return HEARTBEAT
        fields = dict(line.split(b": ", 1) for line in event.split(b"\n") if b": " in line)
        if b"data" not in fields:
            return ""
        if fields.get(b"event") == b"end":
            self.why = orjson.loads(fields[b"data"])["why"]
        parts = fields[b"id"], fields[b"event"], fields[b"data"]
        return (b'{"id":"%b","event":"%b","data":%b}' % parts).decode()
