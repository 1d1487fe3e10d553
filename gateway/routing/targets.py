"""Where a name leads: its targets, how to choose among them, and on which terms.

Found by `resolve`, tried by `dispatch`. A combo may hold combos: each is a choice among its members, and its own
strategy orders those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gateway.records import Credential, PassedOver, Target

if TYPE_CHECKING:
    from .pool import Pool


@dataclass(frozen=True, slots=True)
class Choice:
    """The members of a combo and how they are ordered for a request."""

    name: str
    """The combo's: its turns are counted by it."""
    members: tuple[Target | Choice, ...]
    strategy: str = "fallback"
    weights: tuple[int, ...] = ()
    """One for each member; empty where all weigh the same."""

    def keeping(self, keep: Callable[[Target], bool]) -> Choice | None:
        """The same with only those targets that `keep` accepts; None where there are none."""
        weights = self.weights or (1,) * len(self.members)
        found = [(_kept(member, keep), weight) for member, weight in zip(self.members, weights, strict=True)]
        left = [(member, weight) for member, weight in found if member is not None]
        if not left:
            return None
        kept = tuple(weight for _, weight in left) if self.weights else ()
        return replace(self, members=tuple(member for member, _ in left), weights=kept)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a combo says of failures. Of nested ones the outermost is heard."""

    attempts: int | None = None
    """Most attempts for one request; None: as for everybody."""
    next_on: frozenset[str] = frozenset()
    """Faults after which the next target is tried although the request seems to be at fault."""
    stop_on: frozenset[str] = frozenset()
    """Faults that are the answer, although another target might do better."""
    hedge_ms: int | None = None
    """Milliseconds without a first token after which the next target is asked as well."""


USUAL = Terms()
"""Of names that are no combos."""


@dataclass(frozen=True, slots=True)
class TargetList:
    """The targets that a key may use under a name."""

    targets: tuple[Target, ...]
    """All of them, each once, in the order in which they are written."""
    choice: Choice | None = None
    """How they are ordered; None: as they stand."""
    terms: Terms = USUAL
    credentials: Mapping[str, tuple[Credential, ...]] | None = None
    """By provider those that the key may use; None where it may use all of them."""
    via: str | None = None
    """The alias, pattern or combo that led here; None where a model was named itself."""
    ordered_by: Mapping[Target, str] = field(default_factory=dict, compare=False)
    """By target of a combo the strategy that orders it, for people: `labels_of`."""
    left_out: tuple[PassedOver, ...] = field(default=(), compare=False)
    """Those that fell out of it, and those that come after all others though they need not, and why."""
    pools: dict[Target, Pool] = field(default_factory=dict, compare=False, repr=False)
    """Those of its targets that were asked for: `pool.pool_of`. A list with fewer of the targets has the same."""

    def keeping(self, keep: Callable[[Target], bool], why: str) -> TargetList:
        """The same with only those targets that `keep` accepts; there may be none. `why` the others are not."""
        return self.without({target: why for target in self.targets if not keep(target)})

    def without(self, reasons: Mapping[Target, str]) -> TargetList:
        """The same without these targets, and why."""
        if not reasons:
            return self
        kept = tuple(target for target in self.targets if target not in reasons)
        choice = self.choice.keeping(lambda target: target not in reasons) if self.choice is not None else None
        return replace(self, targets=kept, choice=choice, left_out=(*self.left_out, *_noted(reasons)))

    def noting(self, reasons: Mapping[Target, str]) -> TargetList:
        """The same, and why these targets are not asked, or after all others."""
        return replace(self, left_out=(*self.left_out, *_noted(reasons)))


def labels_of(choice: Choice) -> Mapping[Target, str]:
    """By target of a combo how it is chosen: the strategy of the combo, and a weight where that counts. A combo within
    it is one of its members."""
    weights = choice.weights or (1,) * len(choice.members)
    whole = sum(weights)
    labels = [label(choice.strategy, weight, whole) for weight in weights]
    return {target: each for member, each in zip(choice.members, labels, strict=True) for target in _targets_in(member)}


def label(strategy: str, weight: int, whole: int) -> str:
    """A strategy, and where it goes by weights the part of all of them."""
    return f"{strategy} {weight}/{whole}" if strategy == "weighted" else strategy


def _noted(reasons: Mapping[Target, str]) -> Iterator[PassedOver]:
    return (PassedOver(target.provider, target.model, None, why) for target, why in reasons.items())


def _targets_in(member: Target | Choice) -> Iterator[Target]:
    if isinstance(member, Choice):
        for each in member.members:
            yield from _targets_in(each)
    else:
        yield member


def _kept(member: Target | Choice, keep: Callable[[Target], bool]) -> Target | Choice | None:
    if isinstance(member, Choice):
        return member.keeping(keep)
    return member if keep(member) else None
