"""What an exchange is counted against: set aside before anybody is asked, put right once it is over.

A request is let in for its key, user and team as a whole, and for each target when that is tried. Knows what is set
aside; how limits are counted, and where, is the limiter's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import ClientDisconnected
from gateway.limits.limiter import Plan, Reserve, Used
from gateway.records import Target
from gateway.routing.targets import TargetList

from .errand import LEFT
from .prospects import affordable
from .setting_aside import reserve_for

if TYPE_CHECKING:
    from .exchange import Exchange

NOTHING = Used(0, 0, counted=False)
TRIED = Used(0, 0)
"""Of a target that was asked in vain."""


async def admit(exchange: Exchange, targets: TargetList) -> TargetList:
    """Let an exchange in, to those of its targets that may be paid for.

    Raises LimitReached, QuotaSpent, BudgetSpent, LimitsUnavailable, ModelUnpriced, ClientDisconnected.
    """
    key = exchange.admitted_key()
    plan = exchange.relay.limiter.plan(key)
    if plan is None:
        return targets
    targets = affordable(targets, plan, key, exchange.relay.prices)
    await _admit(exchange, None, plan, reserve_for(exchange, targets.targets))
    return targets


async def admit_to(exchange: Exchange, target: Target) -> None:
    """Let it go to a target, where limits are set for that. Raises as `admit`."""
    key = exchange.admitted_key()
    plan = exchange.relay.limiter.target_plan(key, target)
    if plan is None or target in exchange.admissions:
        return
    affordable(TargetList((target,)), plan, key, exchange.relay.prices)
    await _admit(exchange, target, plan, reserve_for(exchange, (target,)))


def settle(exchange: Exchange, tokens: int, nano_usd: int) -> None:
    """Once it is over: `tokens` and `nano_usd` were used by the attempt that answered."""
    answered = exchange.trials[-1].attempt.target if exchange.trials else None
    used = Used(tokens, nano_usd) if answered is not None else NOTHING
    limiter = exchange.relay.limiter
    for target, admission in exchange.admissions.items():
        limiter.settle(admission, used if target is None or target == answered else TRIED)


async def _admit(exchange: Exchange, target: Target | None, plan: Plan, reserve: Reserve) -> None:
    limiter = exchange.relay.limiter
    admission = await limiter.admit(plan, reserve)
    if exchange.recorded:  # it was cut meanwhile, and what it had is settled
        limiter.settle(admission, NOTHING)
        raise ClientDisconnected(LEFT)
    exchange.admissions[target] = admission
