"""The two ends of a test: a provider that sends the bytes it is told, and a receiver that writes down what it hears.

The provider runs in the test's own event loop on a real socket.
"""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import UpstreamError
from gateway.outbound.wire import Call, Origin, Pool, Request

Headers = list[tuple[bytes, bytes]]
OK = b"HTTP/1.1 200 OK\r\n"
HELLO = OK + b"Content-Length: 5\r\n\r\nhello"


class Peer:
    """One connection that a provider has accepted."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.requests: list[bytes] = []
        self.over = asyncio.Event()

    async def request(self) -> bytes:
        """The next request with its body; IncompleteReadError when the client is gone."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        body = await self.reader.readexactly(int(length[1])) if length else b""
        self.requests.append(head + body)
        return head + body

    async def send(self, data: bytes, *, cuts: list[int] | None = None) -> None:
        """Send, cut after the given numbers of bytes, each part seen alone by the other side as far as that can be."""
        for start, end in zip([0, *(cuts or [])], [*(cuts or []), len(data)], strict=True):
            self.writer.write(data[start:end])
            await self.writer.drain()
            if cuts:
                await asyncio.sleep(0)

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    async def gone(self, seconds: float) -> float:
        """Wait until the client has closed; the seconds that took. TimeoutError when it has not."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                while await self.reader.read(65536):
                    pass
        except ConnectionError:
            pass
        return time.monotonic() - started

    async def ended(self, seconds: float) -> float:
        """Wait until the script has ended, as it does when the client is gone; the seconds that took."""
        started = time.monotonic()
        await asyncio.wait_for(self.over.wait(), seconds)
        return time.monotonic() - started


Script = Callable[[Peer], Awaitable[None]]


class Provider:
    """A listening provider. `script` is run for each connection, which is closed when the script ends."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.peers: list[Peer] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def origin(self) -> Origin:
        return Origin("http", "127.0.0.1", self.port)

    @property
    def requests(self) -> list[bytes]:
        return [request for peer in self.peers for request in peer.requests]

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        self.peers.append(peer)
        task = asyncio.create_task(self._run(peer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _run(self, peer: Peer) -> None:
        try:
            await self.script(peer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            peer.over.set()
            peer.writer.close()


@asynccontextmanager
async def provider(
    script: Script, *, context: ssl.SSLContext | None = None, path: str = "", host: str = "127.0.0.1"
) -> AsyncIterator[Provider]:
    """A provider on a free port, or on a Unix socket."""
    made = Provider(script)
    if path:
        server = await asyncio.start_unix_server(made.accept, path)
    else:
        server = await asyncio.start_server(made.accept, host, 0, ssl=context, backlog=512)
        made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for task in list(made.tasks):
            task.cancel()
        await asyncio.gather(*made.tasks, return_exceptions=True)
        for peer in made.peers:
            peer.writer.close()


def answering(data: bytes, *, cuts: list[int] | None = None, then_close: bool = False) -> Script:
    """Answers every request on a connection with the same bytes."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(data, cuts=cuts)
            if then_close:
                return

    return script


@dataclass
class Heard:
    """A receiver. `over` is set by `end` and `failed`."""

    status: int = 0
    headers: Headers = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    ends: int = 0
    errors: list[UpstreamError] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    on_head: Callable[[Call], object] | None = None
    on_body: Callable[[Call], object] | None = None
    on_end: Callable[[Call], object] | None = None
    call: Call = field(init=False)

    def head(self, status: int, headers: Headers) -> None:
        assert not self.status
        assert not self.over.is_set()
        self.status, self.headers = status, headers
        self.begun.set()
        if self.on_head:
            self.on_head(self.call)

    def body(self, data: bytes) -> None:
        assert data
        assert self.status
        assert not self.over.is_set()
        self.pieces.append(data)
        if self.on_body:
            self.on_body(self.call)

    def end(self) -> None:
        assert self.status
        self.ends += 1
        self.over.set()
        if self.on_end:
            self.on_end(self.call)

    def failed(self, error: UpstreamError) -> None:
        self.errors.append(error)
        self.over.set()

    @property
    def text(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def size(self) -> int:
        return sum(len(piece) for piece in self.pieces)

    @property
    def error(self) -> UpstreamError:
        assert len(self.errors) == 1
        assert self.ends == 0
        return self.errors[0]

    @property
    def outcome(self) -> tuple[int, Headers, bytes, int, list[type[UpstreamError]]]:
        """What was heard, however it was cut."""
        return self.status, self.headers, self.text, self.ends, [type(error) for error in self.errors]


def request(
    body: bytes = b"", *, method: bytes = b"POST", first_byte_timeout: float = 5.0, idle_timeout: float = 5.0
) -> Request:
    """A small request."""
    head = method + b" /v1/echo HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % len(body)
    return Request(method, head, body, first_byte_timeout, idle_timeout)


def send(pool: Pool, origin: Origin, heard: Heard, message: Request | None = None) -> Call:
    """Send a request whose answer goes to `heard`."""
    heard.call = pool.send(origin, message or request(), heard)
    return heard.call


async def ask(pool: Pool, origin: Origin, message: Request | None = None) -> tuple[Call, Heard]:
    """Send a request and wait for the end."""
    heard = Heard()
    call = send(pool, origin, heard, message)
    await finish(heard)
    return call, heard


async def finish(heard: Heard, seconds: float = 10) -> None:
    """Wait for the end."""
    async with asyncio.timeout(seconds):
        await heard.over.wait()
    assert heard.ends + len(heard.errors) == 1


def descriptors() -> int:
    """Open file descriptors of this process. What tests before this one left behind is not counted: it would be closed
    at some time later."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))
