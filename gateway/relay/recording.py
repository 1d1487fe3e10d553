"""From an exchange that is over to its usage record. Nothing is written here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gateway.catalog.prices import PriceList
from gateway.records import AttemptRecord, Tokens, UsageRecord
from gateway.usage.meter import cost_nano_usd

from .reckoning import reckoned

if TYPE_CHECKING:
    from .attempt import Trial
    from .exchange import Exchange

NO_TOKENS = Tokens()

NAME_CHARACTERS = 400
"""How much is kept of a name that a client or a provider made up."""

CLIENT_GONE_STATUS = 499
"""Status recorded when the client left before one could be sent (nginx's number for it)."""


def record_of(exchange: Exchange, prices: PriceList, worker: int) -> UsageRecord:
    """The usage record of an exchange that has just ended."""
    now = time.monotonic_ns()
    started = exchange.started_ns
    first_byte = exchange.first_byte_ns
    ask = exchange.ask
    tokens, source = reckoned(exchange)
    trial = exchange.trials[-1] if exchange.trials else None
    target = trial.attempt.target if trial else None
    key = exchange.key
    return UsageRecord(
        id=exchange.id,
        started_at_us=exchange.started_at_us,
        key=key.name if key else None,
        endpoint=exchange.endpoint.path,
        requested_model=ask.model[:NAME_CHARACTERS] if ask else None,
        provider=target.provider if target else None,
        model=target.model[:NAME_CHARACTERS] if target else None,
        credential=(trial.attempt.credential.name or None) if trial else None,
        status=exchange.sink.status or CLIENT_GONE_STATUS,
        error=exchange.kind,
        stream=ask.stream if ask else False,
        tokens=tokens or NO_TOKENS,
        usage_source=source,
        cost_nano_usd=_cost(tokens, trial, prices),
        attempts=tuple([_attempt(each) for each in exchange.trials]),
        total_us=(now - started) // 1000,
        first_byte_us=(first_byte - started) // 1000 if first_byte else None,
        upstream_us=sum([each.waited_us for each in exchange.trials]),
        overhead_us=exchange.overhead_us(now) if exchange.head_overhead_us < 0 else exchange.head_overhead_us,
        request_bytes=len(exchange.body),
        response_bytes=exchange.sink.bytes_sent,
        upstream_request_id=_upstream_id(trial),
        user_agent=exchange.caller.user_agent[:NAME_CHARACTERS] if exchange.caller.user_agent else None,
        worker=worker,
        dropped=trial.passage.losses if trial else (),
        upstream_format=trial.passage.upstream.name if trial else None,
        key_id=key.id if key else None,
        user_id=key.user_id if key else None,
        team_id=key.team_id if key else None,
    )


def _cost(tokens: Tokens | None, trial: Trial | None, prices: PriceList) -> int | None:
    if tokens is None or trial is None:
        return None
    target = trial.attempt.target
    price = prices.find(target.provider, target.model)
    return cost_nano_usd(tokens, price) if price is not None else None


def _attempt(trial: Trial) -> AttemptRecord:
    target = trial.attempt.target
    if trial.error is not None:
        kind: str | None = trial.error.kind
    else:
        kind = f"upstream_status_{trial.status}" if trial.status >= 400 else None
    return AttemptRecord(
        target.provider, target.model, trial.attempt.credential.name, trial.status or None, kind, trial.waited_us
    )


def _upstream_id(trial: Trial | None) -> str | None:
    if trial is None:
        return None
    said = trial.header(b"x-request-id") or trial.header(b"request-id")
    return said[:NAME_CHARACTERS].decode("latin-1") or None
