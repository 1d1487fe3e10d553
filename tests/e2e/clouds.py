"""Providers of the catalogue at their own addresses: a proxy that stands for the rest of the world, over TLS.

A gateway that trusts its authority and goes through it asks `api.deepseek.com` and hears what a test says. Everything
runs in a thread with an event loop of its own, so that a whole module can share it.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import trustme

from tests.gateway.outbound.proxies import Reader, Writer, join, listening

T = TypeVar("T")

JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream"}


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    host: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, Any]:
        """The body's object."""
        found: dict[str, Any] = json.loads(self.body)
        return found


Reply = tuple[int, Mapping[str, str], bytes]
Answer = Callable[[Asked], Reply]


def told(fields: Mapping[str, Any], status: int = 200) -> Reply:
    """An answer in JSON."""
    return status, JSON, json.dumps(fields, ensure_ascii=False).encode()


def streamed(*events: Mapping[str, Any], done: bool = True) -> Reply:
    """A stream, of named events where they have a type."""
    lines = [
        (f"event: {each['type']}\n" if "type" in each else "") + f"data: {json.dumps(each, ensure_ascii=False)}\n\n"
        for each in events
    ]
    return 200, EVENTS, "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()


def refused(asked: Asked) -> Reply:
    """Nobody told this host what to say."""
    return told({"error": {"message": f"nobody is at {asked.host}{asked.target}"}}, 404)


@dataclass
class World:
    """All hosts there are. `answers` may be replaced by the test that needs another one."""

    authority: trustme.CA = field(default_factory=trustme.CA)
    answers: dict[str, Answer] = field(default_factory=dict)
    """By host; others say that there is nobody."""
    ports: dict[str, int] = field(default_factory=dict)
    """Servers of their own on this machine, by host."""
    asked: list[Asked] = field(default_factory=list)
    """What `answers` were asked."""
    port: int = 0
    _contexts: dict[str, ssl.SSLContext] = field(default_factory=dict)

    def of(self, host: str) -> list[Asked]:
        """What a host was asked, oldest first."""
        return [each for each in self.asked if each.host == host]

    def settings(self, directory: Path) -> str:
        """The section of a configuration with which a gateway lives in it."""
        file = directory / "authority.pem"
        self.authority.cert_pem.write_to_path(file)
        return f'[upstream]\nca_file = "{file}"\nproxy = "http://127.0.0.1:{self.port}"\n'

    async def serve(self, reader: Reader, writer: Writer) -> None:
        """One connection to the proxy."""
        method, target, *_ = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split(" ")
        assert method == "CONNECT", method
        host = target.rpartition(":")[0]
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.drain()
        await writer.start_tls(self._context(host))
        if host in self.ports:
            await join(reader, writer, self.ports[host])
            return
        while True:
            asked = await _read(host, reader)
            self.asked.append(asked)
            status, headers, body = self.answers.get(host, refused)(asked)
            lines = [f"HTTP/1.1 {status} Said", f"content-length: {len(body)}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            await writer.drain()

    def _context(self, host: str) -> ssl.SSLContext:
        if host not in self._contexts:
            self._contexts[host] = context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.authority.issue_cert(host).configure_cert(context)
        return self._contexts[host]


async def _read(host: str, reader: Reader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    assert headers["host"] == host
    return Asked(host, method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


class Elsewhere:
    """An event loop in a thread of its own, and what runs in it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def enter(self, context: AbstractAsyncContextManager[T]) -> T:
        """Have this run until the end."""
        return asyncio.run_coroutine_threadsafe(self._stack.enter_async_context(context), self._loop).result(10)

    def close(self) -> None:
        """End all of it."""
        asyncio.run_coroutine_threadsafe(self._stack.aclose(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@contextmanager
def world() -> Iterator[tuple[World, Elsewhere]]:
    """A running world, and where further servers can run."""
    found, elsewhere = World(), Elsewhere()
    try:
        found.port = elsewhere.enter(listening(found.serve))
        yield found, elsewhere
    finally:
        elsewhere.close()
