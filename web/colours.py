"""Which colour a name has: the same on every page, for as long as this process runs.

There are eight that can be told apart. They go to the names that matter most, as `rank` says. What a page draws may be
of other names: those take what is free there; all others share one.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

SERIES = 8
EVERY = tuple(f"series-{number}" for number in range(1, SERIES + 1))
OTHER = "series-0"
REMEMBERED_SECONDS = 600.0

Rank = Callable[[str], Awaitable[Sequence[str]]]
"""Names of a kind, such as `model`, those that matter most first."""


class Colours:
    """Colours of names, by kind. A name that has one keeps it until it no longer belongs to the first eight."""

    def __init__(self, rank: Rank, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rank, self._clock = rank, clock
        self._given: dict[str, dict[str, int]] = {}
        self._asked: dict[str, float] = {}

    async def of(self, kind: str) -> Mapping[str, str]:
        """The colours of a kind, by name; a name that is not in it has OTHER."""
        if kind not in self._asked or self._clock() - self._asked[kind] > REMEMBERED_SECONDS:
            self._asked[kind] = self._clock()
            self._give(kind, (await self._rank(kind))[:SERIES])
        return {name: f"series-{number}" for name, number in self._given[kind].items()}

    def _give(self, kind: str, names: Iterable[str]) -> None:
        kept = {name: number for name, number in self._given.get(kind, {}).items() if name in set(names)}
        free = iter(sorted(set(range(1, SERIES + 1)) - set(kept.values())))
        self._given[kind] = {name: kept[name] if name in kept else next(free) for name in names}


def drawn(house: Mapping[str, str], sizes: Mapping[str, float]) -> Mapping[str, str]:
    """Colours of the eight largest names of what is drawn: their own where the house has given them one, else one that
    none of these has. Which of them is the larger does not matter to it, so that colours stay while figures move."""
    largest = sorted((name for name in sizes if sizes[name]), key=lambda name: (-sizes[name], name))[:SERIES]
    tints = {name: house[name] for name in largest if name in house}
    theirs = {house[name] for name in sizes if name in house}
    unused = [tint for tint in EVERY if tint not in tints.values()]
    # The colour of a smaller name of the house, which is among the others here, comes last.
    free = iter(sorted(unused, key=lambda tint: tint in theirs))
    return {name: tints[name] if name in tints else next(free) for name in sorted(largest)}
