"""Whom to try first, and who comes after: one pure function a strategy, the same for credentials and for targets.

What a strategy goes by is handed in, and so is the turn: a number that counts requests. The same turn and the same
figures give the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

EXPLORES_EVERY = 20
"""Of so many turns, `lowest_latency` gives one to somebody who is not the fastest: who was slow once may recover."""


class Candidate(NamedTuple):
    """What strategies know of a credential or a target."""

    weight: int = 1
    in_flight: int = 0
    """Requests under way."""
    latency_us: int = 0
    """How long its first token took of late; 0 where nobody knows."""
    headroom: float = 1.0
    """The share of its rate limits that is left; 1 where nobody knows."""
    cost: int | None = None
    """What it costs, in any unit; None where nobody knows."""


Order = Callable[[Sequence[Candidate], int], Sequence[int]]
"""Candidates and a turn to the order in which they are tried, as indexes. Never called without candidates."""


Cycle = Callable[[Sequence[Candidate]], int]
"""Candidates to the number of turns after which their orders come again."""


class Strategy(NamedTuple):
    """A way to choose."""

    order: Order
    cycle: Cycle | None = None
    """None where it goes by more than turns and weights."""
    takes_turns: bool = True
    """Whether its order depends on the turn."""
    reads_figures: bool = False
    """Whether it goes by what was measured."""
    meaning: str = ""
    """For people."""


def fill_first(candidates: Sequence[Candidate], turn: int) -> Sequence[int]:
    """As they stand."""
    return range(len(candidates))


def round_robin(candidates: Sequence[Candidate], turn: int) -> Sequence[int]:
    """Each in turn; the others follow in their order."""
    count = len(candidates)
    start = turn % count
    return [*range(start, count), *range(start)] if start else range(count)


def weighted(candidates: Sequence[Candidate], turn: int) -> Sequence[int]:
    """Each as often as its weight within a cycle of as many turns as all weights together, spread evenly.

    Of a candidate of weight w, use k of a cycle is due at (2k + 1) / w, as seats are given out by Sainte-Laguë: the
    turns follow each other as these are due.
    """
    weights = [candidate.weight for candidate in candidates]
    whole = sum(weights)
    left = turn % whole
    # A start that is surely not too late: by then at most `early` uses were due.
    early = max(left - len(weights), 0)
    used = [early * weight // whole for weight in weights]
    due = [((2 * count + 1) / weight, index) for index, (count, weight) in enumerate(zip(used, weights, strict=True))]
    for _ in range(left - sum(used)):
        _, index = min(due)
        used[index] += 1
        due[index] = ((2 * used[index] + 1) / weights[index], index)
    return [index for _, index in sorted(due)]


def least_busy(candidates: Sequence[Candidate], turn: int) -> Sequence[int]:
    """Who has the fewest requests under way for its weight; equals in turn."""
    return _by(candidates, turn, lambda each: each.in_flight / each.weight)


def lowest_latency(candidates: Sequence[Candidate], turn: int) -> Sequence[int]:
    """Who gave the first token fastest of late. Who is unknown goes first, until a request is with it."""
    order = _by(candidates, turn, _latency)
    if len(order) > 1 and turn % EXPLORES_EVERY == EXPLORES_EVERY - 1:
        explored = order.pop(1 + turn // EXPLORES_EVERY % (len(order) - 1))
        order.insert(0, explored)
    return order


def lowest_cost(candidates: Sequence[Candidate], turn: int) -> Sequence[int]:
    """The cheapest first, unknown costs last; equals in turn."""
    return _by(candidates, turn, lambda each: (each.cost is None, each.cost or 0))


def headroom(candidates: Sequence[Candidate], turn: int) -> Sequence[int]:
    """Who has most left of its rate limits; equals in turn."""
    return _by(candidates, turn, lambda each: -each.headroom)


def _one(candidates: Sequence[Candidate]) -> int:
    return 1


def _weight(candidates: Sequence[Candidate]) -> int:
    return sum(candidate.weight for candidate in candidates)


STRATEGIES: dict[str, Strategy] = {
    "fallback": Strategy(fill_first, _one, takes_turns=False, meaning="In the order in which they are written."),
    "fill_first": Strategy(fill_first, _one, takes_turns=False, meaning="The first one, as long as it is available."),
    "round_robin": Strategy(round_robin, len, meaning="One after another, `sticky_requests` requests each."),
    "weighted": Strategy(weighted, _weight, meaning="Each as often as its `weight`, spread evenly."),
    "least_busy": Strategy(
        least_busy, reads_figures=True, meaning="Who has the fewest requests under way, for its weight."
    ),
    "lowest_latency": Strategy(
        lowest_latency,
        reads_figures=True,
        meaning="Who gave the first token fastest of late. Who is unknown is tried; one request in "
        f"{EXPLORES_EVERY} goes to another one, so that who was slow can show that it no longer is.",
    ),
    "lowest_cost": Strategy(lowest_cost, meaning="The cheapest, by the price list; who has no price is tried last."),
    "headroom": Strategy(
        headroom, reads_figures=True, meaning="Who has most left of its rate limits, by the headers of its answers."
    ),
}
"""`fill_first` is of pools, `fallback` is the same of combos."""


def _latency(candidate: Candidate) -> tuple[int, int]:
    if candidate.latency_us:
        return (1, candidate.latency_us)
    return (2, candidate.in_flight) if candidate.in_flight else (0, 0)


def _by(candidates: Sequence[Candidate], turn: int, key: Callable[[Candidate], float | tuple[int, int]]) -> list[int]:
    """Indexes by key, equals in turn."""
    return sorted(round_robin(candidates, turn), key=lambda index: key(candidates[index]))
