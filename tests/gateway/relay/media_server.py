"""A server of pictures for tests: real sockets in the test's own loop, an answer for each path."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gateway.formats.neutral import Source
from gateway.relay.media import MediaFetcher
from gateway.settings.model import MediaSettings, Settings, UpstreamSettings
from tests.gateway.outbound.peers import Peer, Provider, provider

PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
JPEG = b"\xff\xd8\xff\xe0" + b"photograph"
PDF = b"%PDF-1.7\npages"

Answer = bytes | Callable[[Peer], Awaitable[None]]


@dataclass
class MediaServer:
    """Whatever is asked for by its path; what was asked for is in `heads`, oldest first."""

    answers: dict[str, Answer] = field(default_factory=dict)
    heads: list[bytes] = field(default_factory=list)
    listening: Provider = field(init=False)

    @property
    def paths(self) -> list[str]:
        return [head.split(b" ")[1].decode() for head in self.heads]

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.listening.port}{path}"

    async def serve(self, peer: Peer) -> None:
        while True:
            head = await peer.request()
            self.heads.append(head)
            answer = self.answers[head.split(b" ")[1].decode().partition("?")[0]]
            if isinstance(answer, bytes):
                await peer.send(answer)
            else:
                await answer(peer)

    def gone(self) -> Awaitable[object]:
        """Until every client has closed its connection; TimeoutError when one does not."""
        return asyncio.gather(*(peer.ended(5) for peer in self.listening.peers))


@asynccontextmanager
async def serving(**answers: Answer) -> AsyncIterator[MediaServer]:
    """A server with an answer for each of these names, as a path."""
    server = MediaServer({f"/{name}": answer for name, answer in answers.items()})
    async with provider(server.serve) as server.listening:
        yield server


def ok(body: bytes, media_type: str = "image/png", more: str = "") -> bytes:
    """An answer with content."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ncontent-length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


def moved(location: str, status: int = 302) -> bytes:
    """An answer that sends on."""
    return f"HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n".encode()


def fetcher(
    *, allow: tuple[str, ...] = ("127.0.0.1",), proxy: str = "none", ca_file: str = "", **limits: object
) -> MediaFetcher:
    """A fetcher that may reach the server."""
    media = MediaSettings(allow=allow, **limits)  # type: ignore[arg-type]
    return MediaFetcher(
        Settings(media=media, upstream=UpstreamSettings(proxy=proxy, ca_file=ca_file)), "sluicegate/test"
    )


def source(body: bytes, media_type: str = "image/png") -> Source:
    """Content as a prompt holds it."""
    return Source("base64", base64.b64encode(body).decode(), media_type)
