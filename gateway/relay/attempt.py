"""One try at one provider: hears its head, then collects its answer or hands it to the pump."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from msgspec import Struct

from gateway import logs
from gateway.errors import HedgeLost, ProviderRefused, UpstreamError, UpstreamMalformed
from gateway.formats import bedrock, event_stream
from gateway.formats.closing import ClosingReader
from gateway.outbound.wire import Call, Origin
from gateway.routing.dispatch import Attempt
from gateway.routing.verdicts import Verdict
from gateway.traces.context import Sent, Trace, new_span

from . import outcomes
from .access import Signable
from .compose import with_access
from .masking import Secrets, secrets_of
from .overheard import Overheard
from .passage import ENDLESS, MOST_PARTS, Answer, Passage, Pipeline
from .spans import is_told
from .transcript import Transcript
from .unwrapped import Unwrapped
from .ways import Way

if TYPE_CHECKING:
    from .exchange import Exchange

COLLECTED_BYTES = 128 * 1024
"""A JSON answer up to this size is held until it is complete, so that one that breaks can still be tried elsewhere."""

TRANSLATED_BYTES = 64 * 1024 * 1024
"""Most of an answer that is held to be translated as a whole."""

ERROR_BYTES = 256 * 1024
"""Most bytes of a provider's error that are looked at and passed on."""

CHALLENGED = (b"cf-mitigated", b"challenge")
"""Cloudflare, in front of a provider, wants to see a browser: that passes, and is nothing against the credential.
https://developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages/detect-response/"""

BEFORE_ARRAY = b"[ \t\r\n"
"""What a JSON array may begin with."""

JSON_KINDS = (b"application/json", b"text/json")

log = logs.get("gateway.relay")


