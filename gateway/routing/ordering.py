"""In which order targets and credentials are tried, as things stand now. Decides nothing else: see `dispatch`.

Targets go by the strategies of their combos. Credentials of a target go by priority and the strategy of their provider;
those that rest softly last, in the same order. Whoever rests hard, or has as many requests under way as it may, is not
in the order at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from gateway.records import ANY, Credential, Provider, Target

from .reach import credential_serves
from .standing import AVAILABLE, UNKNOWN, Board, Figures, Standing
from .strategies import STRATEGIES, Candidate
from .targets import Choice, TargetList

TakeTurn = Callable[[str, int], int]
"""Name of a count and how many requests a turn lasts, to the number of the turn."""

_PLAIN = Candidate()
"""Of whom nothing is known, which is most of them."""


def _cost_unknown(_: Target) -> int | None:
    return None


@dataclass(frozen=True, slots=True)
class Conduct:
    """What holds for all requests: who there is, what is known of them, how often and how long to try."""

    providers: Mapping[str, Provider]
    board: Board
    attempts: int = 4
    """Most attempts for one request."""
    pause_seconds: float = 0.25
    """Before the same credential is tried again; doubled each time."""
    longest_pause_seconds: float = 8.0
    longest_wait_seconds: float = 2.0
    """How long a request waits for somebody when all rest."""
    cost: Callable[[Target], int | None] = _cost_unknown
    """What a target costs, in any unit that compares; None where nobody knows."""


class Seen(NamedTuple):
    """A credential, and how it stands for a target."""

    credential: Credential
    standing: Standing
    is_full: bool
    """As many requests are under way with it as may be."""


@lru_cache(maxsize=1024)
def nobody(provider: str) -> Credential:
    """Stands for the credential of a server that asks for none, and rests like one."""
    return Credential(provider, "", "")


def usable(found: TargetList, provider: Provider, model: str) -> tuple[Credential, ...]:
    """The credentials of a provider that may be used for a model, and by whoever asks for it."""
    held = provider.credentials if found.credentials is None else found.credentials[provider.id]
    if not provider.credentials:
        return (nobody(provider.id),)
    for credential in held:
        if credential.models != ANY:
            return tuple(each for each in held if credential_serves(each, model))
    return held


def look(conduct: Conduct, provider: Provider, credential: Credential, model: str, now_us: int) -> Seen:
    """How a credential stands now."""
    standing = AVAILABLE
    if provider.rests:
        standing = conduct.board.standing(credential, model, now_us)
        if standing.until_us <= now_us:
            standing = AVAILABLE
    most = credential.max_parallel
    return Seen(credential, standing, most is not None and conduct.board.figures(credential).in_flight >= most)


def is_usable(seen: Seen) -> bool:
    """Whether a credential can be used now, if only as the last one."""
    return not (seen.standing.hard or seen.is_full)


def is_open(standing: Standing, now_us: int) -> bool:
    """Whether this, of a target, keeps everybody away from it. Half open is not open: one may try."""
    return standing.until_us > now_us and not standing.probe_due


def line_up(conduct: Conduct, provider: Provider, seen: Iterable[Seen], take_turn: TakeTurn) -> list[Credential]:
    """The credentials that can be used now, in the order in which they are tried."""
    fit: list[Credential] = []
    resting: list[Credential] = []
    for credential, standing, is_full in seen:
        if not (standing.hard or is_full):
            (resting if standing.until_us else fit).append(credential)
    ordered = _by_priority(conduct, provider, fit, take_turn)
    if resting:
        ordered += _by_priority(conduct, provider, resting, take_turn)
    return ordered


def order_targets(
    conduct: Conduct, found: TargetList, targets: Sequence[Target], take_turn: TakeTurn
) -> Sequence[Target]:
    """Those of `targets`, which are some of those that were found, in the order in which they are tried."""
    if found.choice is None:
        return targets
    wanted = frozenset(targets)
    return [target for target in _chosen(conduct, found.choice, take_turn) if target in wanted]


def _by_priority(
    conduct: Conduct, provider: Provider, credentials: list[Credential], take_turn: TakeTurn
) -> list[Credential]:
    priorities = {credential.priority for credential in credentials}
    if len(priorities) < 2:
        return _by_strategy(conduct, provider, credentials, take_turn)
    ordered: list[Credential] = []
    for priority in sorted(priorities, reverse=True):
        equals = [credential for credential in credentials if credential.priority == priority]
        ordered += _by_strategy(conduct, provider, equals, take_turn)
    return ordered


def _by_strategy(
    conduct: Conduct, provider: Provider, credentials: list[Credential], take_turn: TakeTurn
) -> list[Credential]:
    if len(credentials) < 2:
        return credentials
    strategy = STRATEGIES[provider.strategy]
    sticky = provider.sticky_requests if provider.strategy == "round_robin" else 1
    turn = take_turn(f"pool {provider.id}", sticky) if strategy.takes_turns else 0
    figures = conduct.board.figures if strategy.reads_figures else None
    candidates = [_candidate(each.weight, figures(each) if figures is not None else UNKNOWN) for each in credentials]
    return [credentials[index] for index in strategy.order(candidates, turn)]


def _chosen(conduct: Conduct, choice: Choice, take_turn: TakeTurn) -> list[Target]:
    """The targets of a combo in their order. A combo within it stands where its own first target would."""
    parts = [
        _chosen(conduct, member, take_turn) if isinstance(member, Choice) else [member] for member in choice.members
    ]
    strategy = STRATEGIES[choice.strategy]
    turn = take_turn(f"combo {choice.name}", 1) if strategy.takes_turns and len(parts) > 1 else 0
    weights = choice.weights or (1,) * len(parts)
    figures = conduct.board.target_figures
    candidates = [
        _candidate(
            weight,
            figures(part[0]) if strategy.reads_figures else UNKNOWN,
            conduct.cost(part[0]) if choice.strategy == "lowest_cost" else None,
        )
        for part, weight in zip(parts, weights, strict=True)
    ]
    ordered = (target for index in strategy.order(candidates, turn) for target in parts[index])
    return list(dict.fromkeys(ordered))


def _candidate(weight: int, figures: Figures, cost: int | None = None) -> Candidate:
    if figures is UNKNOWN and weight == 1 and cost is None:
        return _PLAIN
    return Candidate(weight, *figures, cost)
