"""What goes to the client at the end of an exchange that did not stream: a whole answer, a provider's error, or ours.

Once keep-alives have gone out the client reads an event stream, so all of these have a form as an event too.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gateway.errors import GatewayError, UpstreamError, UpstreamRejected
from gateway.formats import openai_chat as chat

from .compose import masked, reply_headers
from .sink import Headers

if TYPE_CHECKING:
    from .attempt import Trial
    from .exchange import Exchange

JSON = (b"content-type", b"application/json")

EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")

UNBUFFERED: Headers = [(b"cache-control", b"no-cache, no-transform"), (b"x-accel-buffering", b"no")]
"""What keeps proxies from holding a stream back, nginx among them."""

CLOSING_STATUSES = frozenset((408, 413, 503))
"""Refusals after which the connection is of no more use: the request was not read, or the process is ending."""


def our_headers(exchange: Exchange) -> Headers:
    """What we say about the exchange: its id and, once a provider was asked, which one and at what cost of ours."""
    headers: Headers = [(b"x-sluicegate-request-id", exchange.id.encode()), *exchange.cors]
    if not exchange.trials:
        return headers
    headers.extend(exchange.relay.labels(exchange.trials[-1].attempt))
    exchange.head_overhead_us = overhead = exchange.overhead_us(time.monotonic_ns())
    headers.append((b"x-sluicegate-attempts", b"%d" % len(exchange.trials)))
    headers.append((b"x-sluicegate-overhead-us", b"%d" % overhead))
    return headers


def stream_head(exchange: Exchange, trial: Trial) -> Headers:
    """The headers of an event stream a provider has begun."""
    headers = [header for header in _passed(trial) if header[0] != b"cache-control"]
    return headers + UNBUFFERED + our_headers(exchange)


def flowing_head(exchange: Exchange, trial: Trial) -> Headers:
    """The headers of any other answer that is passed on as it comes."""
    headers = _passed(trial)
    if length := trial.header(b"content-length"):
        headers.append((b"content-length", length))
    return headers + our_headers(exchange)


def waiting_head(exchange: Exchange) -> Headers:
    """The headers of an event stream that no provider has begun yet."""
    return [EVENT_STREAM, *UNBUFFERED, *our_headers(exchange)]


def settle(exchange: Exchange, trial: Trial) -> None:
    """The last attempt is the answer, whatever it was. Raises GatewayError where the client must hear our own words."""
    if trial.error is not None:
        raise trial.error
    if trial.status < 400:
        _answer(exchange, trial)
    elif trial.status in (401, 403):
        raise UpstreamRejected(f"The provider {trial.attempt.provider.id} refused the gateway's credential.")
    else:
        _pass_error(exchange, trial)


def refuse(exchange: Exchange, error: GatewayError) -> None:
    """The client hears what went wrong: as a status, or as the one event that ends its stream."""
    if exchange.sink.started:
        exchange.sink.finish(chat.write_error_event(error))
        return
    body = chat.write_error(error)
    headers = [JSON, _length(body), (b"x-request-id", exchange.id.encode()), *our_headers(exchange)]
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % max(round(error.retry_after), 1)))
    if error.status == 405:
        headers.append((b"allow", b"POST, OPTIONS"))
    if error.status in CLOSING_STATUSES:
        headers.append((b"connection", b"close"))
    exchange.sink.answer(error.status, headers, body)


def _answer(exchange: Exchange, trial: Trial) -> None:
    body = trial.answer
    exchange.tokens = chat.read_reply_tokens(body)
    exchange.first_byte_ns = time.monotonic_ns()
    if exchange.sink.started:
        exchange.sink.finish(b"data: " + body.replace(b"\n", b" ") + b"\n\n" + chat.DONE)
        return
    headers = _passed(trial)
    headers.append(_length(body))
    exchange.sink.answer(trial.status, headers + our_headers(exchange), body)


def _pass_error(exchange: Exchange, trial: Trial) -> None:
    """A provider's error is the client's answer, in OpenAI's shape and without our secret."""
    body = masked(trial.answer, trial.attempt.credential)
    exchange.note(UpstreamError(f"The provider answered {trial.status}."), f"upstream_status_{trial.status}")
    error = chat.read_error(body)
    if error is None:  # HTML, nothing, or another dialect: not for the client's parser
        body = chat.write_status_error(trial.status)
    if exchange.sink.started:
        exchange.sink.finish(b"data: " + (chat.write_error_object(error) if error else body) + b"\n\n")
        return
    headers = [header for header in _passed(trial) if header[0] != b"content-type"]
    exchange.sink.answer(trial.status, [*headers, JSON, _length(body), *our_headers(exchange)], body)


def _passed(trial: Trial) -> Headers:
    return reply_headers(trial.headers, trial.header(b"connection"))


def _length(body: bytes) -> tuple[bytes, bytes]:
    return b"content-length", b"%d" % len(body)
