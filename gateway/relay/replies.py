"""What goes to the client at the end of an exchange that did not stream: a whole answer, a provider's error, or ours.

Once keep-alives have gone out the client reads an event stream, so all of these have a form as an event too.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from gateway.errors import (
    AmbiguousRequest,
    BudgetSpent,
    GatewayError,
    ModelUnpriced,
    ProviderRefused,
    QuotaSpent,
    UpstreamError,
    UpstreamRejected,
)
from gateway.limits.headers import limit_headers

from . import allowance, outcomes
from .compose import reply_headers
from .masking import Secrets, masked
from .sink import Headers

if TYPE_CHECKING:
    from .attempt import Trial
    from .exchange import Exchange

JSON = (b"content-type", b"application/json")

ESTIMATE = (b"x-sluicegate-token-count", b"estimate")

ONE_TRY = (b"x-sluicegate-attempts", b"1")

EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")

UNBUFFERED: Headers = [(b"cache-control", b"no-cache, no-transform"), (b"x-accel-buffering", b"no")]
"""What keeps proxies from holding a stream back, nginx among them."""

CLOSING_STATUSES = frozenset((408, 413, 503))
"""Refusals after which the connection is of no more use: the request was not read, or the process is ending."""

WAITING_STATUSES = frozenset((429, 503, 529))
"""Answers that always say when to come back (RL-2)."""

CREDENTIAL_FAULTS = frozenset(("auth", "forbidden"))
"""What is wrong with our credential and not with the request, whatever its status: Google says 400."""

REQUEST_ID_HEADERS = {"openai_chat": b"x-request-id", "openai_responses": b"x-request-id", "anthropic": b"request-id"}
"""Where each dialect's SDK looks for the id to quote; Gemini's has none."""


def our_headers(exchange: Exchange) -> Headers:
    """What we say about the exchange: its id, how its limits stand (RL-1) and, once a provider was asked, which one and
    at what cost of ours."""
    headers: Headers = [(b"x-sluicegate-request-id", exchange.id.encode()), *exchange.caller.cors]
    standing = allowance.standing(exchange) if exchange.target_standings else exchange.standing
    if standing:
        headers += limit_headers(exchange.format.name, standing, time.time_ns() // 1000)
    if not exchange.trials:
        return headers
    trial = exchange.trials[-1]
    headers += exchange.relay.labels(trial.attempt)
    if trial.passage.losses:
        headers.append((b"x-sluicegate-dropped", _listed(trial.passage.losses)))
    exchange.times.head_overhead_us = overhead = exchange.overhead_us(time.monotonic_ns())
    if trial.passage.estimated:
        headers.append(ESTIMATE)
    tries = ONE_TRY if len(exchange.trials) == 1 else (b"x-sluicegate-attempts", b"%d" % len(exchange.trials))
    headers += tries, (b"x-sluicegate-overhead-us", b"%d" % overhead)
    return headers


def stream_head(exchange: Exchange, trial: Trial) -> Headers:
    """The headers of an event stream a provider has begun."""
    if trial.passage.translated or exchange.address.array or trial.is_array or trial.is_wrapped:
        return [_stream_kind(exchange), *UNBUFFERED, *_own_id(exchange), *our_headers(exchange)]
    headers = [header for header in _passed(trial) if header[0] != b"cache-control"]
    return headers + UNBUFFERED + our_headers(exchange)


def flowing_head(exchange: Exchange, trial: Trial) -> Headers:
    """The headers of any other answer that is passed on as it comes."""
    headers = _passed(trial)
    if exchange.endpoint.operation == "pass" and (length := trial.header(b"content-length")):
        headers.append((b"content-length", length))
    return headers + our_headers(exchange)


def waiting_head(exchange: Exchange) -> Headers:
    """The headers of an event stream that no provider has begun yet."""
    return [_stream_kind(exchange), *UNBUFFERED, *our_headers(exchange)]


def settle(exchange: Exchange, trial: Trial, rest_seconds: float | None = None) -> None:
    """The last attempt is the answer, whatever it was. Where all rest who could give another one, the first of them is
    back in `rest_seconds`. Raises GatewayError where the client must hear our own words."""
    if trial.error is not None:
        if rest_seconds is not None and trial.error.status in WAITING_STATUSES:
            trial.error.retry_after = rest_seconds
        raise without_secret(trial.error, trial.secrets)
    if trial.status < 400:
        _answer(exchange, trial)
    else:
        _pass_error(exchange, trial, rest_seconds)


def refuse(exchange: Exchange, error: GatewayError) -> None:
    """The client hears what went wrong: as a status, or as the one event that ends its stream."""
    if exchange.sink.started:
        exchange.sink.finish(exchange.format.write_error_event(error, exchange.id))
        return
    status, body = exchange.format.write_error(error, exchange.id)
    headers = [JSON, _length(body), *_own_id(exchange), *our_headers(exchange), *_advice(error, status)]
    if status == 405:
        headers.append((b"allow", b"POST, OPTIONS"))
    closing = error.status in CLOSING_STATUSES and not isinstance(error, UpstreamError)
    if closing or isinstance(error, AmbiguousRequest):
        headers.append((b"connection", b"close"))
    exchange.sink.answer(status, headers, body)


def tell_estimate(exchange: Exchange, trial: Trial, body: bytes) -> None:
    """A number of ours is the answer."""
    trial.passage.estimated = True
    exchange.times.note_first_byte()
    headers = [JSON, _length(body), *_own_id(exchange), *our_headers(exchange)]
    exchange.sink.answer(200, headers, body)


def _answer(exchange: Exchange, trial: Trial) -> None:
    answer = trial.answered
    assert answer is not None  # an attempt without error has one
    body = answer.body
    exchange.tokens = answer.tokens
    exchange.times.note_first_byte()
    if not exchange.sink.started:
        if answer.is_stream:
            headers = [_stream_kind(exchange), *UNBUFFERED, *_own_id(exchange)]
        elif trial.passage.translated:
            headers = [JSON, *_own_id(exchange), _length(body)]
        else:
            headers = _passed(trial)
            headers.append(_length(body))
        headers += our_headers(exchange)
        exchange.sink.start(trial.status, headers)
    exchange.finish(body)


def _pass_error(exchange: Exchange, trial: Trial, rest_seconds: float | None) -> None:
    """A provider's error is the client's answer, in the client's shape and without our secret."""
    body = masked(trial.collected, trial.secrets)
    error = without_secret(trial.fault(body), trial.secrets)
    outcomes.understood(error, trial.verdict)
    if trial.status in (401, 403) or (isinstance(error, ProviderRefused) and error.category in CREDENTIAL_FAULTS):
        raise UpstreamRejected(f"The provider {trial.attempt.provider.id} refused the gateway's credential.")
    exchange.note(error, f"upstream_status_{trial.status}")
    if rest_seconds is not None and trial.status in WAITING_STATUSES:
        error.retry_after = rest_seconds
    if trial.passage.translated or exchange.sink.started or not _is_shaped(body):
        refuse(exchange, error)
        return
    ours = trial.status in WAITING_STATUSES and (rest_seconds is not None or not trial.header(b"retry-after"))
    left_out = (b"content-type", b"retry-after", b"retry-after-ms") if ours else (b"content-type",)
    headers = [header for header in _passed(trial) if header[0] not in left_out]
    if ours:
        headers += _advice(error, trial.status)
    exchange.sink.answer(trial.status, [*headers, JSON, _length(body), *our_headers(exchange)], body)


