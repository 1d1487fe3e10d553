"""In which order targets and credentials are tried, as things stand now. Decides nothing else: see `dispatch`.

Targets go by the strategies of their combos. Credentials of a target go by priority and the strategy of their provider;
those that rest softly last, in the same order. Whoever rests hard, or has as many requests under way as it may, is not
in the order at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.records import Credential, Provider, Target

from .pool import Pool
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


def line_up(conduct: Conduct, pool: Pool, seen: Iterable[Seen], take_turn: TakeTurn) -> list[Credential]:
    """The credentials of a pool that can be used now, in the order in which they are tried."""
    fit: list[Credential] = []
    resting: list[Credential] = []
    for credential, standing, is_full in seen:
        if not (standing.hard or is_full):
            (resting if standing.until_us else fit).append(credential)
    ordered = in_order(conduct, pool, fit, take_turn)
    if resting:
        ordered += in_order(conduct, pool, resting, take_turn)
    return ordered


def in_order(conduct: Conduct, pool: Pool, credentials: Sequence[Credential], take_turn: TakeTurn) -> list[Credential]:
    """Credentials of a pool by priority and strategy."""
    if len(pool.ranks) < 2:
        return _by_strategy(conduct, pool, credentials, take_turn)
    ordered: list[Credential] = []
    for priority in pool.ranks:
        equals = [credential for credential in credentials if credential.priority == priority]
        ordered += _by_strategy(conduct, pool, equals, take_turn)
    return ordered


def order_targets(
    conduct: Conduct, found: TargetList, targets: Sequence[Target], take_turn: TakeTurn
) -> Sequence[Target]:
    """Those of `targets`, which are some of those that were found, in the order in which they are tried."""
    if found.choice is None:
        return targets
    wanted = frozenset(targets)
    return [target for target in _chosen(conduct, found.choice, take_turn) if target in wanted]


def _by_strategy(
    conduct: Conduct, pool: Pool, credentials: Sequence[Credential], take_turn: TakeTurn
) -> list[Credential]:
    if len(credentials) < 2:
        return list(credentials)
    strategy = pool.strategy
    turn = take_turn(pool.turns, pool.sticky) if strategy.takes_turns else 0
    if strategy.reads_figures:
        figures = conduct.board.figures
        candidates: Sequence[Candidate] = [_candidate(each.weight, figures(each)) for each in credentials]
    elif credentials is pool.credentials:
        candidates = pool.candidates
    else:
        candidates = [Candidate(each.weight) for each in credentials]
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
