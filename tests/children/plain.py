"""The smallest application a child can serve; what it does is asked for in the path.

`/` answers pid, index and names of the client keys, with 503 while draining; `/reload` has the settings read and says
how that went, `/last` how it went the last time; `/origins` says where everything was said; `/slow?2` streams for two
seconds; `/big?9` answers nine bytes; `/nodelay` says whether our end of the connection waits before it sends; `/die`
exits.
TEST_CHILD_FAILS refuses to start, TEST_CHILD_BREAKS raises, TEST_CHILD_DIES dies, TEST_CHILD_LOG is told who stopped.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from gateway import child
from gateway.errors import SettingsError
from gateway.leash import Start
from gateway.settings.model import Settings


class Plain:
    def __init__(self, start: Start) -> None:
        if os.environ.get("TEST_CHILD_FAILS"):
            raise SettingsError("the child does not like it")
        if os.environ.get("TEST_CHILD_BREAKS"):
            raise ZeroDivisionError
        if os.environ.get("TEST_CHILD_DIES"):
            os._exit(7)
        self._start, self._settings = start, start.settings
        self._running, self._draining = 0, False
        self._origins: Mapping[str, str] = start.origins
        self.reloads = child.Reloads()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        status = 503 if self._draining else 200
        if path == "/die":
            os._exit(7)
        if path == "/slow" and not self._draining:
            await self._stream(float(scope["query_string"]), send)
            return
        if path == "/big" and not self._draining:
            await self._answer(send, status, b"x" * int(scope["query_string"]))
            return
        if path == "/reload":
            await self._answer(send, status, msgspec.json.encode(await self.reloads.ask()))
            return
        if path == "/last":
            await self._answer(send, status, msgspec.json.encode(self.reloads.last))
            return
        if path == "/origins":
            await self._answer(send, status, msgspec.json.encode(self._origins))
            return
        if path == "/nodelay":
            await self._answer(send, status, str(all(nodelay(self._start.port))).encode())
            return
        names = ",".join(key.name for key in self._settings.client_keys)
        await self._answer(send, status, f"{os.getpid()} {self._start.index} {names}".encode())

    async def _stream(self, seconds: float, send: Any) -> None:
        self._running += 1
        try:
            headers = [(b"content-type", b"text/event-stream")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            for _ in range(round(seconds * 20)):
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
                await asyncio.sleep(0.05)
            await send({"type": "http.response.body", "body": b"end"})
        finally:
            self._running -= 1

    async def _answer(self, send: Any, status: int, body: bytes) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async def start(self) -> None:
        pass

    def reload(self, settings: Settings, origins: Mapping[str, str]) -> None:
        refused = {"refused", "refused-by-control" if self._start.uds else "refused-by-workers"}
        if any(key.name in refused for key in settings.client_keys):
            raise SettingsError("the child does not like it")
        if any(key.name == "broken" for key in settings.client_keys):
            raise ZeroDivisionError
        self._settings, self._origins = settings, origins

    def begin_drain(self) -> None:
        self._draining = True

    def in_flight(self) -> int:
        return self._running

    async def stop(self) -> None:
        note("control" if self._start.uds else "worker")


def nodelay(port: int) -> list[int]:
    """TCP_NODELAY of every accepted connection."""
    found = []
    for name in [entry.name for entry in Path("/dev/fd").iterdir()]:
        with suppress(OSError), socket.socket(fileno=os.dup(int(name))) as one:
            accepted = one.family == socket.AF_INET and not one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if accepted and one.getsockname()[1] == port:
                found.append(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
    return found


def note(who: str) -> None:
    if log := os.environ.get("TEST_CHILD_LOG"):
        with Path(log).open("a") as file:
            file.write(f"{who} stopped\n")


if __name__ == "__main__":
    child.main(Plain)
