"""A small request of our own to a provider, answered as a whole: its list of models, a response it keeps, a count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from gateway.errors import UpstreamError, UpstreamMalformed
from gateway.outbound.wire import Origin, Pool, Request
from gateway.records import Credential, Provider
from gateway.routing.dispatch import NO_CREDENTIAL

from .relay import Relay
from .sink import Headers

FETCH_SECONDS = 5.0
LARGEST_ANSWER = 16 * 1024 * 1024


class Gathered(NamedTuple):
    """A whole answer."""

    status: int
    headers: Headers
    """Names in lower case."""
    body: bytes


class Gathering:
    """The receiver of an answer that is wanted whole."""

    def __init__(self, done: asyncio.Future[Gathered], most_bytes: int) -> None:
        self._done = done
        self._most = most_bytes
        self._status = 0
        self._headers: Headers = []
        self._pieces: list[bytes] = []
        self._size = 0
        self.cancel: Callable[[], None] = _nothing

    def head(self, status: int, headers: Headers) -> None:
        """What kind of answer it is."""
        self._status, self._headers = status, headers

    def body(self, data: bytes) -> None:
        """A piece."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size > self._most:
            self.cancel()
            self.failed(UpstreamMalformed(f"The answer is larger than {self._most} bytes."))

    def end(self) -> None:
        """Complete."""
        if not self._done.done():
            self._done.set_result(Gathered(self._status, self._headers, b"".join(self._pieces)))

    def failed(self, error: UpstreamError) -> None:
        """No answer."""
        if not self._done.done():
            self._done.set_exception(error)


async def gather(pool: Pool, origin: Origin, request: Request, most_bytes: int = LARGEST_ANSWER) -> Gathered:
    """The whole answer to a request, whatever its status. Raises UpstreamError."""
    done: asyncio.Future[Gathered] = asyncio.get_running_loop().create_future()
    gathering = Gathering(done, most_bytes)
    call = pool.send(origin, request, gathering)
    gathering.cancel = call.cancel
    try:
        return await done
    except asyncio.CancelledError:
        call.cancel()
        raise


async def fetch(relay: Relay, provider: Provider, path: str) -> bytes:
    """GET `path` below the provider's base URL with its first credential. Raises UpstreamError."""
    upstream = relay.upstreams[provider.id]
    credential = provider.credentials[0] if provider.credentials else NO_CREDENTIAL
    answer = await gather(relay.pool, upstream.origin, plain_request(relay, provider, credential, "GET", path))
    if answer.status != 200:
        raise UpstreamError(f"The provider answered {answer.status}.")
    return answer.body


def plain_request(relay: Relay, provider: Provider, credential: Credential, method: str, path: str) -> Request:
    """A request without a body to a provider."""
    head = relay.upstreams[provider.id].composer.compose_plain(method, path, credential)
    return Request(method.encode(), head, b"", FETCH_SECONDS, FETCH_SECONDS)


def _nothing() -> None:
    """Nothing to cancel yet."""
