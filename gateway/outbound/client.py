"""httpx on the same connections: for what is not hot (logins, registries, tests of credentials), in the words of httpx.

The only module that imports httpx. Bodies of requests are sent as a whole; bodies of answers stream, and a slow reader
makes the provider wait.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, NamedTuple

import httpx

from gateway.errors import UpstreamClosed, UpstreamError, UpstreamMalformed, UpstreamTimeout, UpstreamUnreachable

from .proxy import resolve_proxy
from .wire import Call, Origin, Pool, Request

WINDOW_BYTES = 256 * 1024
UNSENDABLE = re.compile(rb"[\r\n\x00]")
BODY_EXPECTED = frozenset((b"POST", b"PUT", b"PATCH"))
FRAMING = frozenset((b"content-length", b"transfer-encoding"))


def client(pool: Pool, *, proxy: str = "", guarded: bool = False, **options: Any) -> httpx.AsyncClient:
    """An httpx client on a pool. `proxy` as in the settings; `options` are those of `httpx.AsyncClient`.

    `guarded` is for addresses that the configuration file does not say: every connection is judged by the pool's
    `permit`, that of a redirect too, and httpx follows none unless told to. What is refused is httpx.ConnectError.
    """
    transport = PoolTransport(pool, proxy=proxy, guarded=guarded)
    return httpx.AsyncClient(transport=transport, **{"trust_env": False, **options})


class Fetched(NamedTuple):
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    """Names are found whatever their case."""
    body: bytes


class Streamed(NamedTuple):
    """An answer that is coming in."""

    status: int
    headers: Mapping[str, str]
    """Names are found whatever their case."""
    parts: AsyncIterator[bytes]
    """Its bytes as they come. Raises UpstreamMalformed where there are too many."""


class Fetcher:
    """Small answers as a whole, each within the same limits. Redirects are not followed, cookies are not kept."""

    def __init__(
        self,
        pool: Pool,
        *,
        proxy: str = "",
        guarded: bool = False,
        most_bytes: int = 256 * 1024,
        seconds: float = 10.0,
    ) -> None:
        """`proxy` and `guarded` as for `client`; `seconds` limit all of it, from the look-up to the last byte."""
        forgetful = CookieJar(DefaultCookiePolicy(allowed_domains=()))
        self._client = client(pool, proxy=proxy, guarded=guarded, cookies=forgetful, timeout=None)
        self._most = most_bytes
        self._seconds = seconds

    async def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Fetched:
        """The answer, whatever its status. Raises UpstreamError."""
        async with self._asked(method, url, headers, body) as answer:
            return Fetched(answer.status_code, answer.headers, await self._read(answer))

    @asynccontextmanager
    async def streamed(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> AsyncIterator[Streamed]:
        """The answer as it comes, whatever its status; leaving the block before its end closes the connection. Raises
        UpstreamError."""
        async with self._asked(method, url, headers, body) as answer:
            yield Streamed(answer.status_code, answer.headers, self._parts(answer))

    async def tell(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status of the answer to a POST; whatever else it says is left unread. Raises UpstreamError."""
        async with self._asked("POST", url, headers, body) as answer:
            return answer.status_code

    @asynccontextmanager
    async def _asked(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> AsyncIterator[httpx.Response]:
        headers = {**headers, "accept-encoding": "identity"}
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._client.stream(method, url, headers=headers, content=body, follow_redirects=False) as answer,
            ):
                yield answer
        except (TimeoutError, httpx.TimeoutException):
            raise UpstreamTimeout(f"No answer within {self._seconds:g} seconds.") from None
        except httpx.ConnectError as error:
            raise UpstreamUnreachable(str(error)) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UpstreamMalformed(str(error)) from None

    async def _read(self, answer: httpx.Response) -> bytes:
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise UpstreamMalformed("The answer is compressed, though nobody asked for that.")
        return b"".join([piece async for piece in self._parts(answer)])

    async def _parts(self, answer: httpx.Response) -> AsyncIterator[bytes]:
        size = 0
        async for piece in answer.aiter_raw():
            size += len(piece)
            if size > self._most:
                raise UpstreamMalformed(f"The answer is larger than {self._most} bytes.")
            yield piece


