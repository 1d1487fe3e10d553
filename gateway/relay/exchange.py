"""One client request from admission to record: attempt, judge, try again, commit.

Until the first byte of an answer is committed everything can be tried again; after it nothing is, and a failure becomes
one error event in the client's own format.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from gateway.errors import ClientDisconnected, GatewayError, UpstreamError, UpstreamRejected
from gateway.formats import multipart
from gateway.formats import openai_chat as chat
from gateway.formats.openai_chat import Ask
from gateway.formats.pipeline import PassThrough
from gateway.outbound.wire import Request
from gateway.records import AttemptRecord, ClientKey, Endpoint, Tokens
from gateway.routing.dispatch import Attempt, Dispatch
from gateway.routing.verdicts import judge_error, judge_status

from .attempt import Trial
from .compose import masked, reply_headers
from .pump import Pump
from .sink import Headers, Receive, Send, Sink, Watch

if TYPE_CHECKING:
    from .relay import Relay

EVENT_STREAM = b"text/event-stream"

STREAM_HEADERS: Headers = [(b"cache-control", b"no-cache, no-transform"), (b"x-accel-buffering", b"no")]
"""What keeps proxies from holding a stream back, nginx among them."""

JSON: Headers = [(b"content-type", b"application/json")]


class Exchange:
    """The state of one client request."""

    __slots__ = (
        "_gone",
        "_overhead_ns",
        "_pump",
        "_relay",
        "_trial",
        "ask",
        "attempts",
        "body",
        "content_type",
        "endpoint",
        "error",
        "first_byte_ns",
        "headers",
        "id",
        "key",
        "kind",
        "sink",
        "started_at_us",
        "started_ns",
        "tokens",
        "waiting_for_body",
        "watch",
    )

    def __init__(self, relay: Relay, endpoint: Endpoint, headers: Headers, receive: Receive, send: Send) -> None:
        self._relay = relay
        self.started_ns = time.monotonic_ns()
        self.started_at_us = time.time_ns() // 1000
        self.id = relay.new_id(self.started_at_us // 1000)
        self.endpoint = endpoint
        self.headers = headers
        self.content_type = b""
        self.sink = Sink(send, relay.window_bytes)
        self.watch = Watch(receive, self.client_left)
        self.key: ClientKey | None = None
        self.body = b""
        self.ask: Ask | None = None
        self.attempts: list[Trial] = []
        self.tokens: Tokens | None = None
        self.error: GatewayError | None = None
        self.kind: str | None = None
        self.first_byte_ns = 0
        self.waiting_for_body: asyncio.Future[object] | None = None
        self._pump: Pump | None = None
        self._trial: Trial | None = None
        self._gone = False
        self._overhead_ns = 0

    @property
    def gone(self) -> bool:
        """Whether the client has left."""
        return self._gone

    @property
    def age(self) -> float:
        """Seconds since the request was seen."""
        return (time.monotonic_ns() - self.started_ns) / 1e9

    # The course of an exchange

    async def run(self) -> None:
        """Answer the request whose key and body are known. Raises GatewayError when the client must hear one."""
        endpoint, key = self.endpoint, self.key
        assert key is not None  # noqa: S101  # admitted before
        ask = self.ask = self._read_ask()
        if not endpoint.ends_with_done and endpoint.body == "json":
            pass
        route = self._relay.resolver.resolve(ask.model, key)
        dispatch = Dispatch(route, self._relay.providers, self._relay.next_turn())
        trial = None
        while (attempt := dispatch.next()) is not None:
            trial = await self._try(attempt)
            if self._gone:
                raise ClientDisconnected("The client has left.")
            if self._pump is not None or (trial.error is None and trial.status < 400):
                break
            dispatch.failed(judge_error(trial.error) if trial.error else judge_status(trial.status))
        assert trial is not None  # noqa: S101  # a route has a target
        if self._pump is None:
            self._settle(trial)

    async def _try(self, attempt: Attempt) -> Trial:
        relay = self._relay
        served = relay.served[attempt.provider.id]
        body = self._body_for(attempt)
        head = served.composer.compose(self.endpoint.upstream_path, attempt.credential, self.headers, len(body))
        request = Request(b"POST", head, body, relay.first_byte_timeout, relay.idle_timeout)
        trial = self._trial = Trial(self, attempt, relay.loop.create_future())
        self.attempts.append(trial)
        trial.call = relay.pool.send(served.origin, request, trial)
        await trial.done
        return trial

    def _settle(self, trial: Trial) -> None:
        """The last attempt is the answer, whatever it was."""
        if trial.error is not None:
            raise trial.error
        if trial.status < 400:
            self._answer(trial)
        elif trial.status in (401, 403):
            raise UpstreamRejected(f"The provider {trial.attempt.provider.id} refused the gateway's credential.")
        else:
            self._pass_error(trial)

    def _answer(self, trial: Trial) -> None:
        body = trial.answer
        self.tokens = chat.read_reply_tokens(body)
        self.first_byte_ns = time.monotonic_ns()
        if self.sink.started:  # keep-alives went out: the client reads an event stream
            self.sink.finish(b"data: " + body.replace(b"\n", b" ") + b"\n\n" + chat.DONE)
            return
        headers = reply_headers(trial.headers)
        headers.append((b"content-length", b"%d" % len(body)))
        self.sink.answer(trial.status, headers + self._ours(), body)

    def _pass_error(self, trial: Trial) -> None:
        """A provider's error is the client's answer, in OpenAI's shape and without our secret."""
        body = masked(trial.answer, trial.attempt.credential)
        error = chat.read_error(body)
        self.note(UpstreamError(f"The provider answered {trial.status}."), f"upstream_status_{trial.status}")
        if error is None:
            said = UpstreamError(f"Upstream returned status {trial.status}")
            said.status = trial.status
            body = chat.write_error(said)
        if self.sink.started:
            self.sink.finish(b"data: " + (chat.write_error_object(error) if error else body) + b"\n\n")
            return
        kept = [header for header in reply_headers(trial.headers) if header[0] != b"content-type"]
        length = (b"content-length", b"%d" % len(body))
        self.sink.answer(trial.status, [*kept, *JSON, length, *self._ours()], body)

    def refuse(self, error: GatewayError) -> None:
        """The client hears what went wrong, as a status or, after the head, as the one event that ends its stream."""
        self.note(error)
        if self._gone:
            return
        if self.sink.started:
            self.sink.finish(chat.write_error_event(error))
            return
        body = chat.write_error(error)
        headers = [*JSON, (b"content-length", b"%d" % len(body)), *self._ours()]
        headers.append((b"x-request-id", self.id.encode()))
        if error.retry_after is not None:
            headers.append((b"retry-after", b"%d" % max(round(error.retry_after), 1)))
        if error.status in (408, 413, 503):
            headers.append((b"connection", b"close"))
        self.sink.answer(error.status, headers, body)

    def note(self, error: GatewayError, kind: str | None = None) -> None:
        """This went wrong; the first thing that did is what the record says."""
        if self.error is None:
            self.error = error
            self.kind = kind or error.kind

    # What happens on the way

    def begin_pumping(self, trial: Trial) -> Pump:
        """Commit: the head of this attempt goes to the client, and its bytes follow as they come."""
        is_stream = trial.header(b"content-type").startswith(EVENT_STREAM)
        if not self.sink.started:
            headers = reply_headers(trial.headers)
            if is_stream:
                headers = [header for header in headers if header[0] != b"cache-control"] + STREAM_HEADERS
            elif length := trial.header(b"content-length"):
                headers.append((b"content-length", length))
            self.sink.start(trial.status, headers + self._ours())
        ask = self.ask
        hide = self.endpoint.ends_with_done and ask is not None and not ask.wants_usage
        pipeline = PassThrough(hide_usage=hide, ends_with_done=self.endpoint.ends_with_done) if is_stream else None
        pump = self._pump = Pump(self, trial, pipeline)
        self.sink.on_drained = self._drained
        call = trial.call
        if call is not None:
            call.receiver = pump
            call.set_idle_timeout(self._relay.stream_idle_timeout if is_stream else self._relay.idle_timeout)
        return pump

    def client_left(self) -> None:
        """The client is gone: free the provider at once."""
        self._gone = True
        self.note(ClientDisconnected("The client left before its answer was complete."))
        self.sink.forget()
        if self._trial is not None:
            self._trial.give_up()

    def break_off(self) -> None:
        """End without a proper end, so that the client sees that something is missing."""
        self.sink.forget()
        self._drained()

    def tick(self, now: float) -> None:
        """Called a few times a second with the loop's time: keep-alives, and clients that take nothing."""
        keepalive = self._relay.keepalive_seconds
        stalled = self.sink.blocked_since
        if stalled is not None and now - stalled > self._relay.client_stall_seconds:
            self.note(ClientDisconnected("The client took nothing of its answer for too long."), "client_stalled")
            self.client_left()
        elif self._pump is not None:
            if keepalive and now - self._pump.sent_at >= keepalive:
                self._pump.keep_alive()
        elif keepalive and self.ask is not None and self.ask.stream and self.endpoint.ends_with_done:
            self._keep_waiting_client(now, keepalive)

    def _keep_waiting_client(self, now: float, keepalive: float) -> None:
        """No provider has answered yet: the head goes out as late as it can, for until then an error can have a status."""
        waited = now - self._relay.loop_time_of(self.started_ns)
        turns = int(waited / keepalive)
        if turns <= self._overhead_ns:
            return
        self._overhead_ns = turns
        if not self.sink.started:
            headers = [(b"content-type", EVENT_STREAM + b"; charset=utf-8"), *STREAM_HEADERS, *self._ours()]
            self.sink.start(200, headers)
        self.sink.write(chat.KEEPALIVE)

    def _drained(self) -> None:
        """The client has everything."""
        if self._trial is not None and not self._trial.done.done():
            self._trial.done.set_result(None)

    # Small parts

    def _read_ask(self) -> Ask:
        if self.endpoint.body == "json":
            return chat.read_ask(self.body, self.endpoint.default_model)
        return multipart.read_form_ask(self.body, self.content_type, self.endpoint.default_model)

    def _body_for(self, attempt: Attempt) -> bytes:
        ask = self.ask
        assert ask is not None  # noqa: S101  # read before anything is tried
        if self.endpoint.body == "json":
            return chat.edit_body(self.body, ask, attempt.target.model, ask_usage=self.endpoint.ends_with_done)
        return multipart.edit_form(self.body, self.content_type, ask, attempt.target.model)

    def _ours(self) -> Headers:
        """Our own response headers."""
        headers = [(b"x-sluicegate-request-id", self.id.encode())]
        if not self.attempts:
            return headers
        waited = 0
        return headers
