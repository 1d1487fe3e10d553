"""Moves the bytes of an answer that goes out as it comes in: keep-alives, back-pressure, and an end in every case."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gateway.errors import GatewayError, UpstreamClosed, UpstreamError
from gateway.formats.openai_chat import KEEPALIVE, read_reply_tokens, write_error_event
from gateway.formats.pipeline import TAIL_BYTES, PassThrough

if TYPE_CHECKING:
    from gateway.outbound.wire import Call

    from .attempt import Trial
    from .exchange import Exchange


class Pump:
    """The receiver of an attempt once its answer flows. `pipeline` is None for answers that are no event streams."""

    __slots__ = ("_call", "_clock", "_exchange", "_last", "_sink", "_tail", "_trial", "pipeline", "sent_at")

    def __init__(self, exchange: Exchange, trial: Trial, call: Call, pipeline: PassThrough | None) -> None:
        self._exchange = exchange
        self._trial = trial
        self._call = call
        self._sink = exchange.sink
        self._clock = exchange.relay.loop.time
        self._last = b""
        """The last piece, which leaves together with the end."""
        self._tail = b""
        """The end of an answer that is no event stream: where a large JSON answer says its usage."""
        self.pipeline = pipeline
        self.sent_at = self._clock()
        """Loop time at which the client last got something."""
        self._sink.on_room = call.resume

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Not called: the head was heard before the pump began."""

    def body(self, data: bytes) -> None:
        """Bytes from the provider go to the client at once."""
        if self.pipeline is None:
            out = data
            self._tail = (self._tail + data)[-TAIL_BYTES:]
        else:
            out = self.pipeline.feed(data)
        if self._call.ending:
            self._last = out
            return
        if not out:
            return
        if not self._exchange.first_byte_ns:
            self._exchange.first_byte_ns = time.monotonic_ns()
        self.sent_at = self._clock()
        if not self._sink.write(out):
            self._call.pause()

    def end(self) -> None:
        """The provider has ended its answer."""
        self._trial.stop_waiting()
        if not self._exchange.first_byte_ns:
            self._exchange.first_byte_ns = time.monotonic_ns()
        if self.pipeline is None:
            self._exchange.tokens = read_reply_tokens(self._tail)
            self._sink.finish(self._last)
            return
        rest = self._last + self.pipeline.close()
        if not self.pipeline.complete:
            self._trial.error = UpstreamClosed("The provider's stream ended without its end mark.")
            self._break(rest, self._trial.error)
            return
        if self.pipeline.failed:
            self._exchange.note(UpstreamError("The provider ended its stream with an error."), "upstream_error_event")
        self._sink.finish(rest)

    def failed(self, error: UpstreamError) -> None:
        """The provider broke off: an event stream ends with an error event, all else stays visibly unfinished."""
        self._trial.stop_waiting()
        self._trial.error = error
        if self.pipeline is None:
            self._exchange.note(error)
            self._exchange.break_off()
        else:
            self._break(b"" if self.pipeline.between_events else b"\n\n", error)

    def keep_alive(self) -> None:
        """Show the client, and every proxy on the way, that the stream lives."""
        if self.pipeline is not None and self.pipeline.between_events and self._sink.blocked_since is None:
            self._sink.write(KEEPALIVE)
            self.sent_at = self._clock()

    def break_off(self, error: GatewayError) -> bool:
        """End an event stream from our side; False when that cannot be told to the client."""
        if self.pipeline is None or self._sink.blocked_since is not None:
            return False
        self._break(b"" if self.pipeline.between_events else b"\n\n", error)
        return True

    def _break(self, rest: bytes, error: GatewayError) -> None:
        self._exchange.note(error)
        self._sink.finish(rest + write_error_event(error))
