"""Real proxies on loopback: HTTP with CONNECT and absolute URLs, and SOCKS5. They write down what they are asked for.

Whatever name they are asked for, they connect to 127.0.0.1 with the port asked for.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

Asked: TypeAlias = list[str]
Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter


class HttpProxy:
    """An HTTP proxy, which keeps connections open. `refusal` is sent to every CONNECT instead of a tunnel."""

    def __init__(self, credentials: str, refusal: bytes) -> None:
        self.port = 0
        self.asked: Asked = []
        self.heads: list[bytes] = []
        self._credentials = credentials
        self._refusal = refusal

    async def serve(self, reader: Reader, writer: Writer) -> None:
        head = await self._hear(reader, writer)
        if head is None:
            return
        if not head.startswith(b"CONNECT "):
            await self._forward(reader, writer, head)
            return
        writer.write(self._refusal or b"HTTP/1.1 200 Connection established\r\n\r\n")
        if not self._refusal:
            await join(reader, writer, _port(_target(head)))

    async def _hear(self, reader: Reader, writer: Writer) -> bytes | None:
        """The head of the next request; None where it shows other credentials than ours."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        if self._credentials and f"proxy-authorization: Basic {self._credentials}".encode() not in head:
            writer.write(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
            return None
        self.asked.append(f"{head.partition(b' ')[0].decode()} {_target(head).decode()}")
        return head

    async def _forward(self, reader: Reader, writer: Writer, first: bytes) -> None:
        """Hand on one request after another to whom the first of them names, each with its path alone."""
        origin = b"/".join(_target(first).split(b"/")[:3])
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", _port(origin))
        answers = asyncio.create_task(carry(far_reader, writer))
        head: bytes | None = first
        try:
            while head is not None:
                length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
                far_writer.write(head.replace(origin, b"", 1))
                far_writer.write(await reader.readexactly(int(length[1]) if length else 0))
                head = await self._hear(reader, writer)
        finally:
            far_writer.close()
            answers.cancel()


def _target(head: bytes) -> bytes:
    return head.split(b" ", 2)[1]


def _port(authority: bytes) -> int:
    return int(authority.rpartition(b":")[2])


class SocksProxy:
    """A SOCKS5 proxy; `credentials` are `name:password` or nothing. `reply` other than 0 is a refusal."""

    def __init__(self, credentials: str, reply: int) -> None:
        self.port = 0
        self.asked: Asked = []
        self._credentials = credentials
        self._reply = reply

    async def serve(self, reader: Reader, writer: Writer) -> None:
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        method = 2 if self._credentials else 0
        writer.write(bytes([5, method if method in methods else 255]))
        if method not in methods or (method == 2 and not await self._admits(reader, writer)):
            return
        _, _, _, kind = await reader.readexactly(4)
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = str(ipaddress.ip_address(await reader.readexactly(4 if kind == 1 else 16)))
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append(f"{host}:{port}")
        writer.write(bytes([5, self._reply, 0, 1, 0, 0, 0, 0, 0, 0]))
        if not self._reply:
            await join(reader, writer, port)

    async def _admits(self, reader: Reader, writer: Writer) -> bool:
        name = await reader.readexactly((await reader.readexactly(2))[1])
        password = await reader.readexactly((await reader.readexactly(1))[0])
        right = f"{name.decode()}:{password.decode()}" == self._credentials
        writer.write(bytes([1, 0 if right else 1]))
        return right


async def join(reader: Reader, writer: Writer, port: int) -> None:
    """Carry bytes both ways between a client and 127.0.0.1 until either ends."""
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer), return_exceptions=True)


async def carry(reader: Reader, writer: Writer) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def http_proxy(
    *, credentials: str = "", refusal: bytes = b"", context: ssl.SSLContext | None = None
) -> AsyncIterator[HttpProxy]:
    """A running HTTP proxy; `credentials` in base64; with `context` it is reached over TLS."""
    proxy = HttpProxy(credentials, refusal)
    async with listening(proxy.serve, context) as proxy.port:
        yield proxy


@asynccontextmanager
async def socks_proxy(*, credentials: str = "", reply: int = 0) -> AsyncIterator[SocksProxy]:
    """A running SOCKS5 proxy."""
    proxy = SocksProxy(credentials, reply)
    async with listening(proxy.serve) as proxy.port:
        yield proxy


@asynccontextmanager
async def listening(
    serve: Callable[[Reader, Writer], Awaitable[None]], context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A server on a free port, each connection closed when `serve` returns."""
    tasks: set[asyncio.Task[None]] = set()
    writers: list[Writer] = []

    async def run(reader: Reader, writer: Writer) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def accept(reader: Reader, writer: Writer) -> None:
        writers.append(writer)
        tasks.add(asyncio.create_task(run(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.close()
