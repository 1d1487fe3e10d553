"""One GET of something to put into a prompt, given up at the first sign that it is of no use: status, type, size.

Follows nothing and knows no URLs; the connections are whose pool it is handed.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from gateway.errors import UpstreamError, UpstreamForbidden
from gateway.outbound.guard import Place
from gateway.outbound.wire import Call, Pool, Request

from .media_types import Content, NotWanted, SaidType, judge, read_type
from .sink import Headers

MOVED = frozenset({301, 302, 303, 307, 308})
NO_CODING = frozenset({b"", b"identity"})

HEAD = (
    b"GET %b HTTP/1.1\r\nhost: %b\r\nuser-agent: %b\r\n"
    b"accept: image/jpeg, image/png, image/gif, image/webp, application/pdf, text/*, */*;q=0.1\r\n"
    b"accept-encoding: identity\r\n\r\n"
)
"""No cookies, no credentials, and nothing of the client's."""


class Useless(Exception):
    """There is no content to be had; `str()` says why, as the end of a sentence."""


class Found(NamedTuple):
    """Content."""

    content: Content
    may_be_kept: bool
    """Whether its server lets it be kept for the next request."""


class Elsewhere(NamedTuple):
    """It is somewhere else."""

    location: str


Outcome = Found | Elsewhere | Useless


async def download(pool: Pool, place: Place, user_agent: str, *, most_bytes: int, seconds: float) -> Found | Elsewhere:
    """What is at a place. Raises Useless. Whoever cancels this closes the socket."""
    head = HEAD % (place.target.encode(), place.origin.authority, user_agent.encode())
    done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    receiver = _Download(done, most_bytes)
    receiver.call = pool.send(place.origin, Request(b"GET", head, b"", seconds, seconds), receiver)
    try:
        outcome = await done
    except asyncio.CancelledError:
        receiver.call.cancel()
        raise
    if isinstance(outcome, Useless):
        raise outcome
    return outcome


class _Download:
    """The receiver of an answer that may be of use."""

    call: Call

    def __init__(self, done: asyncio.Future[Outcome], most_bytes: int) -> None:
        self._done = done
        self._most = most_bytes
        self._said = SaidType("")
        self._may_be_kept = True
        self._body = bytearray()

    def head(self, status: int, headers: Headers) -> None:
        named = dict(headers)
        if status in MOVED and named.get(b"location"):
            self._finish(Elsewhere(named[b"location"].decode("latin-1")))
        elif status != 200:
            self._give_up(f"the answer was {status}")
        elif named.get(b"content-encoding", b"").lower() not in NO_CODING:
            self._give_up("it comes in a coding that was not asked for")
        else:
            self._expect(named)

    def body(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > self._most:
            self._give_up(self._too_large())

    def end(self) -> None:
        try:
            self._finish(Found(judge(self._said, bytes(self._body)), self._may_be_kept))
        except NotWanted as error:
            self._give_up(str(error))

    def failed(self, error: UpstreamError) -> None:
        if isinstance(error, UpstreamForbidden):  # in the words of who sends prompts, not of who sets the gateway up
            self._give_up(f"the address of {error.host} is not one that may be fetched from")
        else:
            self._give_up(error.message)

    def _expect(self, named: dict[bytes, bytes]) -> None:
        length = named.get(b"content-length", b"")
        self._may_be_kept = b"no-store" not in named.get(b"cache-control", b"").lower()
        try:
            self._said = read_type(named.get(b"content-type", b""))
        except NotWanted as error:
            self._give_up(str(error))
        else:
            if length.isdigit() and int(length[:20]) > self._most:
                self._give_up(self._too_large())

    def _too_large(self) -> str:
        return f"it is larger than {self._most} bytes"

    def _give_up(self, cause: str) -> None:
        self._finish(Useless(cause))

    def _finish(self, outcome: Outcome) -> None:
        self.call.cancel()  # of no effect on an answer that is complete
        if not self._done.done():
            self._done.set_result(outcome)
