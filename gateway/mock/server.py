"""Starting and ending the mock: in a running loop for tests, or as a process of its own."""

from __future__ import annotations

import asyncio
import signal
import ssl
import sys

import uvloop

from gateway.mock.connection import Connection
from gateway.mock.shared import Shared

BACKLOG = 4096


class MockServer:
    """A mock that answers. `url` has no path: an OpenAI client wants `url + "/v1"`."""

    def __init__(self, server: asyncio.Server, shared: Shared, *, scheme: str) -> None:
        self._server = server
        self.shared = shared
        self.host: str = server.sockets[0].getsockname()[0]
        self.port: int = server.sockets[0].getsockname()[1]
        name = f"[{self.host}]" if ":" in self.host else self.host
        self.url = f"{scheme}://{name}:{self.port}"

    async def close(self) -> None:
        """No new connections; those that are open are aborted."""
        self._server.close()
        self.shared.pacer.stop()
        for transport in list(self.shared.transports):
            transport.abort()
        await self.shared.all_gone()
        await self._server.wait_closed()


async def start(host: str, port: int, *, loop: asyncio.AbstractEventLoop | None = None,
                tls: ssl.SSLContext | None = None) -> MockServer:  # fmt: skip
    """A mock on this address (port 0: any free one), with TLS when given a context. Raises `OSError`."""
    loop = loop or asyncio.get_running_loop()
    shared = Shared(loop)
    server = await loop.create_server(lambda: Connection(shared), host, port, backlog=BACKLOG, ssl=tls)
    return MockServer(server, shared, scheme="https" if tls is not None else "http")


def run(listen: str) -> None:
    """Serves on `HOST:PORT` until SIGTERM or SIGINT; prints one line with the URL and one with an example.

    Raises `ValueError` for an address that is none and `OSError` when it cannot be had.
    """
    host, port = read_address(listen)
    uvloop.run(_serve(host, port))


def read_address(listen: str) -> tuple[str, int]:
    """`HOST:PORT` in its parts. Raises `ValueError`."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{listen!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


async def _serve(host: str, port: int) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = await start(host, port)
    example = '{"model":"gpt-4o-mini;chunks=20;pace=50ms","stream":true,"messages":[{"role":"user","content":"Hi"}]}'
    sys.stdout.write(f"Mock providers answer on {server.url}\n")
    sys.stdout.write(f"curl -N {server.url}/v1/chat/completions -d '{example}'\n")
    sys.stdout.flush()
    await ended.wait()
    await server.close()
