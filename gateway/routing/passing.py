"""Who is not asked though others are, and why: written down as it is found, for the usage record. Decides nothing.

Also the words for how somebody was chosen, where that is not a strategy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from gateway.records import Credential, PassedOver, Target

from .ordering import Seen
from .pool import Pool, Whom
from .strategies import STRATEGIES

SESSION, PROBE, RESTING, AGAIN, HEDGE = "session", "probe", "resting", "again", "hedge"
"""It holds the conversation; it is tried whether it is well again; it rests, and nobody else is left; the same once
more; it is asked beside one that takes long."""

BUSY = "busy"
"""Why a credential is passed over that has as many requests under way as it may."""

BY_TURN = frozenset(name for name, each in STRATEGIES.items() if each.takes_turns and each.cycle is not None)
"""Strategies of combos by which a conversation stays with its target: it always has the same turn."""

MOST = 8
"""So many are told of at most, the others are counted."""


NOBODY: tuple[tuple[PassedOver, ...], int] = ((), 0)


class Passed:
    """Of one exchange, while it lasts."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[Whom, PassedOver | None] = {}
        """None for whoever is only counted."""

    def note(self, whom: Whom, why: str, until_us: int = 0, *, holds: bool = False) -> None:
        """This one is not asked, or not now; what was found first counts."""
        if whom not in self._found:
            provider, model, credential = whom
            made = PassedOver(provider, model, credential, why, until_us or None, holds)
            self._found[whom] = made if len(self._found) < MOST else None

    def note_seen(self, target: Target, seen: Seen, *, holds: bool = False) -> None:
        """A credential rests, or is busy."""
        standing = seen.standing
        why, until_us = (standing.reason, standing.until_us) if standing.until_us else (BUSY, 0)
        self.note((target.provider, target.model, seen.credential.name), why, until_us, holds=holds)

    def note_all(self, others: Mapping[Whom, PassedOver]) -> None:
        """All of these are never asked."""
        for whom, other in others.items():
            self._found.setdefault(whom, other if len(self._found) < MOST else None)

    def told(
        self, left_out: Iterable[PassedOver], asked: Collection[tuple[Target, str]]
    ) -> tuple[tuple[PassedOver, ...], int]:
        """Those who never were among the `asked`, after what is known of targets that were `left_out`; and how many
        more there were."""
        targets = {target for target, _ in asked}
        found: dict[Whom, PassedOver | None] = {(each.provider, each.model, each.credential): each for each in left_out}
        found.update(self._found)
        passed = [other for whom, other in found.items() if not _is_among(whom, asked, targets)]
        told = [other for other in passed if other is not None][:MOST]
        return tuple(told), len(passed) - len(told)


def is_well(seen: Seen) -> bool:
    """Whether nothing speaks against a credential."""
    return not (seen.is_full or seen.standing.until_us)


def chosen_late(pool: Pool, seen: Seen) -> str | None:
    """How somebody is chosen who is next in line, or the only one: None, but where it rests or is pinned."""
    if seen.standing.until_us:
        return RESTING
    return pool.labels.get(seen.credential.name) if len(pool.credentials) == 1 else None


def unwell_before(pool: Pool, seen: Iterable[Seen], first: Credential | None) -> Iterator[Seen]:
    """Who of these, in the order of the pool, might have been asked before `first`, were everybody well; `None`: nobody
    was asked."""
    by_turn, is_before = pool.strategy.takes_turns, True
    for each in seen:
        credential = each.credential
        if credential is first:
            is_before = False
        elif not is_well(each) and (
            first is None
            or credential.priority > first.priority
            or (credential.priority == first.priority and (by_turn or is_before))
        ):
            yield each


def _is_among(whom: Whom, asked: Collection[tuple[Target, str]], targets: Collection[Target]) -> bool:
    target, credential = Target(whom[0], whom[1]), whom[2]
    return target in targets if credential is None else (target, credential) in asked
