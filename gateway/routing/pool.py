"""The credentials that may answer at a target: put together once for all requests to which the same is allowed.

Knows who they are and which of them go first. Does not know how they stand, nor whose turn it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gateway.records import ANY, Credential, Provider, Target

from .reach import credential_serves
from .strategies import STRATEGIES, Candidate, Strategy
from .targets import TargetList

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


@lru_cache(maxsize=1024)
def nobody(provider: str) -> Credential:
    """Stands for the credential of a server that asks for none, and rests like one."""
    return Credential(provider, "", "")


def pool_of(found: TargetList, provider: Provider, target: Target) -> Pool:
    """The pool at one of the targets that were found, which are of this provider."""
    pool: Pool | None = found.pools.get(target)
    if pool is None or pool.provider is not provider:
        pool = found.pools[target] = _pool(provider, target, usable(found, provider, target.model))
    return pool


def pinned_to(pool: Pool, pinned: tuple[str, str]) -> Pool:
    """The pool with the named credential of the named provider alone, where it is one of this pool."""
    kept = tuple(each for each in pool.credentials if (each.provider, each.name) == pinned)
    return _pool(pool.provider, pool.target, kept) if kept else pool


def usable(found: TargetList, provider: Provider, model: str) -> tuple[Credential, ...]:
    """The credentials of a provider that may be used for a model, and by whoever asks for it."""
    if not provider.credentials:
        return (nobody(provider.id),)
    held = provider.credentials if found.credentials is None else found.credentials[provider.id]
    if all(each.models == ANY for each in held):
        return held
    return tuple(each for each in held if credential_serves(each, model))


def _pool(provider: Provider, target: Target, credentials: tuple[Credential, ...]) -> Pool:
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
    )


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
