"""Who could answer a request, before anybody is asked: its targets, what keeps some of them from it, and on which terms
the others are tried. Pure.

The relay and whoever explains what it would do decide by these functions. Nothing is counted here, and nobody is asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from gateway.catalog.prices import PriceList
from gateway.errors import (
    AllResting,
    BudgetSpent,
    FormatNotServed,
    GatewayError,
    LimitReached,
    ModelForbidden,
    ModelUnpriced,
    UnknownModel,
    UnsupportedParameter,
)
from gateway.limits.limiter import Plan
from gateway.records import ClientKey, Endpoint, ModelFacts, Provider, Target
from gateway.routing.dispatch import Resting
from gateway.routing.needs import Sifted, matters, needs_of, sift
from gateway.routing.ordering import Conduct
from gateway.routing.standing import Board
from gateway.routing.targets import TargetList
from gateway.settings.model import Settings

PASSED = (UnsupportedParameter, ModelForbidden, ModelUnpriced, LimitReached, BudgetSpent)
"""What keeps one target from a request, and not the next one. Whatever else goes wrong before it is sent ends it."""


UNPRICED = "unpriced"
"""Why a target is passed over of which nobody knows the price."""
UNSPOKEN = "does not speak {}"
"""Why one is that speaks another dialect than what is not translated."""


class Wanted(Struct, frozen=True):
    """A request, as far as its prospects depend on it."""

    endpoint: Endpoint
    fields: dict[str, Any]
    """Its body."""
    body: bytes


def speaks(provider: Provider, endpoint: Endpoint) -> bool:
    """Whether a provider takes the requests of an endpoint as they are."""
    asked = endpoint.format
    return (
        provider.format == asked
        or asked in provider.also_speaks
        or any(dialect == asked for dialect, _ in provider.also_at)
    )


def speaking(found: TargetList, providers: Mapping[str, Provider], endpoint: Endpoint) -> TargetList:
    """The targets that an endpoint can be answered by: what is not translated needs those who speak its dialect. Raises
    FormatNotServed when there are none."""
    if endpoint.operation != "pass":
        return found
    kept = found.keeping(lambda target: speaks(providers[target.provider], endpoint), UNSPOKEN.format(endpoint.format))
    if not kept.targets:
        provider = providers[found.targets[0].provider]
        raise FormatNotServed(
            f"The provider {provider.id} speaks {provider.format}, which {endpoint.path} is not translated to.",
            param="model",
        )
    return kept


def fitting(wanted: Wanted, found: TargetList, facts: Callable[[Target], ModelFacts]) -> Sifted:
    """The targets that can do what a request needs, as far as that makes a difference and somebody knows."""
    if len(found.targets) < 2 or wanted.endpoint.operation == "pass":
        return Sifted(found)
    known = {target: facts(target) for target in found.targets}
    if not matters(known.values()):
        return Sifted(found)
    needs = needs_of(wanted.endpoint.format, wanted.fields, len(wanted.body))
    return sift(found, needs, known.__getitem__)


def affordable(found: TargetList, plan: Plan | None, key: ClientKey, prices: PriceList) -> TargetList:
    """The targets that a key may pay for: with a budget, those that somebody knows the price of. Raises ModelUnpriced
    when there are none."""
    if plan is None or key.allow_unpriced or not plan.has_budget:
        return found
    for target in found.targets:
        if prices.find(target.provider, target.model) is None:
            return _priced(found, prices)
    return found


def _priced(found: TargetList, prices: PriceList) -> TargetList:
    kept = found.keeping(lambda target: prices.find(target.provider, target.model) is not None, UNPRICED)
    if not kept.targets:
        first = found.targets[0]
        raise ModelUnpriced(
            f"Nobody knows what {first.provider}/{first.model} costs, and your key has a budget.", param="model"
        )
    return kept


def may_hold_sessions(found: TargetList, providers: Mapping[str, Provider]) -> bool:
    """Whether it matters which conversation a request is part of: more than one could answer it."""
    if len(found.targets) > 1:
        return True
    provider = providers[found.targets[0].provider]
    return provider.session_affinity and len(provider.credentials) > 1


def conduct_of(
    settings: Settings, providers: Mapping[str, Provider], board: Board, cost: Callable[[Target], int | None]
) -> Conduct:
    """How targets are tried."""
    retries = settings.retries
    return Conduct(
        providers,
        board,
        attempts=retries.attempts,
        pause_seconds=retries.pause_seconds,
        longest_pause_seconds=retries.longest_pause_seconds,
        longest_wait_seconds=retries.longest_wait_seconds,
        cost=cost,
    )


def cost_at(prices: PriceList, target: Target) -> int | None:
    """What a token in and a token out cost at a target, to compare; None where nobody knows."""
    price = prices.find(target.provider, target.model)
    return None if price is None else price.rates.input + price.rates.output


def nobody_left(model: str, resting: Resting | None, now_us: int) -> GatewayError:
    """Why nobody can be asked: all who could answer rest, or there is nobody."""
    if resting is None:
        return UnknownModel(f"No credential may be used for the model `{model}`.", param="model")
    seconds = max((resting.until_us - now_us) / 1e6, 1.0)
    return AllResting(
        f"Everybody who could answer for `{model}` rests; the first is back in {math.ceil(seconds)} s.",
        retry_after=seconds,
        limited=resting.limited,
    )
