"""A web server that is told of alerts, on a socket: it keeps what it hears, and answers as the test says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from tests.gateway.outbound.peers import Peer, Provider, provider

T = TypeVar("T")

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass
class Told:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> Any:
        return orjson.loads(self.body)

    @property
    def events(self) -> list[str]:
        return [alert["event"] for alert in self.fields["alerts"]]


@dataclass
class Hook:
    """What was told, and what is answered."""

    answer: bytes = NO_CONTENT
    is_silent: bool = False
    held: asyncio.Event | None = None
    """Nobody is answered until this is set."""
    told: list[Told] = field(default_factory=list)
    at: Provider = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.at.port}/hook/canary-in-a-path"

    async def hear(self, peer: Peer) -> None:
        head, _, body = (await peer.request()).partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        self.told.append(Told(first.split(" ")[1], headers, body))
        if self.is_silent:
            await asyncio.Event().wait()
        if self.held is not None:
            await self.held.wait()
        await peer.send(self.answer)


@asynccontextmanager
async def hook(answer: bytes = NO_CONTENT, *, is_silent: bool = False) -> AsyncIterator[Hook]:
    """One that listens until the end of the block."""
    made = Hook(answer, is_silent)
    async with provider(made.hear) as there:
        made.at = there
        yield made


@contextmanager
def aside(server: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """A server in a thread of its own, for tests that wait for others without an event loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        made = asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
        try:
            yield made
        finally:
            asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