class PoolTransport(httpx.AsyncBaseTransport):
    """Sends httpx's requests through a `Pool`, which it does not close.

    The timeouts `connect` and `pool` of httpx both limit the wait for a connection and can only shorten the pool's own.
    """

    def __init__(self, pool: Pool, *, proxy: str = "", origin: Origin | None = None, guarded: bool = False) -> None:
        """`proxy` as in the settings; `origin` sends everything to one place, such as a Unix socket, as it is."""
        self._pool = pool
        self._proxy = proxy
        self._origin = origin
        self._guarded = guarded
        self._origins: dict[tuple[str, str, int | None], Origin] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The response as soon as its head is there; httpx's exceptions when there is none."""
        body = await request.aread()
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        silence = _seconds(timeouts.get("read"))
        message = Request(request.method.encode(), _compose(request, body), body, silence, silence)
        reply = _Reply(request)
        call = reply.call = self._pool.send(self._origin or self._find(request.url), message, reply)
        patience = min(_seconds(timeouts.get("connect")), _seconds(timeouts.get("pool")))
        timer = None if patience == math.inf else reply.loop.call_later(patience, reply.give_up_connecting)
        try:
            status, headers = await reply.answered
        except BaseException:
            call.cancel()
            raise
        finally:
            if timer is not None:
                timer.cancel()
        return httpx.Response(status, headers=headers, stream=reply, extensions={"http_version": b"HTTP/1.1"})

    def _find(self, url: httpx.URL) -> Origin:
        place = (url.scheme, url.host, url.port)
        if place not in self._origins:
            address = str(url.copy_with(path="/", query=None, fragment=None, userinfo=b""))
            try:
                proxy = resolve_proxy(address, self._proxy)
                self._origins[place] = Origin.of(address, proxy=proxy, guarded=self._guarded)
            except ValueError as error:
                raise httpx.UnsupportedProtocol(str(error)) from error
        return self._origins[place]


class _Reply(httpx.AsyncByteStream):
    """An answer coming in: a receiver for the pool on one side, a byte stream for httpx on the other."""

    call: Call

    def __init__(self, request: httpx.Request) -> None:
        self.loop = asyncio.get_running_loop()
        self.answered: asyncio.Future[tuple[int, list[tuple[bytes, bytes]]]] = self.loop.create_future()
        self._request = request
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._over = False
        self._error: httpx.TransportError | None = None
        self._news = asyncio.Event()

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        if not self.answered.done():
            self.answered.set_result((status, headers))

    def body(self, data: bytes) -> None:
        self._pieces.append(data)
        self._held += len(data)
        if self._held > WINDOW_BYTES:
            self.call.pause()
        self._news.set()

    def end(self) -> None:
        self._over = True
        self._news.set()

    def failed(self, error: UpstreamError) -> None:
        self._fail(_translate(error)(error.message, request=self._request))

    def give_up_connecting(self) -> None:
        """Time is up; too late if there is a connection."""
        if self.call.connection is None and not self.answered.done():
            self.call.cancel()
            self._fail(httpx.ConnectTimeout("no connection in the time allowed", request=self._request))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self._held -= len(piece)
                if self._held <= WINDOW_BYTES // 2:
                    self.call.resume()
                yield piece
            if self._error is not None:
                raise self._error
            if self._over:
                return
            self._news.clear()
            await self._news.wait()

    async def aclose(self) -> None:
        """Nobody reads on: unless the answer is complete, its socket is closed."""
        self.call.cancel()
        self._pieces.clear()

    def _fail(self, error: httpx.TransportError) -> None:
        if self.answered.done():
            self._error = error
            self._news.set()
        else:
            self.answered.set_exception(error)


def _seconds(value: float | None) -> float:
    return math.inf if value is None else value


def _compose(request: httpx.Request, body: bytes) -> bytes:
    """The head of a request, framed by its length; httpx.LocalProtocolError when it cannot be sent as it is."""
    method, target = request.method.encode(), request.extensions.get("target", request.url.raw_path)
    fields = [field for field in request.headers.raw if field[0].lower() not in FRAMING]
    if body or method in BODY_EXPECTED:
        fields.append((b"content-length", b"%d" % len(body)))
    if any(UNSENDABLE.search(part) for part in (method, target, *(part for field in fields for part in field))):
        raise httpx.LocalProtocolError("a line break or NUL in the head of a request", request=request)
    lines = [b"%b %b HTTP/1.1" % (method, target), *(b"%b: %b" % field for field in fields)]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _translate(error: UpstreamError) -> Callable[..., httpx.TransportError]:
    if isinstance(error, UpstreamTimeout):
        return httpx.ConnectTimeout if error.nothing_sent else httpx.ReadTimeout
    if isinstance(error, (UpstreamClosed, UpstreamMalformed)):
        return httpx.RemoteProtocolError
    return httpx.ConnectError
