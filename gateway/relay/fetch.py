"""A small request of our own to a provider, answered as a whole: its list of models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.errors import UpstreamError, UpstreamMalformed
from gateway.outbound.wire import Request
from gateway.records import Provider
from gateway.routing.dispatch import NO_CREDENTIAL

from .relay import Relay

FETCH_SECONDS = 5.0
LARGEST_ANSWER = 16 * 1024 * 1024


class Gathering:
    """The receiver of an answer that is wanted whole."""

    def __init__(self, done: asyncio.Future[bytes]) -> None:
        self._done = done
        self._status = 0
        self._pieces: list[bytes] = []
        self._size = 0
        self.cancel: Callable[[], None] = _nothing

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """The status counts, the headers do not."""
        self._status = status

    def body(self, data: bytes) -> None:
        """A piece."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size > LARGEST_ANSWER:
            self.cancel()
            self.failed(UpstreamMalformed(f"The answer is larger than {LARGEST_ANSWER} bytes."))

    def end(self) -> None:
        """Complete."""
        if self._status != 200:
            self.failed(UpstreamError(f"The provider answered {self._status}."))
        elif not self._done.done():
            self._done.set_result(b"".join(self._pieces))

    def failed(self, error: UpstreamError) -> None:
        """No answer."""
        if not self._done.done():
            self._done.set_exception(error)


async def fetch(relay: Relay, provider: Provider, path: str) -> bytes:
    """GET `path` below the provider's base URL with its first credential. Raises UpstreamError."""
    upstream = relay.upstreams[provider.id]
    credential = provider.credentials[0] if provider.credentials else NO_CREDENTIAL
    head = upstream.composer.compose_get(path, credential)
    done: asyncio.Future[bytes] = relay.loop.create_future()
    gathering = Gathering(done)
    call = relay.pool.send(upstream.origin, Request(b"GET", head, b"", FETCH_SECONDS, FETCH_SECONDS), gathering)
    gathering.cancel = call.cancel
    try:
        return await done
    except asyncio.CancelledError:
        call.cancel()
        raise


def _nothing() -> None:
    """Nothing to cancel yet."""
