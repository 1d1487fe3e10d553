"""What came of an attempt: judged by the tables, and told to whoever keeps how credentials and targets stand.

Between `routing`, which decides and knows neither time nor chance, and the board, which is shared by all workers.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gateway.errors import STATUS_OF_FAULT, GatewayError, HedgeLost, ProviderRefused, UpstreamError
from gateway.routing.affinity import find_session, pooled
from gateway.routing.dispatch import Attempt, Dispatch, Resting
from gateway.routing.ordering import look
from gateway.routing.rate_headers import resets_in, tightest, windows_in
from gateway.routing.reach import credential_serves
from gateway.routing.targets import TargetList
from gateway.routing.verdicts import Failure, Verdict, failure_of, judge

from . import prospects
from .prospects import Wanted

if TYPE_CHECKING:
    from .attempt import Trial
    from .exchange import Exchange

LIMITED = frozenset(("upstream_rate_limit", "upstream_quota", "upstream_overloaded"))
"""Kinds of errors whose answers say in their headers when to come back."""


def fitting(exchange: Exchange, targets: TargetList) -> TargetList:
    """Of several targets those that can do what the request needs, as far as that makes a difference and somebody
    knows."""
    ask = exchange.ask
    assert ask is not None  # read before anything is found
    wanted = Wanted(exchange.endpoint, ask.fields, exchange.body)
    return prospects.fitting(wanted, targets, exchange.facts_at).targets


def dispatch(exchange: Exchange, targets: TargetList) -> Dispatch:
    """Who is to be asked, in which order."""
    conduct, thread, ask, session = exchange.conduct, exchange.thread, exchange.ask, None
    if ask is not None and prospects.may_hold_sessions(targets, conduct.providers):
        key_id, size = exchange.admitted_key().id, len(exchange.body)
        session = find_session(exchange.named, ask.fields, key_id=key_id, body_bytes=size)
    pinned = thread.pinned if thread is not None else None
    name = session.name if session is not None else None
    exchange.dispatch = made = Dispatch(targets, conduct, session=name, pinned=pinned)
    return made


def failed(exchange: Exchange, trial: Trial) -> Verdict | None:
    """The verdict on an attempt that is over, and what it means for others; None when it answered."""
    failure = failure_in(trial)
    if failure is None:
        return None
    trial.verdict = verdict = judge(failure, trial.attempt.provider.failures, once=exchange.endpoint.once)
    if trial.error is not None:
        understood(trial.error, verdict)
    _tell(exchange, trial, verdict)
    if failure.resets is not None:
        now_us = time.time_ns() // 1000
        exchange.relay.board.note_windows(trial.attempt.credential, windows_in(dict(trial.headers), now_us), now_us)
    return verdict


def understood(error: UpstreamError, verdict: Verdict | None) -> None:
    """An error is what the rules of its provider make of it: to its client as well."""
    if isinstance(error, ProviderRefused) and verdict is not None and verdict.reason in STATUS_OF_FAULT:
        error.take_for(verdict.reason)


def broke_off(exchange: Exchange, trial: Trial) -> None:
    """An answer that its client has begun to read came to a bad end. Nothing is tried again."""
    if trial.verdict is None and not exchange.gone and (verdict := failed(exchange, trial)) is not None:
        trial.verdict = verdict._replace(then="stop")


def succeeded(exchange: Exchange, trial: Trial) -> None:
    """It answered: whatever it rested for is over."""
    attempt, relay = trial.attempt, exchange.relay
    board = relay.board
    now_us = time.time_ns() // 1000
    waited_us = (time.monotonic_ns() - trial.sent_ns) // 1000
    board.succeeded(attempt.credential, attempt.target, waited_us, now_us)
    if relay.by_headroom or relay.reads_limits:
        windows = windows_in(dict(trial.headers), now_us)
        if (left := tightest(windows)) is not None:
            board.note_headroom(attempt.credential, left.headroom, left.reset_seconds, now_us)
        if relay.reads_limits:
            relay.reads_limits = False
            board.note_windows(attempt.credential, windows, now_us)
    session = exchange.dispatch.session if exchange.dispatch is not None else None
    if session is not None and attempt.provider.session_affinity:
        board.bind(pooled(session, attempt.provider.id), attempt.credential, now_us)


def failure_in(trial: Trial) -> Failure | None:
    """What went wrong with an attempt that is over; None when it answered."""
    error = trial.error or (trial.fault(trial.collected) if trial.status >= 400 else None)
    if error is None:
        return None
    status = trial.status or None
    resets = resets_in(dict(trial.headers), time.time_ns() // 1000) if _is_limited(error) else None
    return failure_of(error, status, resets)


def nobody_asked(exchange: Exchange, course: Dispatch, at_us: int) -> GatewayError:
    """Why nobody could be asked at that moment: all who could answer rest, or there is nobody."""
    model = exchange.ask.model if exchange.ask is not None else ""
    resting = course.resting(at_us)
    if resting is None and course.has_anybody(at_us):  # others have found out meanwhile that somebody is well
        resting = Resting(at_us, limited=False)
    return prospects.nobody_left(model, resting, at_us)


def seconds_of_rest(course: Dispatch) -> float | None:
    """In how many seconds the first is back, where all rest who could answer."""
    now_us = time.time_ns() // 1000
    resting = course.resting(now_us)
    return None if resting is None else max((resting.until_us - now_us) / 1e6, 0.0)


def let_go(exchange: Exchange, attempt: Attempt) -> None:
    """An attempt that was to try a target ends without telling anything of it: the next one may try."""
    if attempt.claimed_at_us:
        exchange.relay.board.give_back(attempt.target, attempt.claimed_at_us, time.time_ns() // 1000)


def _tell(exchange: Exchange, trial: Trial, verdict: Verdict) -> None:
    """Tell the board who rests for a failure."""
    board, attempt, now_us = exchange.relay.board, trial.attempt, time.time_ns() // 1000
    rests = attempt.provider.rests and not isinstance(trial.error, HedgeLost)
    if rests and verdict.rest is not None:
        model = attempt.target.model if verdict.rest == "model" else None
        trial.rest_us = board.rest(attempt.credential, model, verdict, now_us)
    if rests and verdict.breaks and (attempt.claimed_at_us or _is_targets(exchange, attempt, verdict, now_us)):
        board.failed_target(attempt.target, now_us)
    else:
        let_go(exchange, attempt)


def _is_targets(exchange: Exchange, attempt: Attempt, verdict: Verdict, now_us: int) -> bool:
    """Whether a failure is the target's: nobody who could be asked there instead is well. One dead account of several
    must not open the breaker for all of them."""
    conduct, provider, failed = exchange.conduct, attempt.provider, attempt.credential
    model = attempt.target.model
    return not any(
        each.name != failed.name
        and credential_serves(each, model)
        and not (verdict.by_way and each.proxy == failed.proxy)
        and not look(conduct, provider, each, model, now_us).standing.until_us
        for each in provider.credentials
    )


def _is_limited(error: UpstreamError) -> bool:
    return error.kind in LIMITED
