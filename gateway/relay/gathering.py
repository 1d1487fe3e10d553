"""An answer that is wanted whole: heard to its end, up to a size. Knows neither whom it is asked of, nor what for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from gateway.errors import UpstreamError, UpstreamMalformed
from gateway.outbound.wire import Origin, Pool, Request

from .sink import Headers

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


def _nothing() -> None:
    """Nothing to cancel yet."""
