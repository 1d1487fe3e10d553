"""A client on a raw socket. It reads answers with h11, which is not the parser the mock uses."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import h11

MESSAGES = [{"role": "user", "content": "Hi"}]
CHAT = "/v1/chat/completions"


@dataclass
class Answer:
    """One response."""

    status: int
    headers: dict[str, str]
    informational: list[int]
    body: bytes | bytearray = b""
    trailers: dict[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The JSON of each event; the end marker as text."""
        text = self.body.decode().replace("\r\n", "\n")
        blocks = [re.findall(r"^data: ?(.*)$", block, re.MULTILINE) for block in text.split("\n\n")]
        return [data if data == "[DONE]" else json.loads(data) for data in map("\n".join, filter(None, blocks))]

    @property
    def content(self) -> str:
        """What a chat stream says, or a chat reply."""
        if "event-stream" not in self.headers["content-type"]:
            return str(self.json["choices"][0]["message"]["content"])
        deltas = [event["choices"][0]["delta"] for event in self.events if event != "[DONE]" and event.get("choices")]
        return "".join(delta.get("content") or "" for delta in deltas)


def chat(model: str, *, stream: bool = False, **more: Any) -> bytes:
    return json.dumps({"model": model, "messages": MESSAGES, "stream": stream, **more}).encode()


def request(body: bytes, path: str = CHAT, *, method: str = "POST", headers: str = "") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nhost: mock\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


class Peer:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._machine = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)

    async def ask(self, data: bytes, *, method: str = "POST") -> Answer:
        """Sends one request and reads its answer."""
        self.writer.write(data)
        return await self.answer(method)

    async def answer(self, method: str = "POST") -> Answer:
        """The next answer on this connection. Raises `h11.RemoteProtocolError` when it breaks off."""
        if self._machine.our_state is h11.DONE:
            self._machine.start_next_cycle()
        self._machine.send(h11.Request(method=method, target="/", headers=[("host", "mock")]))
        self._machine.send(h11.EndOfMessage())
        informational: list[int] = []
        answer: Answer | None = None
        while True:
            event = self._machine.next_event()
            if event is h11.NEED_DATA:
                self._machine.receive_data(await self.read())
            elif isinstance(event, h11.InformationalResponse):
                informational.append(event.status_code)
            elif isinstance(event, h11.Response):
                headers = {name.decode(): value.decode() for name, value in event.headers}
                answer = Answer(event.status_code, headers, informational, bytearray())
            elif isinstance(event, h11.Data):
                assert answer is not None
                assert isinstance(answer.body, bytearray)
                answer.body.extend(event.data)
            elif isinstance(event, h11.EndOfMessage):
                assert answer is not None
                answer.body = bytes(answer.body)
                answer.trailers = {name.decode(): value.decode() for name, value in event.headers}
                return answer

    async def read(self, seconds: float = 5) -> bytes:
        """Whatever comes next; nothing when the mock has closed."""
        async with asyncio.timeout(seconds):
            return await self.reader.read(65536)

    async def read_all(self) -> bytes:
        """Everything until the mock closes."""
        async with asyncio.timeout(5):
            return await self.reader.read()

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@asynccontextmanager
async def connect(port: int, *, window: int = 0) -> AsyncIterator[Peer]:
    """A connection; with a `window` the kernel holds no more than about so many bytes that were not read."""
    channel = socket.socket()
    channel.setblocking(False)
    if window:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    await asyncio.get_running_loop().sock_connect(channel, ("127.0.0.1", port))
    peer = Peer(*await asyncio.open_connection(sock=channel))
    try:
        yield peer
    finally:
        await peer.close()


async def ask(port: int, data: bytes, *, method: str = "POST") -> Answer:
    """One request on a connection of its own."""
    async with connect(port) as peer:
        return await peer.ask(data, method=method)
