"""One child on a leash whose other end the test holds."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.leash import LEASH_VARIABLE, Leash, Order, Report, Start, hold_as_supervisor
from gateway.settings.model import Settings
from tests.children.running import ROOT


class Leashed:
    """A process of `tests.children.plain`, and our end of its leash."""

    def __init__(self, process: asyncio.subprocess.Process, leash: Leash[Order, Report]) -> None:
        self.process, self.leash = process, leash
        self.port = 0
        self.writers: list[asyncio.StreamWriter] = []
        """Connections of the test; they stay open for as long as the test lasts."""

    async def start(self, settings: Settings, *, uds: Path | None = None) -> Report | None:
        """Say the first word, with a free port; the child's first report."""
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
            await self.leash.say(Start(settings=settings, port=self.port, uds=str(uds) if uds else None))
            return await self.hear()

    async def hear(self) -> Report | None:
        """The child's next report."""
        return await asyncio.wait_for(self.leash.hear(), 10)

    async def exit_code(self) -> int:
        return await asyncio.wait_for(self.process.wait(), 10)

    async def request(self, target: str, *, path: Path | None = None) -> asyncio.StreamReader:
        """Send a request on a connection of its own; what it answers, head first."""
        if path:
            reader, writer = await asyncio.open_unix_connection(path)
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        self.writers.append(writer)
        return reader


@asynccontextmanager
async def leashed(directory: Path, environ: Mapping[str, str] | None = None) -> AsyncIterator[Leashed]:
    """A child that has heard nothing yet; it is over when the test is."""
    ours, theirs = socket.socketpair()
    with theirs, (directory / "err").open("wb") as err:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.children.plain",
            pass_fds=(theirs.fileno(),),
            env={**os.environ, LEASH_VARIABLE: str(theirs.fileno()), **(environ or {})},
            cwd=ROOT,
            stderr=err,
        )
    child = Leashed(process, await hold_as_supervisor(ours))
    try:
        yield child
    finally:
        child.leash.drop()
        for writer in child.writers:
            writer.close()
        if process.returncode is None:
            process.kill()
        await process.wait()
