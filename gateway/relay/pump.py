"""Moves the bytes of an answer that goes out as it comes in: keep-alives, back-pressure, and an end in every case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import logs
from gateway.errors import GatewayError, UpstreamClosed, UpstreamError, UpstreamMalformed
from gateway.formats.passing import TAIL_BYTES

from . import outcomes
from .masking import masked
from .passage import ENDLESS, Pipeline

if TYPE_CHECKING:
    from gateway.outbound.wire import Call

    from .attempt import Trial
    from .exchange import Exchange


NO_SECRET = b"\0"
"""Stands in no text: JSON and events escape it."""

EVERYWHERE = b""
"""Stands in every text."""

log = logs.get("gateway.relay")


class Pump:
    """The receiver of an attempt once its answer flows. `pipeline` is None for answers that are no event streams."""

    _last = b""
    """The last piece, which leaves together with the end."""
    _secret = NO_SECRET
    """What tells that a piece is to be masked."""
    _tail = b""
    """The end of an answer that is no event stream: where a large JSON answer says its usage."""

    def __init__(self, exchange: Exchange, trial: Trial, call: Call, pipeline: Pipeline | None) -> None:
        self._exchange = exchange
        self._trial = trial
        self._call = call
        self._sink = exchange.sink
        self._times = exchange.times
        self._clock = exchange.relay.loop.time
        self._secrets = trial.secrets
        if self._secrets:
            self._secret = self._secrets[0] if len(self._secrets) == 1 else EVERYWHERE
        self.pipeline = pipeline
        self.sent_at = self._clock()
        """Loop time at which the client last got something."""
        self._sink.on_room = call.resume

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Not called: the head was heard before the pump began."""

    def body(self, data: bytes) -> None:
        """Bytes from the provider go to the client at once."""
        pipeline = self.pipeline
        if pipeline is None:
            self._tail = (self._tail + data)[-TAIL_BYTES:]
            self.send(data)
            return
        try:
            out = pipeline.feed(data)
        except Exception:
            log.exception("an exchange failed", id=self._exchange.id)
            self._exchange.fail()
            return
        if pipeline.error is not None:
            self.provider_failed(out, pipeline.error)
        else:
            self.send(out)

    def begin(self, held: bytes) -> None:
        """What was held back until there was content; the provider may have failed right behind it."""
        if self.pipeline is not None and self.pipeline.error is not None:
            self.provider_failed(held, self.pipeline.error)
        else:
            self.send(held)

    def send(self, out: bytes) -> None:
        """Bytes for the client."""
        if self._call.ending:
            self._last += out
            return
        if not out:
            return
        if self._secret in out:
            out = masked(out, self._secrets)
        if not self._times.first_byte_ns:
            self._times.note_first_byte()
        self.sent_at = self._clock()
        if not self._sink.write(out):
            self._call.pause()

    def end(self) -> None:
        """The provider has ended its answer."""
        self._trial.stop_waiting()
        pipeline = self.pipeline
        if pipeline is None:
            self._exchange.times.note_first_byte()
            self._exchange.tokens = self._trial.passage.upstream.tokens_in(self._tail)
            self._sink.finish(masked(self._last, self._secrets))
            return
        if token := pipeline.resume():
            self._go_on(token)
            return
        try:
            rest = self._last + pipeline.close()
        except Exception:
            log.exception("an exchange failed", id=self._exchange.id)
            self._exchange.fail()
            return
        error = pipeline.error
        if error is None and not pipeline.complete:
            error = UpstreamClosed("The provider's stream ended without its end mark.")
        if error is not None:
            self._note_failure(error)
            self._break(rest, error)
            return
        self.finish(rest)

    def _go_on(self, token: str) -> None:
        """The provider gives the rest in another answer."""
        if not self._trial.take_part():
            self.provider_failed(b"", UpstreamMalformed(ENDLESS))
            return
        held, self._last = self._last, b""
        try:
            self._call = self._exchange.ask_for_rest(self._trial, self, token)
        except UpstreamError as error:  # nothing proves any more who asks
            self.provider_failed(held, error)
            return
        self._sink.on_room = self._call.resume
        self.send(held)

    def finish(self, rest: bytes) -> None:
        """The last bytes of a stream that is complete."""
        self._exchange.times.note_first_byte()
        pipeline = self.pipeline
        if pipeline is not None and pipeline.failed:
            error = UpstreamError("The provider ended its stream with an error.")
            self._exchange.note(error, "upstream_error_event")
            self._note_failure(error)
        self._exchange.finish(masked(rest, self._secrets))

    def failed(self, error: UpstreamError) -> None:
        """The provider broke off: an event stream ends with an error event, all else stays visibly unfinished."""
        self._trial.stop_waiting()
        self._note_failure(error)
        if self.pipeline is None:
            self._exchange.note(error)
            self._exchange.break_off()
        else:
            self._break(b"", error)

    def keep_alive(self, sign: bytes) -> None:
        """Show the client, and every proxy on the way, that the stream lives."""
        if self.pipeline is not None and self.pipeline.between_events and self._sink.blocked_since is None:
            self._sink.write(sign)
            self.sent_at = self._clock()

    def break_off(self, error: GatewayError) -> bool:
        """End an event stream from our side; False when that cannot be told to the client."""
        if self.pipeline is None or self._sink.blocked_since is not None:
            return False
        self._break(b"", error)
        return True

    def provider_failed(self, out: bytes, error: UpstreamError) -> None:
        """The provider said within its stream that it failed: the client hears it in its own dialect."""
        self._note_failure(error)
        self._trial.stop_waiting()
        self._call.cancel()
        self._break(self._last + out, error)

    def _break(self, rest: bytes, error: GatewayError) -> None:
        self._exchange.note(error)
        assert self.pipeline is not None  # only event streams can end with an error
        last = rest + self.pipeline.fail(error)
        self._sink.finish(masked(last, self._secrets))

    def _note_failure(self, error: UpstreamError) -> None:
        self._trial.error = error
        outcomes.broke_off(self._exchange, self._trial)
