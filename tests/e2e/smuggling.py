"""Requests of which two readers may disagree where they end: a corpus, and what became of each at a server.

In the manner of HTTP Garden (https://github.com/narfindustries/http-garden), after what was published about request
smuggling. Every case is a first request that is odd, and a second one behind it or within it; a provider's ledger tells
which of the two came through.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import h11

from tests.e2e.wire import CHAT, chat_body
from tests.gateway_process import CLIENT_KEY

Verdict = Literal["accepted", "refused", "either"]

PATIENCE_SECONDS = 3.0
"""How long a connection may be silent before it counts as one that waits for more."""

HEAD = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\n"
FIELDS = f"Authorization: Bearer {CLIENT_KEY}\r\nContent-Type: application/json\r\n"


@dataclass(frozen=True, slots=True)
class Case:
    """One payload, with words in braces that `payload` fills in, and what must become of it."""

    name: str
    text: str
    verdict: Verdict

    def payload(self, tag: str) -> bytes:
        """The bytes. `{start}` is everything up to the headers that matter, `{body}` a body of `{length}` bytes,
        `{chunked}` the same in one chunk, `{next}` a whole second request and `{over}` the length up to its end.
        """
        body = chat_body(f"gpt;chunks=1;tag={tag}-first").decode()
        second = chat_body(f"gpt;chunks=1;tag={tag}-second").decode()
        words = {
            "start": HEAD + FIELDS,
            "fields": FIELDS,
            "body": body,
            "length": str(len(body)),
            "size": f"{len(body):x}",
            "chunked": f"{len(body):x}\r\n{body}\r\n0\r\n\r\n",
            "next": f"{HEAD}{FIELDS}Content-Length: {len(second)}\r\n\r\n{second}",
        }
        words["over"] = str(len("0\r\n\r\n" + words["next"]))
        return re.sub(r"\{(\w+)\}", lambda found: words[found[1]], self.text).encode("latin-1")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a server made of a payload."""

    statuses: tuple[int, ...]
    closed: bool
    """It ended the connection, or would not go on with it."""
    first: bool
    """The first request came to the provider."""
    second: bool
    """The second one did."""

    @property
    def verdict(self) -> Verdict:
        """Accepted where both requests were answered; everything else is a refusal, of the second one at least."""
        return "accepted" if self.first and self.second and self.statuses == (200, 200) else "refused"


async def deliver(port: int, payload: bytes, trust: ssl.SSLContext | None = None) -> tuple[tuple[int, ...], bool]:
    """Send a payload over a connection of its own; the statuses that came back, and whether the server closed it."""
    name = "localhost" if trust is not None else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname=name)
    got, closed = b"", False
    try:
        writer.write(payload)
        while not closed:
            async with asyncio.timeout(PATIENCE_SECONDS):
                piece = await reader.read(65536)
            got, closed = got + piece, not piece
    except TimeoutError:
        pass
    except ConnectionError:
        closed = True
    finally:
        writer.transport.abort()
    statuses = tuple(int(status) for status in re.findall(rb"HTTP/1\.[01] ([2-5][0-9]{2})\b", got))
    return statuses, closed


async def judge(
    case: Case, tag: str, port: int, arrived: Callable[[str], bool], *, trust: ssl.SSLContext | None = None
) -> Outcome:
    """What a server makes of a case; `arrived` tells of a tag whether its request came to the provider."""
    statuses, closed = await deliver(port, case.payload(tag), trust)
    first, second = await asyncio.to_thread(lambda: (arrived(f"{tag}-first"), arrived(f"{tag}-second")))
    return Outcome(statuses, closed, first, second)


def oracle(payload: bytes) -> Verdict:
    """What h11 says: accepted where it reads two requests with JSON bodies."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(payload)
    bodies: list[bytes] = []
    try:
        for _ in range(2):
            bodies.append(_read(connection))
            connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
            connection.send(h11.EndOfMessage())
            connection.start_next_cycle()
        return "accepted" if all(json.loads(body) for body in bodies) else "refused"
    except (h11.ProtocolError, ValueError):
        return "refused"


def _read(connection: h11.Connection) -> bytes:
    """The body of the next request; ValueError where there is none."""
    body = b""
    while True:
        match connection.next_event():
            case h11.Data(data=data):
                body += data
            case h11.EndOfMessage():
                return body
            case h11.Request():
                continue
            case other:
                raise ValueError(f"no request: {other}")
