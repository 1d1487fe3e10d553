"""The credentials that may answer at a target: put together once for all requests to which the same is allowed.

Knows who they are and which of them go first. Does not know how they stand, nor whose turn it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from gateway.records import ANY, Credential, PassedOver, Provider, Target

from .reach import KEY, PAUSED, credential_serves
from .strategies import STRATEGIES, Candidate, Strategy
from .targets import TargetList, label

PINNED = "pinned"
"""How a credential is chosen that alone has what a request continues."""
PRIORITY = "priority"
"""How one is that stands above the others."""

Whom = tuple[str, str, str | None]
"""A provider, a model and the name of a credential; None for all of them."""

LONGEST_CYCLE = 16
"""So many orders by turn are put together at most: there is a pool for every model that clients ask for."""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The credentials of a provider that may be used for one of its models, by whoever asks."""

    target: Target
    provider: Provider
    credentials: tuple[Credential, ...]
    """As they are written; for a server that asks for none, one that stands for nobody."""
    ranks: tuple[int, ...]
    """Their priorities, each once, the highest first."""
    candidates: tuple[Candidate, ...]
    """The credentials as strategies see them that go by nothing which is measured."""
    by_name: Mapping[bytes, Credential]
    strategy: Strategy
    turns: str
    """The count by which they take turns."""
    sticky: int
    """How many requests a turn lasts."""
    is_bounded: bool
    """There is one that may have so many requests at once and no more."""
    lines: Sequence[Sequence[Credential]]
    """Where nobody rests, by turn the order in which they are tried, the first one last; the turn after the last one is
    the first again. Empty where that must be worked out each time."""
    labels: Mapping[str, str]
    """By name of a credential, how it is chosen among the others, for people; empty where there are none."""
    left_out: Mapping[Whom, PassedOver]
    """Credentials that whoever asks may not use, and those that are paused."""


@lru_cache(maxsize=1024)
def nobody(provider: str) -> Credential:
    """Stands for the credential of a server that asks for none, and rests like one."""
    return Credential(provider, "", "")


def pool_of(found: TargetList, provider: Provider, target: Target) -> Pool:
    """The pool at one of the targets that were found, which are of this provider."""
    pool: Pool | None = found.pools.get(target)
    if pool is None or pool.provider is not provider:
        credentials = usable(found, provider, target.model)
        left_out = dict(_left_out(found, provider, target, credentials))
        pool = found.pools[target] = _pool(provider, target, credentials, left_out)
    return pool


def pinned_to(pool: Pool, pinned: tuple[str, str]) -> Pool:
    """The pool with the named credential of the named provider alone, where it is one of this pool."""
    kept = tuple(each for each in pool.credentials if (each.provider, each.name) == pinned)
    return replace(_pool(pool.provider, pool.target, kept, {}), labels={pinned[1]: PINNED}) if kept else pool


def usable(found: TargetList, provider: Provider, model: str) -> tuple[Credential, ...]:
    """The credentials of a provider that may be used for a model, and by whoever asks for it."""
    if not provider.credentials:
        return (nobody(provider.id),)
    held = provider.credentials if found.credentials is None else found.credentials[provider.id]
    if all(each.models == ANY for each in held):
        return held
    return tuple(each for each in held if credential_serves(each, model))


def _pool(
    provider: Provider, target: Target, credentials: tuple[Credential, ...], left_out: Mapping[Whom, PassedOver]
) -> Pool:
    ranks = tuple(sorted({each.priority for each in credentials}, reverse=True))
    candidates = tuple(Candidate(each.weight) for each in credentials)
    strategy = STRATEGIES[provider.strategy]
    return Pool(
        target,
        provider,
        credentials,
        ranks=ranks,
        candidates=candidates,
        by_name={each.name.encode(): each for each in credentials},
        strategy=strategy,
        turns=f"pool {provider.id}",
        sticky=provider.sticky_requests if provider.strategy == "round_robin" else 1,
        is_bounded=any(each.max_parallel is not None for each in credentials),
        lines=_lines(credentials, candidates, strategy) if len(ranks) == 1 else (),
        labels=_labels(provider.strategy, credentials) if len(credentials) > 1 else {},
        left_out=left_out,
    )


def _labels(strategy: str, credentials: tuple[Credential, ...]) -> Mapping[str, str]:
    """How each is chosen: by the strategy among those of its rank, or by its rank alone."""
    ranks = defaultdict[int, list[int]](list)
    for each in credentials:
        ranks[each.priority].append(each.weight)
    return {each.name: _label(strategy, each, ranks[each.priority]) for each in credentials}


def _label(strategy: str, credential: Credential, weights: Sequence[int]) -> str:
    return label(strategy, credential.weight, sum(weights)) if len(weights) > 1 else PRIORITY


def _left_out(
    found: TargetList, provider: Provider, target: Target, credentials: tuple[Credential, ...]
) -> Iterator[tuple[Whom, PassedOver]]:
    """Who is kept from a pool by the key, or by a pause. One that is for other models is nobody's loss."""
    held = provider.credentials if found.credentials is None else found.credentials[provider.id]
    names, allowed = {each.name for each in credentials}, {each.name for each in held}
    for each in provider.credentials:
        if each.name not in names and not (each.name in allowed and each.models):
            whom = (target.provider, target.model, each.name)
            yield whom, PassedOver(*whom, PAUSED if each.name in allowed else KEY)


def _lines(
    credentials: tuple[Credential, ...], candidates: tuple[Candidate, ...], strategy: Strategy
) -> list[tuple[Credential, ...]]:
    """The orders of credentials that are all of one rank."""
    if len(credentials) < 2:
        return [credentials]
    if strategy.cycle is None or (cycle := strategy.cycle(candidates)) > LONGEST_CYCLE:
        return []
    orders = [strategy.order(candidates, turn) for turn in range(cycle)]
    return [tuple(credentials[index] for index in reversed(order)) for order in orders]
