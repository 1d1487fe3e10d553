"""One try at one provider: hears its head, and either collects its answer or hands it to the pump."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from gateway.errors import UpstreamClosed, UpstreamError
from gateway.outbound.wire import Call
from gateway.routing.dispatch import Attempt

if TYPE_CHECKING:
    from .exchange import Exchange

COLLECTED_BYTES = 1024 * 1024
"""A plain answer up to this size is held until it is complete, so that one that breaks can still be tried elsewhere."""

ERROR_BYTES = 256 * 1024
"""Most bytes of a provider's error that are looked at and passed on."""


class Trial:
    """The receiver of one attempt. `done` resolves when it was answered in full, or failed before anything was sent."""

    __slots__ = (
        "_exchange",
        "_pieces",
        "attempt",
        "call",
        "done",
        "error",
        "head_ns",
        "headers",
        "sent_ns",
        "size",
        "status",
        "waited_us",
    )

    def __init__(self, exchange: Exchange, attempt: Attempt, done: asyncio.Future[None]) -> None:
        self._exchange = exchange
        self.attempt = attempt
        self.done = done
        self.call: Call | None = None
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.error: UpstreamError | None = None
        self.sent_ns = time.monotonic_ns()
        self.head_ns = 0
        self.waited_us = 0
        """Microseconds from sending to the last byte, or to the failure."""
        self._pieces: list[bytes] = []
        self.size = 0

    @property
    def answer(self) -> bytes:
        """The collected body."""
        return b"".join(self._pieces)

    def header(self, name: bytes) -> bytes:
        """The first value of a header of the answer; empty when there is none."""
        for header, value in self.headers:
            if header == name:
                return value
        return b""

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """The provider answers."""
        self.status = status
        self.headers = headers
        self.head_ns = time.monotonic_ns()
        if status < 400 and not self._is_collected():
            self._exchange.begin_pumping(self)

    def body(self, data: bytes) -> None:
        """A piece of an answer that is collected."""
        self.size += len(data)
        if self.status >= 400:
            if self.size - len(data) < ERROR_BYTES:
                self._pieces.append(data)
            return
        self._pieces.append(data)
        if self.size > COLLECTED_BYTES:
            held, self._pieces = self.answer, []
            self._exchange.begin_pumping(self).body(held)

    def end(self) -> None:
        """The answer is complete."""
        self.finished()

    def failed(self, error: UpstreamError) -> None:
        """There is no (whole) answer."""
        self.error = error
        self.finished()

    def finished(self) -> None:
        """Whoever waits for this attempt goes on."""
        self.waited_us = (time.monotonic_ns() - self.sent_ns) // 1000
        if not self.done.done():
            self.done.set_result(None)

    def give_up(self) -> None:
        """Close the connection to the provider: the client has left."""
        if self.call is not None:
            self.call.cancel()
        if self.error is None and not self.done.done():
            self.error = UpstreamClosed("given up")
        self.finished()

    def _is_collected(self) -> bool:
        """Whether to hold the answer until it is complete: JSON of moderate size."""
        kind = self.header(b"content-type")
        if not kind.startswith(b"application/json") and kind:
            return False
        length = self.header(b"content-length")
        return not length or int(length) <= COLLECTED_BYTES
