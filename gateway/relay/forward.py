"""Forwards what is not inference to the control process over its Unix socket: pages, the API, live events."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from gateway.errors import ControlUnavailable, UpstreamError
from gateway.outbound.wire import Call, Origin, Pool, Receiver, Request

from .compose import OURS
from .sink import Headers, Message, Receive, Send, Sink, Watch

HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"content-length",
        b"expect",
        b"keep-alive",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)

HEARSAY = frozenset((b"forwarded", b"x-real-ip"))
HEARSAY_PREFIX = b"x-forwarded-"
"""Said by a proxy in front, or made up by a client: the worker has judged it, and passes on what it believes."""

FORWARDED = b"x-sluicegate-forwarded: 1\r\n"
"""Tells the control process that the request came from outside."""

WINDOW_BYTES = 256 * 1024
FIRST_BYTE_SECONDS = 60.0
IDLE_SECONDS = 3600.0
"""Live pages may be silent for long; their heartbeats are the control process's business."""

STALL_SECONDS = 120.0
"""How long a client may take nothing of an answer that goes on."""


class Forward:
    """The control process, as the workers see it."""

    def __init__(self, pool: Pool, loop: asyncio.AbstractEventLoop, socket_path: str) -> None:
        self.pool = pool
        self._loop = loop
        self._origin = Origin("unix", socket_path, 0)

    async def serve(self, scope: Message, receive: Receive, send: Send, *, body: bytes, known: Headers) -> None:
        """Pass one request on, with what is `known` of it, and its answer back. Raises ControlUnavailable when there is
        none.
        """
        crossing = Crossing(Sink(send, WINDOW_BYTES), self._loop.create_future())
        crossing.call = self.ask(scope, crossing, body=body, known=known)
        watch = Watch(receive, crossing.give_up)
        watch.begin()
        try:
            await crossing.done
        finally:
            watch.end()

    def ask(self, scope: Message, receiver: Receiver, *, body: bytes = b"", known: Headers) -> Call:
        """The same, with somebody else to hear the answer."""
        head = request_head(scope, len(body), known)
        request = Request(scope["method"].encode(), head, body, FIRST_BYTE_SECONDS, IDLE_SECONDS, as_coded=True)
        return self.pool.send(self._origin, request, receiver)


class Crossing:
    """The receiver of one forwarded request."""

    __slots__ = ("_watching", "call", "done", "sink")

    def __init__(self, sink: Sink, done: asyncio.Future[None]) -> None:
        self.sink = sink
        self.done = done
        self._watching: asyncio.TimerHandle | None = None
        self.call: Call | None = None
        sink.on_drained = self._finish

    def head(self, status: int, headers: Headers) -> None:
        """The head goes out without what belongs to the hop."""
        kept = [header for header in headers if header[0] not in HOP_BY_HOP or header[0] == b"content-length"]
        self.sink.start(status, kept)
        if self.call is not None:
            self.sink.on_room = self.call.resume

    def body(self, data: bytes) -> None:
        """Pieces go out as they come."""
        if not self.sink.write(data) and self.call is not None:
            self.call.pause()
            if self._watching is None:
                self._watch(STALL_SECONDS)

    def end(self) -> None:
        """Complete."""
        self.sink.finish()

    def failed(self, error: UpstreamError) -> None:
        """Before the head there is still something to say; after it the answer stays visibly unfinished."""
        if self.sink.started:
            self.give_up()
        elif not self.done.done():
            self.done.set_exception(ControlUnavailable("The dashboard is not available at the moment; inference is."))

    def give_up(self) -> None:
        """The client has left."""
        self.sink.forget()
        if self.call is not None:
            self.call.cancel()
        self._finish()

    def _watch(self, seconds: float) -> None:
        self._watching = self.done.get_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        """The client was behind: give it up, if it took nothing all the time since."""
        self._watching = None
        since = self.sink.blocked_since
        if since is None:
            return
        left = since + STALL_SECONDS - self.done.get_loop().time()
        if left > 0:
            self._watch(left)
        else:
            self.give_up()

    def _finish(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        if not self.done.done():
            self.done.set_result(None)


def request_head(scope: Message, length: int, known: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The head for the control process: what is known, and the client's own, less the hop's and whatever it claims in
    our name or that of a proxy.
    """
    target: bytes = scope["raw_path"]
    if scope["query_string"]:
        target += b"?" + scope["query_string"]
    lines = [
        b"%b: %b\r\n" % (name, value)
        for name, value in scope["headers"]
        if name not in HOP_BY_HOP and name not in HEARSAY and not name.startswith((OURS, HEARSAY_PREFIX))
    ]
    lines.append(FORWARDED)
    lines += [b"%b: %b\r\n" % header for header in known]
    lines.append(b"content-length: %d\r\n\r\n" % length)
    return b"%b %b HTTP/1.1\r\n%b" % (scope["method"].encode(), target, b"".join(lines))
