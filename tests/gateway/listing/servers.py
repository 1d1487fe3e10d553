"""A provider that answers what a table says, over a real socket, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson

Answer = tuple[int, bytes]


def listing(*models: str, **more: Any) -> Answer:
    """A list in OpenAI's shape."""
    return 200, orjson.dumps({"object": "list", "data": [{"id": model} for model in models], **more})


class Served:
    """What it answers, by target; `*` for any other. `asked` are targets, `heads` whole requests."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []
        self.heads: list[str] = []
        self.url = ""
        self._open: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        self._open.append(writer)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        target = head.split()[1]
        self.asked.append(target)
        self.heads.append(head.lower())
        status, body = self.answers.get(target) or self.answers.get("*") or (404, b"{}")
        head_sent = b"HTTP/1.1 %d Said\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % (status, len(body))
        writer.write(head_sent + body)
        writer.close()

    async def end(self) -> None:
        """Until every connection is closed."""
        await asyncio.gather(*(writer.wait_closed() for writer in self._open), return_exceptions=True)


@asynccontextmanager
async def serving(answers: Mapping[str, Answer]) -> AsyncIterator[Served]:
    """It runs within this."""
    said = Served(answers)
    server = await asyncio.start_server(said.serve, "127.0.0.1", 0)
    said.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield said
    finally:
        server.close()
        await said.end()
        await server.wait_closed()