class Trial(Struct, eq=False):
    """The receiver of one attempt. `done` resolves when it was answered in full, or failed before anything was sent."""

    _exchange: Exchange
    attempt: Attempt
    passage: Passage
    done: asyncio.Future[None]
    sent_ns: int
    is_counted: bool = False
    """It is among the requests under way with its credential."""
    call: Call | None = None
    status: int = 0
    """What the provider answered; 0 before it did."""
    headers: list[tuple[bytes, bytes]] = []
    is_stream: bool = False
    """The answer is an event stream."""
    is_array: bool = False
    """That comes as one JSON array, since the provider knows no events."""
    is_wrapped: bool = False
    """Its events come in Bedrock's framing."""
    pipeline: Pipeline | None = None
    """Of a stream that has begun."""
    answered: Answer | None = None
    """The whole answer for the client, once collected and judged."""
    error: UpstreamError | None = None
    verdict: Verdict | None = None
    """What was made of its failure."""
    waited_us: int = 0
    """Microseconds from sending to the last byte, or to the failure; 0 before that."""
    head_ns: int = 0
    """When the head of the answer was there; 0 before that."""
    rest_us: int = 0
    """How long its credential was laid to rest for its failure."""
    sent: Sent | None = None
    """What its span in a trace is made of; None where nobody traces, and where nothing was sent."""
    heard: ClosingReader | None = None
    """Of a stream of which it is told how it ended."""
    transcript: Transcript | None = None
    """Of a stream whose tokens nobody else is likely to count."""
    proof: bytes = b""
    """The header lines that were made for this request alone: a token, a signature."""
    _pieces: list[bytes] = []
    _size: int = 0
    _named: dict[bytes, bytes] = {}
    _held: bytes = b""
    """What came out of the pipeline before there was any content."""
    _parts: int = 1
    """Answers that this one comes in."""
    _is_left: bool = False
    """It was given up while its provider had the request and had not answered."""
    _begun_at: float = 0.0
    """Loop time of the first byte of a stream; 0 before that."""

    __repr__ = object.__repr__  # what is in it is for nobody's eyes

    @property
    def collected(self) -> bytes:
        """The collected body."""
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    @property
    def collected_bytes(self) -> int:
        """How long that is."""
        return self._size

    @property
    def is_awaited(self) -> bool:
        """The provider has the request, and had not answered when nobody waited for it any more."""
        return self._is_left or self._waits()

    @property
    def secrets(self) -> Secrets:
        """What its client may not read, should the provider repeat it."""
        return secrets_of(self.attempt.provider, self.attempt.credential, self.proof)

    def proven(self, head: bytes, way: Way) -> bytes:
        """The head of its request with what proves who we are to this very one. Raises UpstreamRejected."""
        attempt, passage = self.attempt, self.passage
        asked = Signable("POST", way.origin.authority.decode(), way.composer.target_of(passage.path), passage.body)
        self.proof = self._exchange.relay.access.lines(attempt.provider, attempt.credential, asked)
        return with_access(head, self.proof)

    def trace_lines(self, trace: Trace, origin: Origin) -> bytes:
        """The header lines that tell whoever is asked there of the trace; none where it is not for them to know."""
        self.sent = sent = self.sent or Sent(new_span(), origin.host, origin.port)
        return trace.lines(sent.span) if trace.passes else b""

    def header(self, name: bytes) -> bytes:
        """The value of a header of the answer; empty when there is none."""
        return self._named.get(name, b"")

    def fault(self, body: bytes) -> UpstreamError:
        """What an error answer means, in neutral words."""
        if bedrock.ERROR_TYPE in self._named:
            return bedrock.read_error(self.status, self._named, body)
        error = self.passage.error(self.status, self._named, body)
        if self.header(CHALLENGED[0]) == CHALLENGED[1] and isinstance(error, ProviderRefused):
            error.take_for("overloaded")
        return error

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """The provider answers. Until content has come another provider may do better."""
        self.status = status
        self.head_ns = time.monotonic_ns()
        self.headers = headers
        self._named = dict(headers)
        if status >= 300:
            return
        kind = self._named.get(b"content-type", b"")
        if not kind.startswith(JSON_KINDS):
            self.is_wrapped = kind.startswith(event_stream.CONTENT_TYPE)
            self.is_stream = self.is_wrapped or kind.startswith(b"text/event-stream")
        if self.is_stream and self.call is not None:
            self.call.set_idle_timeout(self._exchange.relay.settings.stream.idle_timeout_seconds)
        elif not self._is_collected(kind):
            self._exchange.begin_pumping(self)

    def body(self, data: bytes) -> None:
        """The first pieces of a stream, or a piece of an answer that is collected."""
        if self.status < 300 and not self._pieces and data[:1] in BEFORE_ARRAY and self._is_array(data):
            self.is_stream = self.is_array = True
        if self.is_stream:
            try:
                self._open_stream(data)
            except Exception:
                log.exception("an exchange failed", id=self._exchange.id)
                self._exchange.fail()
        elif self.status < 400:
            self._collect(data)
        elif self._size < ERROR_BYTES:
            self._pieces.append(data)
            self._size += len(data)

    def end(self) -> None:
        """The answer is complete, if it is one."""
        self.stop_waiting()
        try:
            if self.pipeline is not None:
                self._end_stream(self.pipeline)
                return
            if self.status < 400:
                self.answered = self._answer()
        except UpstreamError as error:
            self.error = error
        except Exception:
            log.exception("an exchange failed", id=self._exchange.id)
            self._exchange.fail()
        self.finish()

    def failed(self, error: UpstreamError) -> None:
        """There is no (whole) answer."""
        self.error = error
        self.stop_waiting()
        self.finish()

    def commit_after(self, seconds: float, now: float) -> None:
        """Begin a stream that has said nothing yet but has been heard of so long ago: its client should know."""
        if self._begun_at and now - self._begun_at >= seconds and self.pipeline is not None and not self.done.done():
            self._held += self.pipeline.open()
            self._commit(self.pipeline)

    def take_part(self) -> bool:
        """One more answer to the same request; False when there were too many."""
        self._parts += 1
        self.waited_us = 0
        return self._parts <= MOST_PARTS

    def stop_waiting(self) -> None:
        """The provider has done what it will do."""
        if not self.waited_us:
            self.waited_us = max((time.monotonic_ns() - self.sent_ns) // 1000, 1)
        if self.is_counted:
            self.is_counted = False
            self._exchange.relay.board.end(self.attempt.credential, self.attempt.target)

    def finish(self) -> None:
        """Whoever waits for this attempt goes on."""
        if not self.done.done():
            self.done.set_result(None)

    def give_up(self) -> None:
        """Close the connection to the provider: the client has left."""
        self._is_left = self.is_awaited
        if self.call is not None:
            self.call.cancel()
        outcomes.let_go(self._exchange, self.attempt)
        self.stop_waiting()
        self.finish()

    def lose(self) -> None:
        """Another attempt, which was begun beside this one, answers."""
        if not self.done.done():
            self.error = HedgeLost()
            self.give_up()

    def dissolve(self) -> None:
        """Let go of everything that points back here; the exchange is over."""
        if self.call is not None:
            self.call.cancel()
        if not self.waited_us:
            self.stop_waiting()
        self.call = self.error = self.pipeline = None

    def _waits(self) -> bool:
        is_sent = self.call is not None and self.call.connection is not None
        return is_sent and not self.status and self.error is None

    def _open_stream(self, data: bytes) -> None:
        """Bytes of a stream without content so far: should the provider fail now, another one may answer."""
        pipeline = self.pipeline
        if pipeline is None:
            if data[:1] in (b"{", b"[") and not (
                self.is_array or self.is_wrapped
            ):  # said to be a stream, but it is one object
                self.is_stream = False
                self._collect(data)
                return
            pipeline = self.passage.pipeline(array=self.is_array)
            if self._exchange.relay.silence.targets and self._is_silent():
                pipeline = self.transcript = Transcript(pipeline, self.passage.upstream)
            if is_told(self._exchange):
                self.heard = ClosingReader(self.passage.upstream, array=self.is_array)
                pipeline = Overheard(pipeline, self.heard)
            if self.is_wrapped:
                pipeline = Unwrapped(pipeline)
            self.pipeline = pipeline
            self._begun_at = self._exchange.relay.loop.time()
        out = pipeline.feed(data)
        if pipeline.error is not None and not pipeline.opened:
            self._give_back(pipeline.error)
            return
        self._held = self._held + out if self._held else out
        if pipeline.opened:
            self._commit(pipeline)

    def _commit(self, pipeline: Pipeline) -> None:
        held, self._held = self._held, b""
        self._exchange.begin_pumping(self, held).begin(held)

    def _end_stream(self, pipeline: Pipeline) -> None:
        """A stream that ended before it had any content."""
        if token := pipeline.resume():
            if self.take_part():
                self._exchange.ask_for_rest(self, self, token)
            else:
                self._give_back(UpstreamMalformed(ENDLESS))
            return
        self._held += pipeline.close()
        self.error = pipeline.error
        if self.error is None and not pipeline.complete:
            self.error = UpstreamMalformed("The provider's stream ended before it said anything.")
        if self.error is not None and not pipeline.opened:
            self.finish()
            return
        held, self._held = self._held, b""
        pump = self._exchange.begin_pumping(self)
        if self.error is not None:
            pump.provider_failed(held, self.error)
        else:
            pump.finish(held)

    def _give_back(self, error: UpstreamError) -> None:
        """The provider failed before it said anything: its connection is of no more use."""
        if self.call is not None:
            self.call.cancel()
        self.failed(error)

    def _collect(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        if self._size <= COLLECTED_BYTES:
            return
        if not self.passage.translated:
            held, self._pieces = self.collected, []
            self._flow(held)
        elif self._size > TRANSLATED_BYTES:
            self._give_back(UpstreamMalformed(f"The provider's answer is larger than {TRANSLATED_BYTES} bytes."))

    def _flow(self, held: bytes) -> None:
        """The answer is large: what is there goes out, the rest as it comes."""
        if self._exchange.endpoint.operation != "pass":
            if held[:1] not in (b"{", b"["):
                self._give_back(UpstreamMalformed("The provider's answer is not JSON."))
                return
            held = self.passage.beginning(held)
        self._exchange.begin_pumping(self, held).body(held)

    def _answer(self) -> Answer:
        if self.status >= 300 or not self._pieces:
            what = "with a redirect" if self.status >= 300 else "without a body"
            raise UpstreamMalformed(f"The provider answered {self.status} {what}.")
        return self.passage.reply(self.collected)

    def _is_silent(self) -> bool:
        """Whether nobody is likely to tell the tokens of its answer, which are worth telling."""
        exchange = self._exchange
        return self.attempt.target in exchange.relay.silence.targets and exchange.endpoint.operation == "generate"

    def _may_be_array(self) -> bool:
        exchange = self._exchange
        wanted = exchange.ask is not None and exchange.ask.stream and exchange.endpoint.operation == "generate"
        return wanted and self.passage.upstream.name == "gemini"

    def _is_array(self, data: bytes) -> bool:
        """Whether a stream of Gemini's begins that has no events."""
        return data.lstrip()[:1] == b"[" and self.pipeline is None and self._may_be_array()

    def _is_collected(self, kind: bytes) -> bool:
        """Whether to hold the answer until it is complete: JSON, of moderate size unless it must be translated."""
        if self._exchange.endpoint.operation != "pass":
            # A page, or nothing at all, is no answer from a model; that is judged once it is there.
            length = self._named.get(b"content-length", b"") if kind.startswith(JSON_KINDS) else b""
        elif kind and not kind.startswith(JSON_KINDS):
            return False
        else:
            length = self.header(b"content-length")
        if not length or int(length) <= COLLECTED_BYTES:
            return True
        return self.passage.translated or self._may_be_array()
