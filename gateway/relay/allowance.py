"""What an exchange is counted against: set aside before anybody is asked, put right once it is over.

A request is let in for its key, user and team as a whole, and for each target when that is tried. Knows what is set
aside; how limits are counted, and where, is the limiter's business.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.errors import BudgetSpent, ClientDisconnected, LimitReached, LimitsUnavailable, UnsupportedParameter
from gateway.limits.limiter import UNUSED, Admission, Limiter, Plan, Reserve, Standing, Used, tighten, tightest
from gateway.records import Target
from gateway.routing.targets import TargetList

from .errand import LEFT
from .prospects import Wanted, affordable
from .setting_aside import reserve

if TYPE_CHECKING:
    from .exchange import Exchange

TRIED = Used(0, 0)
"""Of a target that was asked in vain."""


async def admit(exchange: Exchange, targets: TargetList) -> TargetList:
    """Let an exchange in, to those of its targets that may be paid for.

    Raises LimitReached, QuotaSpent, BudgetSpent, LimitsUnavailable, ModelUnpriced, UnsupportedParameter,
    ClientDisconnected.
    """
    limiter = exchange.relay.limiter
    plan = limiter.plan(exchange.admitted_key())
    if plan is None:
        return targets
    targets, its_reserve = _weigh(exchange, plan, targets)
    try:
        admission = limiter.admit_at_once(plan, its_reserve) or await _asked(exchange, plan, its_reserve)
    except (LimitReached, BudgetSpent):
        exchange.standing = await _standing(limiter, plan)
        raise
    exchange.admission, exchange.standing = admission, admission.standing
    return targets


async def admit_to(exchange: Exchange, target: Target, plan: Plan) -> None:
    """Let it go to a target that limits are set for. Raises as `admit`."""
    limiter = exchange.relay.limiter
    if target in exchange.target_admissions:
        return
    _, its_reserve = _weigh(exchange, plan, TargetList((target,)))
    try:
        admission = limiter.admit_at_once(plan, its_reserve) or await _asked(exchange, plan, its_reserve)
    except (LimitReached, BudgetSpent):
        exchange.target_standings[target] = await _standing(limiter, plan)
        raise
    exchange.target_admissions[target], exchange.target_standings[target] = admission, admission.standing


def settle(exchange: Exchange, tokens: int, nano_usd: int) -> None:
    """Once it is over: `tokens` and `nano_usd` were used by the attempt that answered."""
    limiter, trials = exchange.relay.limiter, exchange.trials
    used = Used(tokens, nano_usd) if trials else UNUSED
    if exchange.admission is not None:
        limiter.settle(exchange.admission, used)
    if exchange.target_admissions:
        answered = _answered(exchange)
        for target, admission in exchange.target_admissions.items():
            limiter.settle(admission, used if target == answered else _in_vain(exchange, target))


def settle_in_full(exchange: Exchange) -> None:
    """Nobody can tell what it used: everything that was set aside for it was."""
    for admission in (exchange.admission, *exchange.target_admissions.values()):
        if admission is not None:
            exchange.relay.limiter.settle(admission, Used(admission.reserve.tokens, admission.reserve.nano_usd))


def leave_others(exchange: Exchange, target: Target) -> None:
    """Only this target is asked from now on: of those that were tried before, or beside it, nothing is set aside."""
    for other in [other for other in exchange.target_admissions if other != target]:
        exchange.relay.limiter.settle(exchange.target_admissions.pop(other), _in_vain(exchange, other))


def standing(exchange: Exchange) -> Standing:
    """How it stands with the limits of an exchange that was let in, or refused: with its own, and with those of the
    target that answers; where nobody was asked, of those that had no room."""
    answered, said = _answered(exchange), exchange.target_standings
    together = dict(exchange.standing or {})
    for each in said.values() if answered is None else [said.get(answered, {})]:
        for kind, stand in each.items():
            tighten(together, kind, stand)
    return together


def _answered(exchange: Exchange) -> Target | None:
    return exchange.trials[-1].attempt.target if exchange.trials else None


def _weigh(exchange: Exchange, plan: Plan, targets: TargetList) -> tuple[TargetList, Reserve]:
    """Those of its targets that may be paid for, and the most that any of them can use.

    Raises ClientDisconnected for an exchange that was cut meanwhile: what it had is settled already, and what it got
    now never would be. Raises UnsupportedParameter for an answer that nobody would count: one made in the background is
    told of before it is there.
    """
    if exchange.recorded:
        raise ClientDisconnected(LEFT)
    ask = exchange.ask
    assert ask is not None  # read before anything is counted
    if plan.counts_use and ask.fields.get("background"):
        message = "Where tokens or money are limited no answer can be made in the background: its use is not told."
        raise UnsupportedParameter(message, param="background")
    targets = affordable(targets, plan, exchange.admitted_key(), exchange.relay.prices)
    wanted = Wanted(exchange.endpoint, ask.fields, exchange.body)
    return targets, reserve(wanted, targets.targets, exchange.bounds_at)


async def _asked(exchange: Exchange, plan: Plan, reserve: Reserve) -> Admission:
    """Where somebody has to be asked to let it in, which takes a while."""
    limiter = exchange.relay.limiter
    admission = await limiter.admit(plan, reserve)
    if exchange.recorded:  # it was cut meanwhile, and what it had is settled
        limiter.settle(admission, UNUSED)
        raise ClientDisconnected(LEFT)
    return admission


async def _standing(limiter: Limiter, plan: Plan) -> Standing:
    """How it stands, as far as anybody can tell."""
    with suppress(LimitsUnavailable):
        return tightest(await limiter.left(plan))
    return {}


def _in_vain(exchange: Exchange, target: Target) -> Used:
    """What was used of a target that did not answer."""
    is_asked = any(trial.attempt.target == target for trial in exchange.trials)
    return TRIED if is_asked else UNUSED
