"""One request over a real connection: what it looks like on the wire, and whether anybody was there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from gateway.seeding.bodies import Question, write
from gateway.traffic.asking import STRANGER, Gateway, ask
from gateway.traffic.turns import Turn
from tests.waiting import auntil

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

HEAD = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"


def turn(*, key: str | None = "ci", leaves_after: float | None = None) -> Turn:
    written = write("messages", Question("smart", "Why?", stream=True))
    return Turn(key, written, "Anthropic/Python 1", ("a=b", "c"), "chunks=3", leaves_after)


class Peer:
    """A server that keeps what it is sent, and answers as it is told."""

    def __init__(self, answer: bytes) -> None:
        self.answer, self.heard, self.left = answer, b"", asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard = await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        await writer.drain()
        if self.answer.endswith(b"more"):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(10**6)
            self.left.set()
        writer.close()


@asynccontextmanager
async def served(peer: Peer) -> AsyncIterator[Gateway]:
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield Gateway(f"http://127.0.0.1:{port}", {"ci": "slg-secret"})


async def test_a_request_is_one_that_a_library_would_send() -> None:
    peer = Peer(HEAD + b"hello")
    async with served(peer) as gateway:
        assert await ask(gateway, turn()) == "answered"
    lines = peer.heard.decode().split("\r\n")
    assert lines[0] == "POST /v1/messages HTTP/1.1"
    headers = dict(line.split(": ", 1) for line in lines[1:] if line)
    assert headers["x-api-key"] == "slg-secret"
    assert headers["user-agent"] == "Anthropic/Python 1"
    assert headers["x-mock"] == "chunks=3"
    assert headers["x-sluicegate-tags"] == "a=b, c"
    assert headers["content-length"] == str(len(turn().written.body))


@pytest.mark.parametrize("key", [None, "nobody"])
async def test_whoever_has_no_key_is_a_stranger(key: str | None) -> None:
    peer = Peer(HEAD)
    async with served(peer) as gateway:
        await ask(gateway, turn(key=key))
    assert f"x-api-key: {STRANGER}\r\n".encode() in peer.heard


async def test_a_client_that_leaves_is_gone_for_the_other_side() -> None:
    peer = Peer(HEAD + b"some, and there is more")
    async with served(peer) as gateway:
        assert await ask(gateway, turn(leaves_after=0.05)) == "answered"
        await auntil(peer.left.is_set)


async def test_nobody_there_is_heard() -> None:
    async with served(Peer(HEAD)) as gateway:
        pass
    assert await ask(gateway, turn()) == "gone"


@pytest.mark.parametrize(
    ("answer", "heard"),
    [
        (b"", "gone"),
        (b'HTTP/1.1 503 Service Unavailable\r\n\r\n{"error":{"code":"draining"}}', "gone"),
        (b'HTTP/1.1 503 Service Unavailable\r\n\r\n{"error":{"code":"all_resting"}}', "answered"),
        (b"HTTP/1.1 429 Too Many Requests\r\n\r\n", "answered"),
    ],
)
async def test_one_that_takes_nothing_any_more_is_as_good_as_gone(answer: bytes, heard: str) -> None:
    async with served(Peer(answer)) as gateway:
        assert await ask(gateway, turn()) == heard
