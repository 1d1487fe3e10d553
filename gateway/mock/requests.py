"""Bytes of a connection into requests. No socket: `feed` bytes, take requests; `failure` says why it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import httptools

HEAD_LIMIT = 64 << 10
BODY_LIMIT = 64 << 20
_MEMORY = 256
MEMORABLE = 8 << 10

Headers = list[tuple[bytes, bytes]]


class Incoming(NamedTuple):
    """A request as received."""

    method: str
    path: str
    headers: Headers
    lookup: Mapping[bytes, bytes]
    """The headers by lower-cased name; the last of a name wins."""
    body: bytes
    keep_alive: bool
    version: str


class Unreadable(NamedTuple):
    """Why no more requests will be read from this connection."""

    status: int
    message: str


class RequestReader:
    """Reads the requests of one connection.

    A benchmark sends the same bytes again and again: whole requests are remembered by their bytes and not parsed twice.
    """

    _seen: dict[bytes, Incoming] = {}  # noqa: RUF012 - one memory for all connections, bounded below

    def __init__(self) -> None:
        self.failure: Unreadable | None = None
        self.expects_continue = False
        """The client waits for a 100 before it sends the body."""
        self.in_message = False
        self._parser = httptools.HttpRequestParser(self)
        self._ready: list[Incoming] = []
        self._in_head = False
        self._head_bytes = 0
        self._url = b""
        self._headers: Headers = []
        self._lookup: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._body_bytes = 0

    def feed(self, data: bytes) -> list[Incoming]:
        """The requests that these bytes complete. After a failure nothing is read any more."""
        fresh = not self.in_message and self.failure is None and len(data) <= MEMORABLE
        if fresh:
            known = self._seen.get(data)
            if known is not None:
                return [known]
        if self.failure is None:
            self._parse(data)
        ready = self._ready
        if ready:
            self._ready = []
            if fresh and len(ready) == 1 and ready[0].keep_alive and not self.in_message and self.failure is None:
                self._remember(data, ready[0])
        return ready

    def _parse(self, data: bytes) -> None:
        rest = data
        while rest and self.failure is None:
            try:
                self._parser.feed_data(rest)
                rest = b""
            except httptools.HttpParserUpgrade as upgrade:
                # An offer we do not take up: the request is a request, and what follows has to be HTTP still.
                rest = rest[upgrade.args[0] :]
            except httptools.HttpParserError as error:
                self._fail(400, f"Malformed request: {error}")
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT:
                self._fail(431, "Request header fields too large.")

    def _fail(self, status: int, message: str) -> None:
        """The first failure counts: a refusal in a callback makes the parser raise an error of its own."""
        if self.failure is None:
            self.failure = Unreadable(status, message)

    def _remember(self, data: bytes, request: Incoming) -> None:
        if len(self._seen) >= _MEMORY:
            self._seen.clear()
        self._seen[data] = request

    def on_message_begin(self) -> None:
        """A first byte."""
        self.in_message = self._in_head = True
        self._url = b""
        self._headers = []
        self._lookup = {}
        self._body = []
        self._body_bytes = self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; also a trailer, which nobody asks for."""
        if self._in_head:
            self._headers.append((name, value))
            self._lookup[name.lower()] = value

    def on_headers_complete(self) -> None:
        """The body is next: one that is announced as too long is refused unread."""
        self._in_head = False
        announced = self._lookup.get(b"content-length", b"0")
        if announced.isdigit() and int(announced[:20]) > BODY_LIMIT:
            self._too_large()
        self.expects_continue = self._lookup.get(b"expect", b"").lower() == b"100-continue"

    def on_body(self, piece: bytes) -> None:
        """A piece of the body."""
        self._body_bytes += len(piece)
        if self._body_bytes > BODY_LIMIT:
            self._too_large()
        self._body.append(piece)

    def on_message_complete(self) -> None:
        """A whole request."""
        self.in_message = self.expects_continue = False
        self._ready.append(
            Incoming(
                self._parser.get_method().decode(),
                self._url.decode("latin-1"),
                self._headers,
                self._lookup,
                b"".join(self._body),
                self._parser.should_keep_alive(),
                self._parser.get_http_version(),
            )
        )
        self._body = []

    def _too_large(self) -> None:
        self._fail(413, "Request body is too large.")
        raise ValueError("stops the parser")
