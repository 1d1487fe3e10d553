"""What all connections of one mock share, and its own endpoints under `/mock/`."""

from __future__ import annotations

import asyncio
import itertools
import time
from email.utils import formatdate
from urllib.parse import parse_qs

import orjson

from gateway.mock.answers import Reply
from gateway.mock.ledger import Ledger
from gateway.mock.pacer import Pacer
from gateway.mock.provider import Provider
from gateway.mock.requests import Incoming


class Shared:
    """One per server."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.ledger = Ledger()
        self.pacer = Pacer(loop)
        self.provider = Provider(self.ledger)
        self.transports: set[asyncio.Transport] = set()
        self.numbers = itertools.count(1)
        self._connections = itertools.count(1)
        self._date = (0, b"")
        self._farewell: asyncio.Future[None] | None = None

    def connected(self, transport: asyncio.Transport) -> int:
        """The number of a new connection."""
        self.transports.add(transport)
        self.ledger.open_connections += 1
        self.ledger.connections_total += 1
        return next(self._connections)

    def disconnected(self, transport: asyncio.Transport) -> None:
        """A connection is gone."""
        self.transports.discard(transport)
        self.ledger.open_connections -= 1
        if self._farewell is not None and not self.transports:
            self._farewell.set_result(None)

    async def all_gone(self) -> None:
        """Returns when no connection is left."""
        if self.transports:
            self._farewell = self.loop.create_future()
            await self._farewell

    def date(self) -> bytes:
        """The date header line, written once a second."""
        now = int(time.time())
        if now != self._date[0]:
            self._date = (now, b"date: %b\r\n" % formatdate(now, usegmt=True).encode())
        return self._date[1]

    def ask(self, request: Incoming) -> Reply:
        """The answer to a request for the mock itself: `GET /mock/state[?tag=NAME]`, `POST /mock/reset`."""
        path, _, query = request.path.partition("?")
        if (request.method, path) == ("GET", "/mock/state"):
            tag = parse_qs(query).get("tag", [None])[0]
            return Reply(orjson.dumps(self.ledger.show(tag)))
        if (request.method, path) == ("POST", "/mock/reset"):
            self.ledger.reset()
            return Reply(b"{}")
        return Reply(b'{"error":"GET /mock/state[?tag=NAME] or POST /mock/reset"}', 404)
