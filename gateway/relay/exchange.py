"""One client request from admission to record: attempt, judge, try again, commit.

Until the first byte of an answer is committed everything can be tried again; after it nothing is, and a failure becomes
one error event in the client's own format.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from msgspec import Struct, field

from gateway.errors import ClientDisconnected, GatewayError, UpstreamError, UpstreamRejected
from gateway.formats.ask import Ask
from gateway.formats.format import Format
from gateway.formats.table import FORMATS
from gateway.limits.limiter import Admission, Standing
from gateway.limits.rules import Bounds
from gateway.outbound.wire import Call, Receiver, Request
from gateway.records import ClientKey, Endpoint, ModelFacts, Target, Tokens
from gateway.routing.dispatch import Attempt, Dispatch
from gateway.routing.ordering import Conduct
from gateway.traces.context import Trace
from gateway.usage.meter import uuid7

from . import allowance, conversation, ending, outcomes, passages, replies
from .access import SCHEMES
from .again import Amends, forget_refused
from .attempt import Trial
from .caller import PLAIN, Address, Caller
from .compose import with_access
from .conversation import Thread
from .course import Course
from .errand import LEFT, Errand
from .passage import Passage
from .prospects import speaks
from .pump import Pump
from .reckoning import NOT_COUNTED, Counts
from .rest import Rest
from .sink import Headers, Receive, Send, Sink, Watch
from .times import Times, waited_us
from .ways import Ways

if TYPE_CHECKING:
    from .relay import Relay

FAILED = "The gateway failed to handle this request."

NO_HEADERS: Mapping[bytes, bytes] = MappingProxyType({})


class Exchange(Struct, eq=False):
    """The state of one client request."""

    relay: Relay
    endpoint: Endpoint
    headers: Headers
    conduct: Conduct
    ways: Ways
    times: Times
    id: str
    format: Format
    """The client's dialect."""
    sink: Sink
    _receive: Receive
    watch: Watch | None = None
    """Hears when the client leaves, once it has waited for so long that it may."""
    address: Address = PLAIN
    caller: Caller = field(default_factory=Caller)
    thread: Thread | None = None
    """The conversation it belongs to, on OpenAI Responses."""
    key: ClientKey | None = None
    named: Mapping[bytes, bytes] = NO_HEADERS
    """Its headers by name."""
    body: bytes = b""
    trace: Trace | None = None
    """The trace that it belongs to; None while nobody traces."""
    body_wait: asyncio.Future[object] | None = None
    """What the reading of the body waits for, if anything."""
    recorded: bool = False
    """Its record is left."""
    captured: bool = False
    """What was said is kept with it."""
    gone: bool = False
    """The client has left."""
    ask: Ask | None = None
    via: str | None = None
    """The alias or combo by whose name its model was asked for."""
    dispatch: Dispatch | None = None
    """Who is asked, in which order; None before it is let in."""
    trials: list[Trial] = []
    """Its attempts; the last one is, or may become, the answer."""
    admission: Admission | None = None
    """What is set aside for it as a whole."""
    standing: Standing | None = None
    """How its limits stood when it was let in, or refused."""
    target_admissions: dict[Target, Admission] = {}
    target_standings: dict[Target, Standing] = {}
    """The same of each target that it was let go to, where limits are set for that."""
    amends: Amends = field(default_factory=Amends)
    tokens: Tokens | None = None
    """What the provider reported, once its answer is whole."""
    counts: Counts = NOT_COUNTED
    """What it did not, as far as we have counted it."""
    error: GatewayError | None = None
    kind: str | None = None
    """Kind of the first thing that went wrong."""
    errand: Errand = field(default_factory=Errand)
    _drain: asyncio.Future[None] | None = None
    _pump: Pump | None = None
    _keepalives: int = 0
    _keeping: asyncio.Task[None] | None = None

    __repr__ = object.__repr__  # what is in it is for nobody's eyes

    @classmethod
    def of(cls, relay: Relay, endpoint: Endpoint, headers: Headers, receive: Receive, send: Send) -> Self:
        """One that begins now."""
        times = Times()
        exchange = cls(
            relay=relay,
            endpoint=endpoint,
            headers=headers,
            conduct=relay.conduct,
            ways=relay.ways,
            times=times,
            id=uuid7(times.started_at_us // 1000, random.getrandbits(74)),  # ids are names, not secrets
            format=FORMATS[endpoint.format],
            sink=Sink(send, relay.settings.stream.window_bytes),
            _receive=receive,
        )
        exchange.sink.on_end = exchange.conclude
        return exchange

    @property
    def is_streaming(self) -> bool:
        """Whether its answer is flowing."""
        return self._pump is not None

    async def run(self) -> None:
        """Answer the request whose key and body are known. Raises GatewayError when the client must hear one."""
        relay, ask = self.relay, passages.read_ask(self)
        self.ask = ask
        if self.endpoint.format == conversation.FORMAT:
            self.thread = await conversation.begin(self, ask)
        # The providers that its targets are of, and the ways to them: they stay, whatever is reloaded meanwhile.
        self.conduct, self.ways = relay.conduct, relay.ways
        targets = relay.find_targets(ask.model, self.admitted_key(), self.endpoint)
        self.via = targets.via
        if len(targets.targets) > 1:
            targets = outcomes.fitting(self, targets)
        await Course(self, await allowance.admit(self, targets)).run()

    def facts_at(self, target: Target) -> ModelFacts:
        """What one of its targets can do."""
        return self.relay.facts(self.conduct.providers[target.provider], target.model)

    def bounds_at(self, target: Target) -> Bounds:
        """What one of its targets can use and cost at most."""
        relay = self.relay
        return relay.bounds.get(target) or relay.weigh(self.conduct.providers[target.provider], target)

    async def passage(self, attempt: Attempt) -> Passage:
        """The way to a provider: as the request is where it speaks the client's dialect, else translated.

        Raises InvalidRequest, UnsupportedParameter, MediaUnavailable, ClientDisconnected.
        """
        if self.relay.refusals:
            forget_refused(self, attempt)
        if speaks(attempt.provider, self.endpoint):
            passage: Passage = passages.passed(self, attempt)
        else:
            passage = await passages.translated(self, attempt)
        if self.amends.forgot and (thoughts := self.format.field_names["thoughts"]) not in passage.losses:
            passage.losses = (*passage.losses, thoughts)
        return passage

    def begin(self, attempt: Attempt, passage: Passage, error: UpstreamError | None = None) -> Trial:
        """Send the request of an attempt; where there is nobody to ask, or an error keeps us from it, it is over."""
        relay = self.relay
        trial = Trial(self, attempt, passage, relay.loop.create_future(), time.monotonic_ns())
        if passage.path:
            relay.board.begin(attempt.credential, attempt.target)
            trial.is_counted = True
        self.trials.append(trial)
        if error is not None:
            trial.failed(error)
        elif passage.path:
            try:
                trial.call = self._send(trial, trial)
            except UpstreamRejected as refused:  # by nobody but ourselves: the secret is none
                trial.failed(refused)
        else:
            trial.give_up()
        return trial

    def ask_for_rest(self, trial: Trial, receiver: Receiver, token: str) -> Call:
        """Send the request for the rest of a stream of which the provider gave but the beginning."""
        trial.passage.body = trial.passage.request_rest(token)
        call = trial.call = self._send(trial, Rest(trial.passage, receiver))
        return call

    def _send(self, trial: Trial, receiver: Receiver) -> Call:
        relay, passage, attempt = self.relay, trial.passage, trial.attempt
        provider, credential, path, body = attempt.provider, attempt.credential, passage.path, passage.body
        if passage.translated:
            way = self.ways.find(provider.id, credential.name)
            head = way.composer.compose_translated(path, credential, self.headers, len(body))
        else:
            dialect = self.endpoint.format
            way = self.ways.find(provider.id, credential.name, dialect)
            head = way.composer.compose(path, credential, self.headers, len(body), dialect)
        if provider.auth in SCHEMES:
            head = trial.proven(head, way)
        if self.trace is not None:
            head = with_access(head, trial.trace_lines(self.trace, way.origin))
        request = Request(b"POST", head, body, relay.first_byte_seconds, relay.idle_seconds)
        return relay.pool.send(way.origin, request, receiver)

    def begin_pumping(self, trial: Trial, first_bytes: bytes = b"") -> Pump:
        """Commit: the head of this attempt goes to the client, and its bytes follow as they come."""
        self.prefer(trial)  # the head names who answers
        if not self.sink.started:
            head = replies.stream_head if trial.is_stream else replies.flowing_head
            self.sink.start(trial.status, head(self, trial))
        call = trial.call
        assert call is not None  # a head only comes for a call that was sent
        outcomes.succeeded(self, trial)
        pump = self._pump = Pump(self, trial, call, trial.pipeline)
        if self.thread is not None and not trial.passage.translated:
            self._keeping = conversation.keep_early(self, self.thread, first_bytes)
            if self._keeping is not None:
                self.sink.wait_for(self._keeping)
        self.sink.on_drained = trial.finish
        call.receiver = pump
        return pump

    def prefer(self, trial: Trial) -> None:
        """This attempt answers: whatever was begun beside it is given up."""
        if self.trials[-1] is not trial:
            self.trials.remove(trial)
            self.trials.append(trial)
        for other in self.trials[:-1]:
            other.lose()
        if self.target_admissions:
            allowance.leave_others(self, trial.attempt.target)

    def listen(self) -> None:
        """Hear from now on when the client leaves."""
        self.watch = Watch(self._receive, self.client_left)
        self.watch.begin()

    def client_left(self) -> None:
        """The client is gone: free the provider at once."""
        self.gone = True
        self.note(ClientDisconnected(LEFT))
        self.sink.forget()
        self._drained()
        if self.body_wait is not None:
            self.body_wait.cancel()
        self.errand.give_up()
        self._give_up()

    def cut(self, error: GatewayError) -> None:
        """End it now, whatever it is doing: with a status or an error event, where there is still room for one."""
        self.note(error)
        if self._pump is not None and self._pump.break_off(error):
            self._give_up()
            return
        answered = self._pump is not None or (self.trials and self.trials[-1].done.done())
        if not answered and not self.gone:
            replies.refuse(self, error)
        self.client_left()

    def fail(self) -> None:
        """A mistake of ours, while bytes came in: the log says what it was, and the client hears that there was one."""
        self.cut(GatewayError(FAILED))

    async def drained(self) -> None:
        """Until a slow client has taken all of its answer, or has left."""
        self._drain = self.relay.loop.create_future()
        self.sink.on_drained = self._drained
        await self._drain

    def finish(self, body: bytes) -> None:
        """The last bytes of an answer that is whole."""
        self._keeping = ending.finish(self, body) or self._keeping

    def conclude(self) -> None:
        """Leave the record, once; before the last byte goes out, so that an answer the client has is recorded."""
        if not self.recorded:
            self.recorded = True
            self.relay.record(self)

    def break_off(self) -> None:
        """End without a proper end, so that the client sees that something is missing."""
        self.sink.forget()
        self.trials[-1].finish()

    def note(self, error: GatewayError, kind: str | None = None) -> None:
        """This went wrong; the first thing that did is what the record says."""
        if self.error is None:
            self.error = error
            self.kind = kind or error.kind

    def refuse(self, error: GatewayError) -> None:
        """End with an error of our own."""
        self.note(error)
        if not self.gone:
            replies.refuse(self, error)

    def measured_tokens(self) -> Tokens | None:
        """What the provider reported, once the exchange is over."""
        if self.tokens is None and self._pump is not None and self._pump.pipeline is not None:
            return self._pump.pipeline.tokens
        return self.tokens

    def said_bytes(self) -> int:
        """About how many bytes of text the provider said, where it did not count its tokens itself."""
        if self._pump is not None:
            pipeline = self._pump.pipeline
            return pipeline.said if pipeline is not None else self.sink.bytes_sent
        answer = self.trials[-1].answered
        return answer.said if answer is not None else 0

    def overhead_us(self, until_ns: int) -> int:
        """Our own share of the time until `until_ns`, microseconds."""
        waited = waited_us(self.trials, until_ns) + self.errand.waited_us
        return max((until_ns - self.times.started_ns) // 1000 - waited, 0)

    def tick(self, now: float) -> None:
        """Called a few times a second with the loop's time: keep-alives, and clients that take nothing."""
        stream = self.relay.settings.stream
        stalled = self.sink.blocked_since
        if self.body_wait is not None:
            if self.times.silent_seconds() > self.relay.settings.server.body_timeout_seconds:
                self.body_wait.cancel()
        elif stalled is not None and now - stalled > stream.client_stall_seconds:
            self.note(ClientDisconnected("The client took nothing of its answer for too long."), "client_stalled")
            self.client_left()
        elif self._pump is None and stream.commit_seconds:
            for trial in self.trials:
                trial.commit_after(stream.commit_seconds, now)
        sign = self.format.keepalive
        if not stream.keepalive_seconds or not sign or stalled is not None:
            return
        if self._pump is not None:
            if now - self._pump.sent_at >= stream.keepalive_seconds:
                self._pump.keep_alive(sign)
        elif self._streams_events():
            self._show_life(stream.keepalive_seconds)

    def _show_life(self, every_seconds: float) -> None:
        """No provider has answered yet. The head goes out as late as it can: until then an error can have a status."""
        due = int(self.times.seconds() / every_seconds)
        if due <= self._keepalives:
            return
        self._keepalives = due
        if not self.sink.started:
            self.sink.start(200, replies.waiting_head(self))
        self.sink.write(self.format.keepalive)

    def dissolve(self) -> None:
        """Let go of everything that points back here: reference counting then frees it all, and the collector rests."""
        self.sink.forget()
        for trial in self.trials:
            trial.dissolve()
        self.trials.clear()
        # What was raised holds the frames it went through, and those hold this.
        self.error = self._pump = self._keeping = None

    def _give_up(self) -> None:
        for trial in self.trials:
            trial.give_up()

    def _drained(self) -> None:
        if self._drain is not None and not self._drain.done():
            self._drain.set_result(None)

    def _streams_events(self) -> bool:
        endpoint = self.endpoint
        return (
            self.ask is not None and self.ask.stream and (endpoint.operation == "generate" or endpoint.ends_with_done)
        )

    def admitted_key(self) -> ClientKey:
        """The key it was admitted with, as it is now."""
        assert self.key is not None  # admitted before it runs
        return self.key
