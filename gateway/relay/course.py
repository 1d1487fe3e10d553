"""One exchange's attempts, one after another: who is next, what came of it, what that means.

The loop performs, the machine decides: `routing.dispatch` says who is next, `routing.verdicts` what a failure means.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from gateway.errors import ClientDisconnected, GatewayError, ModelForbidden, UpstreamError
from gateway.routing.dispatch import Attempt, Wait
from gateway.routing.reach import may_go_on
from gateway.routing.targets import TargetList
from gateway.routing.verdicts import Verdict

from . import allowance, counting, outcomes, replies
from .access import SCHEMES
from .again import again
from .errand import LEFT
from .prospects import PASSED

if TYPE_CHECKING:
    from .attempt import Trial
    from .exchange import Exchange
    from .passage import Passage


OTHER_TARGET = Verdict("next_target")
"""This one cannot be given what is asked for, or has no room for it."""
OTHER_CREDENTIAL = Verdict("next_credential")


def now_us() -> int:
    """Unix microseconds."""
    return time.time_ns() // 1000


def chance() -> float:
    """A number from 0 to 1."""
    return random.getrandbits(16) / 65536


class Course:
    """The attempts of an exchange that is admitted."""

    __slots__ = ("_at_us", "_dispatch", "_exchange", "_hedge_ms", "_key", "_refusal")

    def __init__(self, exchange: Exchange, targets: TargetList) -> None:
        self._exchange = exchange
        self._key = exchange.key
        self._dispatch = outcomes.dispatch(exchange, targets)
        self._hedge_ms = targets.terms.hedge_ms
        self._refusal: GatewayError | None = None
        self._at_us = 0
        """When it was last asked who is next."""
        times = exchange.times
        times.admitted_us = (time.monotonic_ns() - times.started_ns) // 1000

    async def run(self) -> None:
        """Until there is an answer, or nobody is left to give one. Raises GatewayError when the client must hear."""
        exchange = self._exchange
        while True:
            self._at_us = time.time_ns() // 1000
            attempt = self._dispatch.next(self._at_us)
            if attempt is None:
                break
            if isinstance(attempt, Wait):
                await self._pause(attempt.seconds)
                continue
            if exchange.target_admissions:
                allowance.leave_others(exchange, attempt.target)
            passage = await self._passage(attempt)
            if passage is None:
                continue
            trial = await self._try(attempt, passage)
            if exchange.is_streaming:
                return
            if exchange.endpoint.operation == "count" and await counting.settled(exchange, trial):
                return
            if not self._has_failed(trial):
                break
        if not exchange.trials:
            raise self._refusal or outcomes.nobody_asked(exchange, self._dispatch, self._at_us)
        trial = exchange.trials[-1]
        replies.settle(exchange, trial, outcomes.seconds_of_rest(self._dispatch) if trial.verdict is not None else None)

    async def _pause(self, seconds: float) -> None:
        """Nobody is asked for a while. Raises ClientDisconnected."""
        exchange, began_ns = self._exchange, time.monotonic_ns()
        try:
            await exchange.errand.run(asyncio.sleep(seconds))
        finally:
            exchange.times.paused_us += (time.monotonic_ns() - began_ns) // 1000

    async def _passage(self, attempt: Attempt) -> Passage | None:
        """The way of an attempt; None where there is none, or the target has no room for it."""
        exchange = self._exchange
        try:
            passage = await exchange.passage(attempt)
            if exchange.key is not self._key:
                self._check_still_allowed(attempt)
            if (plan := exchange.relay.limiter.target_plan(attempt.target)) is not None:
                await allowance.admit_to(exchange, attempt.target, plan)
        except GatewayError as error:
            outcomes.let_go(exchange, attempt)
            if not isinstance(error, PASSED):
                raise
            self._refusal = error
            verdict = OTHER_CREDENTIAL if isinstance(error, ModelForbidden) else OTHER_TARGET
            self._dispatch.skipped(verdict, now_us(), attempt=attempt, why=error.code)
            return None
        return passage

    async def _try(self, attempt: Attempt, passage: Passage | None) -> Trial:
        """One attempt, in as many requests as it takes. Raises ClientDisconnected."""
        exchange = self._exchange
        while passage is not None:
            try:
                if exchange.gone:
                    raise ClientDisconnected(LEFT)
                error = await self._unready(attempt) if attempt.provider.auth in SCHEMES else None
                trial = exchange.begin(attempt, passage, error)
            except ClientDisconnected:
                outcomes.let_go(exchange, attempt)
                raise
            if self._hedge_ms is None:
                await trial.done
            else:
                trial = await self._over(trial, self._hedge_ms)
            if exchange.gone:
                raise ClientDisconnected(LEFT)
            attempt, answer = trial.attempt, trial.answered
            is_over = exchange.is_streaming or (answer is not None and not answer.goes_on)
            passage = None if is_over else await again(exchange, trial)
        return trial

    async def _over(self, trial: Trial, hedge_ms: int) -> Trial:
        """Once this attempt is over, or the rival it gets when it takes so long: the one of the two that answered, or
        else failed last."""
        done, _ = await asyncio.wait((trial.done,), timeout=hedge_ms / 1000)
        self._hedge_ms = None
        rival = None if done or self._exchange.is_streaming or self._exchange.gone else await self._rival(trial)
        if rival is None:
            await trial.done
            return trial
        return await self._race([trial, rival])

    async def _rival(self, trial: Trial) -> Trial | None:
        """An attempt at another target beside the one that says nothing, unless that has answered meanwhile. What
        speaks against it is no reason to give up the one that is under way."""
        exchange = self._exchange
        attempt = self._dispatch.hedge(now_us())
        if attempt is None:
            return None
        try:
            passage = await self._passage(attempt)
            error = await self._unready(attempt) if passage is not None else None
        except GatewayError:
            outcomes.let_go(exchange, attempt)
            return None
        if passage is None or exchange.gone or exchange.is_streaming or self._has_answered(trial):
            outcomes.let_go(exchange, attempt)
            allowance.leave_others(exchange, trial.attempt.target)
            return None
        return exchange.begin(attempt, passage, error)

    def _has_answered(self, trial: Trial) -> bool:
        return trial.done.done() and outcomes.failure_in(trial) is None

    async def _unready(self, attempt: Attempt) -> UpstreamError | None:
        """What keeps us from asking a provider, where our word for it must be got first."""
        access = self._exchange.relay.access
        if access.is_ready(attempt.provider, attempt.credential):
            return None
        try:
            await self._exchange.errand.run(access.prepare(attempt.provider, attempt.credential))
        except UpstreamError as error:
            return error
        return None

    async def _race(self, trials: list[Trial]) -> Trial:
        """The attempt that answers first, or that fails last."""
        exchange = self._exchange
        while len(trials) > 1:
            await asyncio.wait([trial.done for trial in trials], return_when=asyncio.FIRST_COMPLETED)
            if exchange.gone:
                break
            over = next(trial for trial in trials if trial.done.done())
            if exchange.is_streaming:
                await exchange.trials[-1].done
                return exchange.trials[-1]
            trials.remove(over)
            if self._has_answered(over) or self._is_final(over):
                exchange.prefer(over)
                return over
        await trials[0].done
        exchange.prefer(trials[0])
        return trials[0]

    def _has_failed(self, trial: Trial) -> bool:
        """What came of an attempt, told to whoever must know, once."""
        if trial.verdict is not None:
            return True
        verdict = outcomes.failed(self._exchange, trial)
        if verdict is None:
            outcomes.succeeded(self._exchange, trial)
            return False
        trial.verdict = self._dispatch.failed(verdict, now_us(), attempt=trial.attempt, chance=chance())
        return True

    def _is_final(self, trial: Trial) -> bool:
        """Whether its failure is the answer, whatever anybody else would say."""
        return self._has_failed(trial) and trial.verdict is not None and trial.verdict.then == "stop"

    def _check_still_allowed(self, attempt: Attempt) -> None:
        """The key has changed since the targets were found. Raises ModelForbidden."""
        exchange = self._exchange
        name = exchange.ask.model if exchange.ask is not None else ""
        if not may_go_on(exchange.admitted_key(), name, attempt.target, attempt.credential):
            raise ModelForbidden(f"Your key may not use the model `{name}` here any more.", param="model")
