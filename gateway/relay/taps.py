"""Exchanges of which everything that is said on any side is taken down, where bodies are captured.

They stand in the place of the others as long as captures are wanted, so that those cost nothing while they are not.
Nothing is redacted, compressed or written here: what was taken is handed over once, in the event loop, and whoever gets
it may refuse it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from msgspec import field

from gateway import logs
from gateway.access.keys import presented_key
from gateway.records.captures import Flow, Taken, TakenTry

from .course import chance
from .exchange import Exchange
from .sink import Headers, Receive, Send, Sink

if TYPE_CHECKING:
    from gateway.errors import UpstreamError
    from gateway.outbound.wire import Call, Receiver
    from gateway.records import Endpoint

    from .attempt import Trial
    from .pump import Pump
    from .relay import Relay

CaptureMode = Literal["errors", "sampled", "all"]

SHORTEST = 8
"""Bytes of a secret that is looked for in what is said; anything shorter is a common word. Where it is sent as a secret
it is one, however short."""

log = logs.get("gateway.relay")


@dataclass(frozen=True, slots=True)
class Capturing:
    """Of which exchanges what was said is kept, and who keeps it."""

    mode: CaptureMode
    share: float
    """Of those without an error, with `sampled`."""
    bytes_taken: int
    """Most of one body."""
    keep: Callable[[Taken], bool]
    """Takes what was said, at once; whether it will be kept."""


@dataclass(frozen=True, slots=True)
class Showing:
    """How an exchange is kept for whoever asked it themselves and may see it, whatever else is kept."""

    has_leave: Callable[[str], bool]
    """Whether a slip is good, which it is once."""
    bytes_taken: Callable[[], int]
    """Most of one body."""
    keep: Callable[[Taken], None]
    """Takes what was said, at once."""


class Tap:
    """Between a connection and whoever hears an answer."""

    __slots__ = ("_flow", "_receiver")

    def __init__(self, receiver: Receiver, flow: Flow) -> None:
        self._receiver, self._flow = receiver, flow

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """The attempt remembers it itself."""
        self._receiver.head(status, headers)

    def body(self, data: bytes) -> None:
        """A piece of the answer."""
        self._flow.add(data)
        self._receiver.body(data)

    def end(self) -> None:
        """The answer is complete."""
        self._receiver.end()

    def failed(self, error: UpstreamError) -> None:
        """There is no more of it."""
        self._receiver.failed(error)


class TappedSink(Sink):
    """Remembers what the client got."""

    def __init__(self, send: Send, window_bytes: int, bytes_taken: int) -> None:
        super().__init__(send, window_bytes)
        self.headers: Headers = []
        self.flow = Flow(bytes_taken)

    def start(self, status: int, headers: Headers) -> None:
        """Send the head."""
        self.headers = headers
        super().start(status, headers)

    def write(self, data: bytes) -> bool:
        """Send a piece of the body."""
        self.flow.add(data)
        return super().write(data)

    def finish(self, data: bytes = b"") -> None:
        """Send the last piece."""
        self.flow.add(data)
        super().finish(data)


class TappedExchange(Exchange):
    """An exchange of which everything is taken down, until it is over and somebody can say whether it is kept."""

    most: int = 0
    """Bytes of one body that are taken."""
    _sent: dict[Trial, Call] = field(default_factory=dict)
    """The first request of each attempt."""
    _answers: dict[Trial, Flow] = field(default_factory=dict)

    __repr__ = object.__repr__

    @classmethod
    def of(cls, relay: Relay, endpoint: Endpoint, headers: Headers, receive: Receive, send: Send) -> Self:
        """One that begins now."""
        exchange = super().of(relay, endpoint, headers, receive, send)
        exchange.most = cls.room(relay)
        exchange.sink = TappedSink(send, relay.settings.stream.window_bytes, exchange.most)
        exchange.sink.on_end = exchange.conclude
        return exchange

    @classmethod
    def room(cls, relay: Relay) -> int:
        """Bytes of one body that are taken."""
        return relay.capturing.bytes_taken if relay.capturing is not None else 0

    def begin_pumping(self, trial: Trial, first_bytes: bytes = b"") -> Pump:
        """The bytes of this attempt go to the client as they come, and are heard on their way."""
        pump = super().begin_pumping(trial, first_bytes)
        assert trial.call is not None  # somebody has answered
        trial.call.receiver = Tap(pump, self._answers[trial])
        return pump

    def conclude(self) -> None:
        """Hand over what was said, if that is wanted, and leave the record, which tells of it."""
        if not self.recorded:
            try:
                self._hand_over()
            except Exception:
                log.exception("an exchange is not captured", id=self.id)
        super().conclude()

    def dissolve(self) -> None:
        """Let go of everything that points back here."""
        self._sent.clear()
        self._answers.clear()
        super().dissolve()

    def _send(self, trial: Trial, receiver: Receiver) -> Call:
        flow = self._answers.setdefault(trial, Flow(self.most))
        call = super()._send(trial, Tap(receiver, flow))
        self._sent.setdefault(trial, call)
        return call

    def _hand_over(self) -> None:
        capturing = self.relay.capturing
        if capturing is not None and self._is_wanted(capturing):
            self.captured = capturing.keep(self._taken())

    def _is_wanted(self, capturing: Capturing) -> bool:
        if self.key is None or not self.key.capture:
            return False
        if capturing.mode == "all" or self.kind is not None or self.sink.status >= 400:
            return True
        return capturing.mode == "sampled" and chance() < capturing.share

    def _taken(self) -> Taken:
        sink, address = self.sink, self.address
        assert isinstance(sink, TappedSink)  # made with it
        path = self.endpoint.path.replace("{model}", address.model)
        return Taken(
            id=self.id,
            started_at_us=self.times.started_at_us,
            method=self.caller.method,
            target=f"{path}?{address.query}" if address.query else path,
            headers=self.headers,
            body=Flow.whole(self.body, self.most),
            tries=[self._try(trial) for trial in self.trials],
            status=sink.status,
            answer_headers=sink.headers,
            answer=sink.flow,
            secrets=self._secrets(),
        )

    def _try(self, trial: Trial) -> TakenTry:
        attempt, call = trial.attempt, self._sent.get(trial)
        tried = TakenTry(
            provider=attempt.target.provider,
            model=attempt.target.model,
            credential=attempt.credential.name,
            status=trial.status,
            headers=trial.headers,
            answer=self._answers.get(trial),
            error=_kind(trial),
        )
        if call is not None:
            dialect = "" if trial.passage.translated else self.endpoint.format
            tried.scheme = self.ways.of(attempt.provider, attempt.credential, dialect).origin.scheme
            tried.head, tried.body = call.request.head, Flow.whole(call.request.body, self.most)
            tried.own_headers = (*attempt.provider.headers, *attempt.credential.headers)
        return tried

    def _secrets(self) -> frozenset[bytes]:
        found = {presented_key(dict(self.named))}
        for trial in self.trials:
            found.update(trial.secrets)
            headers = (*trial.attempt.provider.headers, *trial.attempt.credential.headers)
            found.update(value.encode() for _, value in headers)
        return frozenset(secret for secret in found if len(secret) >= SHORTEST)


class ShownExchange(TappedExchange):
    """One that is taken down for whoever asked it. Its record says that it was kept only where it would have been
    anyway: what is kept for nobody else is gone as soon as it was looked at."""

    __repr__ = object.__repr__

    @classmethod
    def room(cls, relay: Relay) -> int:
        """As much as of any that is captured."""
        return relay.showing.bytes_taken() if relay.showing is not None else 0

    def _hand_over(self) -> None:
        super()._hand_over()
        showing = self.relay.showing
        if not self.captured and showing is not None and self.key is not None and self.key.capture:
            showing.keep(self._taken())


def kind_of(relay: Relay, slip: bytes | None) -> type[Exchange]:
    """What a request with this slip becomes."""
    is_shown = slip is not None and relay.showing is not None and relay.showing.has_leave(slip.decode("latin-1"))
    return ShownExchange if is_shown else relay.exchange


def _kind(trial: Trial) -> str | None:
    """Kind of its failure, as the usage record says it."""
    if trial.error is not None:
        return trial.error.kind
    return f"upstream_status_{trial.status}" if trial.status >= 400 else None
