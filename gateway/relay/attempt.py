"""One try at one provider: hears its head, then collects its answer or hands it to the pump."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from gateway.errors import UpstreamError, UpstreamMalformed
from gateway.outbound.wire import Call
from gateway.routing.dispatch import Attempt

if TYPE_CHECKING:
    from .exchange import Exchange

COLLECTED_BYTES = 128 * 1024
"""A JSON answer up to this size is held until it is complete, so that one that breaks can still be tried elsewhere."""

ERROR_BYTES = 256 * 1024
"""Most bytes of a provider's error that are looked at and passed on."""


class Trial:
    """The receiver of one attempt. `done` resolves when it was answered in full, or failed before anything was sent."""

    __slots__ = (
        "_exchange",
        "_named",
        "_pieces",
        "_size",
        "attempt",
        "call",
        "done",
        "error",
        "headers",
        "is_stream",
        "sent_ns",
        "status",
        "waited_us",
    )

    def __init__(self, exchange: Exchange, attempt: Attempt, done: asyncio.Future[None]) -> None:
        self._exchange = exchange
        self._pieces: list[bytes] = []
        self._size = 0
        self._named: dict[bytes, bytes] = {}
        self.attempt = attempt
        self.done = done
        self.call: Call | None = None
        self.status = 0
        """What the provider answered; 0 before it did."""
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_stream = False
        """Whether the answer is an event stream."""
        self.error: UpstreamError | None = None
        self.sent_ns = time.monotonic_ns()
        self.waited_us = 0
        """Microseconds from sending to the last byte, or to the failure; 0 before that."""

    @property
    def answer(self) -> bytes:
        """The collected body."""
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    def header(self, name: bytes) -> bytes:
        """The value of a header of the answer; empty when there is none."""
        return self._named.get(name, b"")

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """The provider answers. Until the first byte of a stream has come another provider may do better."""
        self.status = status
        self.headers = headers
        self._named = dict(headers)
        if status >= 300:
            return
        self.is_stream = self.header(b"content-type").startswith(b"text/event-stream")
        if self.is_stream and self.call is not None:
            self.call.set_idle_timeout(self._exchange.relay.settings.stream.idle_timeout_seconds)
        elif not self._is_collected():
            self._exchange.begin_pumping(self)

    def body(self, data: bytes) -> None:
        """The first piece of a stream, or a piece of an answer that is collected."""
        if self.is_stream:
            self._exchange.begin_pumping(self).body(data)
        elif self.status < 400:
            self._pieces.append(data)
            self._size += len(data)
            if self._size > COLLECTED_BYTES:
                held, self._pieces = self.answer, []
                self._exchange.begin_pumping(self).body(held)
        elif self._size < ERROR_BYTES:
            self._pieces.append(data)
            self._size += len(data)

    def end(self) -> None:
        """The answer is complete, if it is one."""
        self.stop_waiting()
        if self.status < 400 and (self.status >= 300 or not self._pieces):
            what = "with a redirect" if self.status >= 300 else "without a body"
            self.error = UpstreamMalformed(f"The provider answered {self.status} {what}.")
        self.finish()

    def failed(self, error: UpstreamError) -> None:
        """There is no (whole) answer."""
        self.error = error
        self.stop_waiting()
        self.finish()

    def stop_waiting(self) -> None:
        """The provider has done what it will do."""
        if not self.waited_us:
            self.waited_us = max((time.monotonic_ns() - self.sent_ns) // 1000, 1)

    def finish(self) -> None:
        """Whoever waits for this attempt goes on."""
        if not self.done.done():
            self.done.set_result(None)

    def give_up(self) -> None:
        """Close the connection to the provider: the client has left."""
        if self.call is not None:
            self.call.cancel()
        self.stop_waiting()
        self.finish()

    def dissolve(self) -> None:
        """Let go of everything that points back here; the exchange is over."""
        if self.call is not None:
            self.call.cancel()
        self.call = self.error = None

    def _is_collected(self) -> bool:
        """Whether to hold the answer until it is complete: JSON of moderate size."""
        kind = self.header(b"content-type")
        if kind and not kind.startswith(b"application/json"):
            return False
        length = self.header(b"content-length")
        return not length or int(length) <= COLLECTED_BYTES
