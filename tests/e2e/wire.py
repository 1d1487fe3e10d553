"""A client that hides nothing: requests are the bytes a test writes, answers come piece by piece as they arrive."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from tests.gateway_process import CLIENT_KEY

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]

OF_TRANSPORT = {"split", "byte", "gzip", "eof", "chunkext", "trailers", "interim", "close", "usage=late"}
"""Behaviours of the mock that change how an answer comes, not what it says."""

Headers = list[tuple[str, str]]


def chat_body(model: str, *, stream: bool = False, **more: object) -> bytes:
    """A chat request; a model without provider is the mock's."""
    name = model if "/" in model else f"mock/{model}"
    return json.dumps({"model": name, "messages": HELLO, "stream": stream, **more}).encode()


def request(
    method: str,
    path: str,
    body: bytes = b"",
    *,
    key: str | None = CLIENT_KEY,
    headers: Mapping[str, str] = MappingProxyType({}),
    **named: str,
) -> bytes:
    """A whole request. Headers may be `named`, with underscores; one with an empty value is left out."""
    fields = {"host": "gateway.test", "content-type": "application/json", "content-length": str(len(body))}
    if key:
        fields["authorization"] = f"Bearer {key}"
    fields |= {**headers} | {name.replace("_", "-"): value for name, value in named.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def chat(model: str, *, stream: bool = False, **more: object) -> bytes:
    """A whole chat request."""
    return request("POST", CHAT, chat_body(model, stream=stream, **more))


@dataclass(frozen=True, slots=True)
class Head:
    """The head of an answer; header names are lower-case."""

    status: int
    headers: Headers

    def header(self, name: str) -> str | None:
        """The one value of a header; None when there is none."""
        values = [value for said, value in self.headers if said == name]
        assert len(values) < 2, f"{name} more than once: {values}"
        return values[0] if values else None

    @property
    def names(self) -> set[str]:
        """Which headers there are."""
        return {name for name, _ in self.headers}


@dataclass(frozen=True, slots=True)
class Answer(Head):
    """A whole answer."""

    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error object of OpenAI's shape."""
        fields = self.json()
        assert list(fields) == ["error"], fields
        assert set(fields["error"]) == {"message", "type", "param", "code"}, fields
        found: dict[str, Any] = fields["error"]
        return found


class Cut(Exception):
    """The connection ended before the answer did; what came is kept."""

    def __init__(self, received: bytes) -> None:
        super().__init__(f"cut after {len(received)} bytes: {received[-200:]!r}")
        self.received = received


class Wire:
    """One connection to a gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        """Write these bytes."""
        self.writer.write(data)

    async def head(self) -> Head:
        """The next head. Raises `Cut`."""
        try:
            first, *lines = (await self.reader.readuntil(b"\r\n\r\n"))[:-4].decode("latin-1").split("\r\n")
        except asyncio.IncompleteReadError as cut:
            raise Cut(cut.partial) from None
        fields = (line.partition(":") for line in lines)
        return Head(int(first.split()[1]), [(name.lower(), value.strip()) for name, _, value in fields])

    async def pieces(self, head: Head, *, method: str = "POST") -> AsyncIterator[bytes]:
        """The body that follows `head`, as it comes. Raises `Cut`."""
        if method == "HEAD" or head.status in (204, 304) or head.status < 200:
            return
        try:
            async for piece in self._chunks() if head.header("transfer-encoding") else self._plain(head):
                yield piece
        except (asyncio.IncompleteReadError, ConnectionResetError):
            raise Cut(b"") from None

    async def answer(self, *, method: str = "POST") -> Answer:
        """The next answer as a whole. Raises `Cut` with what came of its body."""
        head = await self.head()
        body = bytearray()
        try:
            async for piece in self.pieces(head, method=method):
                body += piece
        except Cut:
            raise Cut(bytes(body)) from None
        return Answer(head.status, head.headers, bytes(body))

    async def ask(self, data: bytes, *, method: str = "POST") -> Answer:
        """Send a whole request and take its answer."""
        self.send(data)
        return await self.answer(method=method)

    async def ended(self) -> bool:
        """Whether the peer closes without a byte more."""
        try:
            return not await self.reader.read(1)
        except ConnectionResetError:
            return True

    def abort(self) -> None:
        """Leave at once, with a reset."""
        self.writer.transport.abort()

    def close(self) -> None:
        """Leave as most clients do, with a FIN."""
        self.writer.close()

    async def _plain(self, head: Head) -> AsyncIterator[bytes]:
        length = head.header("content-length")
        assert length is not None, f"neither a length nor chunks: {head}"
        left = int(length)
        while left:
            piece = await self.reader.read(min(left, 65536))
            if not piece:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(piece)
            yield piece

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            piece = await self.reader.readexactly(size + 2)
            yield piece[:-2]
        assert await self.reader.readexactly(2) == b"\r\n"


@asynccontextmanager
async def dialled(port: int) -> AsyncIterator[Wire]:
    """A connection to this port, closed at the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    wire = Wire(reader, writer)
    try:
        yield wire
    finally:
        writer.transport.abort()


async def ask(port: int, data: bytes, *, method: str = "POST") -> Answer:
    """The answer to one request on a connection of its own."""
    async with dialled(port) as wire:
        return await wire.ask(data, method=method)


def connect(port: int, *, receive_buffer: int = 0) -> socket.socket:
    """A plain socket, for tests that must be the ones who read and leave; with a small buffer nothing is read ahead."""
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(10)
    sock.connect(("127.0.0.1", port))
    return sock


def read_until(sock: socket.socket, mark: bytes) -> bytes:
    """What comes, up to the first piece with which `mark` is complete."""
    got = b""
    while mark not in got:
        piece = sock.recv(65536)
        assert piece, f"closed before {mark!r}: {got[-500:]!r}"
        got += piece
    return got


def leave(sock: socket.socket, how: str) -> float:
    """Leave by `fin` or `reset`; the time, monotonic milliseconds, as the mock tells it."""
    if how == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    now = time.monotonic() * 1000
    sock.close()
    return now


def events(body: bytes) -> list[bytes]:
    """The data of the events of a stream, comments left out."""
    blocks = body.replace(b"\r\n", b"\n").split(b"\n\n")
    lines = (
        b"\n".join(line[5:].removeprefix(b" ") for line in block.split(b"\n") if line.startswith(b"data:"))
        for block in blocks
    )
    return [data for data in lines if data]


def content(body: bytes) -> str:
    """The text of a streamed chat answer."""
    said = [json.loads(data) for data in events(body) if data != b"[DONE]"]
    return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in said if chunk.get("choices"))


def comparable(body: bytes) -> bytes:
    """A stream of the mock without comments, and without what differs from request to request."""
    body = re.sub(rb"chatcmpl-[0-9a-f]+", b"ID", re.sub(rb": keep-alive\r?\n\r?\n", b"", body))
    return re.sub(rb'("created":\s*)\d+', rb"\1TIME", body)


async def from_the_mock(port: int, script: str, asked: str, **more: object) -> bytes:
    """What the mock says to this script when asked without a gateway, and without oddities of transport; but for the
    model's name, which is `asked`, as a gateway gives its client back what it asked for."""
    told = ";".join(word for word in script.split(";") if word not in OF_TRANSPORT)
    body = chat_body("x", stream=True, **more).replace(b"mock/x", f"gpt;{told}".encode())
    said = (await ask(port, request("POST", CHAT, body))).body
    named, count = re.subn(rb'("model":\s*)"gpt"', lambda found: found[1] + json.dumps(asked).encode(), said)
    assert count == len([data for data in events(said) if data != b"[DONE]"]), "every chunk names the model once"
    return named