def without_secret(error: UpstreamError, secrets: Secrets) -> UpstreamError:
    """The error, its words without our secrets: not every error comes as one (ERR-1, ERR-3)."""
    error.message = masked(error.message.encode(errors="replace"), secrets).decode()
    error.args = (error.message,)
    return error


def _advice(error: GatewayError, status: int) -> Headers:
    """When to come back, and whether at all (RL-2, RL-3: the official SDKs obey both)."""
    headers: Headers = []
    if error.retry_after is not None or status in WAITING_STATUSES:
        headers.append((b"retry-after", b"%d" % max(math.ceil(error.retry_after or 1), 1)))
    if isinstance(error, QuotaSpent | BudgetSpent | ModelUnpriced) or (
        isinstance(error, ProviderRefused) and error.category == "quota"
    ):
        headers.append((b"x-should-retry", b"false"))
    return headers


def _is_shaped(body: bytes) -> bool:
    """Whether an error body is one of a model API: anything else (a page, nothing) is not for the client's parser."""
    return body[:1] == b"{" and b'"error"' in body and body.rstrip()[-1:] == b"}"


def _stream_kind(exchange: Exchange) -> tuple[bytes, bytes]:
    return JSON if exchange.address.array else EVENT_STREAM


def _own_id(exchange: Exchange) -> Headers:
    name = REQUEST_ID_HEADERS.get(exchange.endpoint.format)
    return [(name, exchange.id.encode())] if name else []


def _passed(trial: Trial) -> Headers:
    return reply_headers(trial.headers, trial.header(b"connection"))


def _listed(names: tuple[str, ...]) -> bytes:
    """Field names as a header's value: whatever a client made up, it cannot break out of the line."""
    return ",".join(names).encode("ascii", "backslashreplace").translate(None, delete=bytes(range(32)) + b"\x7f")


def _length(body: bytes) -> tuple[bytes, bytes]:
    return b"content-length", b"%d" % len(body)
