"""What came of an attempt: judged by the tables, and told to whoever keeps how credentials and targets stand.

Between `routing`, which decides and knows neither time nor chance, and the board, which is shared by all workers.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from gateway.errors import AllResting, GatewayError, HedgeLost, UnknownModel, UpstreamError
from gateway.routing.affinity import pooled, session_of
from gateway.routing.dispatch import Dispatch
from gateway.routing.needs import matters, needs_of, sift
from gateway.routing.rate_headers import headroom_in, resets_in
from gateway.routing.targets import TargetList
from gateway.routing.verdicts import Failure, Verdict, failure_of, judge

if TYPE_CHECKING:
    from .attempt import Trial
    from .exchange import Exchange

LIMITED = frozenset(("upstream_rate_limit", "upstream_quota", "upstream_overloaded"))
"""Kinds of errors whose answers say in their headers when to come back."""


def fitting(exchange: Exchange, targets: TargetList) -> TargetList:
    """The targets that can do what the request needs, as far as that makes a difference and somebody knows."""
    ask, relay = exchange.ask, exchange.relay
    if len(targets.targets) < 2 or ask is None or exchange.endpoint.operation == "pass":
        return targets
    known = {target: relay.facts(relay.providers[target.provider], target.model) for target in targets.targets}
    if not matters(known.values()):
        return targets
    needs = needs_of(exchange.format.name, ask.fields, len(exchange.body))
    return sift(targets, needs, known.__getitem__).targets


def dispatch(exchange: Exchange, targets: TargetList) -> Dispatch:
    """Who is to be asked, in which order."""
    relay, thread, ask = exchange.relay, exchange.thread, exchange.ask
    if ask is not None and relay.may_hold_sessions(targets):
        exchange.session = session_of(
            exchange.headers, ask.fields, key_id=exchange.admitted_key().id, body_bytes=len(exchange.body)
        )
    pinned = thread.pinned if thread is not None else None
    return Dispatch(targets, relay.conduct, session=exchange.session, pinned=pinned)


def failed(exchange: Exchange, trial: Trial) -> Verdict | None:
    """The verdict on an attempt that is over, and what it means for others; None when it answered."""
    failure = failure_in(trial)
    if failure is None:
        return None
    provider = trial.attempt.provider
    trial.verdict = verdict = judge(failure, provider.failures)
    if provider.rests:
        _lay_to_rest(exchange, trial, verdict)
    return verdict


def broke_off(exchange: Exchange, trial: Trial) -> None:
    """An answer that its client has begun to read came to a bad end. Nothing is tried again."""
    if trial.verdict is None and not exchange.gone:
        failed(exchange, trial)


def succeeded(exchange: Exchange, trial: Trial) -> None:
    """It answered: whatever it rested for is over."""
    attempt, board = trial.attempt, exchange.relay.board
    now_us = time.time_ns() // 1000
    waited_us = (time.monotonic_ns() - trial.sent_ns) // 1000
    board.succeeded(attempt.credential, attempt.target, waited_us, now_us)
    if exchange.relay.by_headroom and (left := headroom_in(dict(trial.headers), now_us)) is not None:
        board.note_headroom(attempt.credential, left.headroom, left.reset_seconds, now_us)
    if exchange.session is not None and attempt.provider.session_affinity:
        board.bind(pooled(exchange.session, attempt.provider.id), attempt.credential, now_us)


def failure_in(trial: Trial) -> Failure | None:
    """What went wrong with an attempt that is over; None when it answered."""
    error = trial.error or (trial.fault(trial.collected) if trial.status >= 400 else None)
    if error is None:
        return None
    status = trial.status or None
    resets = resets_in(dict(trial.headers), time.time_ns() // 1000) if _is_limited(error) else None
    return failure_of(error, status, resets)


def nobody_asked(exchange: Exchange, course: Dispatch) -> GatewayError:
    """Why nobody could be asked: all who could answer rest, or there is nobody."""
    model = exchange.ask.model if exchange.ask is not None else ""
    now_us = time.time_ns() // 1000
    resting = course.resting(now_us)
    if resting is None:
        return UnknownModel(f"No credential may be used for the model `{model}`.", param="model")
    seconds = max((resting.until_us - now_us) / 1e6, 1.0)
    return AllResting(
        f"Everybody who could answer for `{model}` rests; the first is back in {math.ceil(seconds)} s.",
        retry_after=seconds,
        limited=resting.limited,
    )


def seconds_of_rest(course: Dispatch) -> float | None:
    """In how many seconds the first is back, where all rest who could answer."""
    now_us = time.time_ns() // 1000
    resting = course.resting(now_us)
    return None if resting is None else max((resting.until_us - now_us) / 1e6, 0.0)


def _lay_to_rest(exchange: Exchange, trial: Trial, verdict: Verdict) -> None:
    if isinstance(trial.error, HedgeLost):
        return
    board, attempt, now_us = exchange.relay.board, trial.attempt, time.time_ns() // 1000
    if verdict.rest is not None:
        model = attempt.target.model if verdict.rest == "model" else None
        trial.rest_us = board.rest(attempt.credential, model, verdict, now_us)
    if verdict.breaks:
        board.failed_target(attempt.target, now_us)


def _is_limited(error: UpstreamError) -> bool:
    return error.kind in LIMITED
