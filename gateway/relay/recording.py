"""From an exchange that is over to its usage record. Nothing is written here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gateway.catalog.prices import PriceList
from gateway.records import AttemptRecord, Tokens, UsageRecord
from gateway.usage.meter import NOTHING_TO_PAY, Bill, bill_of

from .reckoning import reckoned
from .times import waited_us

if TYPE_CHECKING:
    from .attempt import Trial
    from .exchange import Exchange

NO_TOKENS = Tokens()

NAME = slice(400)
"""How much is kept of a name that a client or a provider made up."""

CLIENT_GONE_STATUS = 499
"""Status recorded when the client left before one could be sent (nginx's number for it)."""


def record_of(exchange: Exchange, prices: PriceList, worker: int) -> UsageRecord:
    """The usage record of an exchange that has just ended."""
    now, ask, key, times = time.monotonic_ns(), exchange.ask, exchange.key, exchange.times
    tokens, source = reckoned(exchange)
    trials, agent = exchange.trials, exchange.caller.user_agent
    trial = trials[-1] if trials else None
    target = trial.attempt.target if trial else None
    bill = _bill(exchange, trial, tokens, prices)
    return UsageRecord(
        id=exchange.id,
        started_at_us=times.started_at_us,
        key=key.name if key else None,
        endpoint=exchange.endpoint.path,
        requested_model=ask.model[NAME] if ask else None,
        provider=target.provider if target else None,
        model=target.model[NAME] if target else None,
        credential=(trial.attempt.credential.name or None) if trial else None,
        status=exchange.sink.status or CLIENT_GONE_STATUS,
        error=exchange.kind,
        stream=ask.stream if ask else False,
        tokens=tokens or NO_TOKENS,
        usage_source=source,
        cost_nano_usd=bill.cost_nano_usd,
        attempts=tuple(map(_attempt, trials)),
        total_us=(now - times.started_ns) // 1000,
        first_byte_us=times.first_byte_us,
        upstream_us=waited_us(trials, now),
        overhead_us=exchange.overhead_us(now) if times.head_overhead_us < 0 else times.head_overhead_us,
        request_bytes=len(exchange.body),
        response_bytes=exchange.sink.bytes_sent,
        upstream_request_id=_upstream_id(trial) if trial else None,
        user_agent=agent[NAME] if agent else None,
        worker=worker,
        dropped=trial.passage.losses if trial else (),
        upstream_format=trial.passage.upstream.name if trial else None,
        key_id=key.id if key else None,
        user_id=key.user_id if key else None,
        team_id=key.team_id if key else None,
        cost_source=bill.source,
        price=bill.price,
    )


def _bill(exchange: Exchange, trial: Trial | None, tokens: Tokens | None, prices: PriceList) -> Bill:
    """Nothing is paid for a request that no provider took, or for what only counts tokens."""
    if trial is None or (tokens is None and not _is_answered(exchange, trial)):
        return NOTHING_TO_PAY
    target = trial.attempt.target
    return bill_of(tokens, prices.find(target.provider, target.model))


def _is_answered(exchange: Exchange, trial: Trial) -> bool:
    return 200 <= trial.status < 300 and exchange.endpoint.operation != "count"


def _attempt(trial: Trial) -> AttemptRecord:
    attempt, status, verdict = trial.attempt, trial.status, trial.verdict
    target, credential = attempt.target, attempt.credential.name
    kind = None
    if trial.error is not None:
        kind = trial.error.kind
    elif status >= 400:
        kind = f"upstream_status_{status}"
    tried = (target.provider, target.model, credential, status or None, kind, trial.waited_us)
    if verdict is None:
        return AttemptRecord(*tried)
    return AttemptRecord(*tried, verdict.then, trial.rest_us or None, verdict.reason)


def _upstream_id(trial: Trial) -> str | None:
    said = trial.header(b"x-request-id") or trial.header(b"request-id")
    return said[NAME].decode("latin-1") if said else None
