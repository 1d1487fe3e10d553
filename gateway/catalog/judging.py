"""What of a newly fetched registry is believed, when one is there already.

Knows two registries and how far a price may move at a time. A price that moves further is more often a slip than a
change, and a slip is paid for by somebody: the old one stays until the list agrees with it again or the operator says
what holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from types import MappingProxyType

from msgspec import structs

from .models_dev import Faults
from .registry import Figures, Registry, Row

FEWEST_PERCENT = 50
"""Of the models there were, how many must still be there."""

MOST_SUSPICIOUS_PERCENT = 20
"""Of the prices there were, how many may be doubted before the whole list is."""

RATES = (
    *("input", "output", "cache read", "cache write", "cache write for an hour", "reasoning"),
    *("audio input", "image input", "audio output", "image output"),
)
"""The figures of a row, for people."""

STANDS_IN = (0, 1, 0, 0, 3, 1, 0, 0, 1, 1)
"""Which figure holds in the place of one that is not said."""

NO_FAULTS: Faults = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Update:
    """What became of a new registry."""

    registry: Registry | None
    """The one to go by, with old prices where the new ones are doubted; None where all of it is refused."""
    refused: str = ""
    """Why it is."""
    suspicious: tuple[str, ...] = ()
    """Prices that were not believed, each by `provider/model` and what it would have become."""


def judge_update(old: Registry, new: Registry, factor: float, faults: Faults = NO_FAULTS) -> Update:
    """What of the new registry holds. A price that would change by this factor or more, or be lost, stays as it is; so
    does a model whose row has a fault, and a list that would lose most of its models."""
    if refused := _loss(_count(old), _count(new)):
        return Update(None, refused)
    pairs = tuple(_pairs(old, new))
    doubts = {(place, was.name): doubt for place, was, now in pairs if (doubt := _doubt(was, now, factor))}
    compared = sum(1 for _, was, _ in pairs if was.rates is not None)
    lost = {place: said for place in old.lists() if (said := _loss(len(old.rows(place)), len(new.rows(place))))}
    rows = tuple(f"{place}/{name}: {doubt}" for (place, name), doubt in {**doubts, **faults}.items())
    suspicious = (*rows, *(f"{place}: {said}" for place, said in lost.items()))
    if len(doubts) * 100 > compared * MOST_SUSPICIOUS_PERCENT:
        return Update(None, f"{len(doubts)} of {compared} prices are suspicious", suspicious)
    kept = {place: _settled(old, new, place, doubts, faults) for place in (*new.lists(), *(at for at, _ in faults))}
    kept |= {place: dict(old.rows(place)) for place in lost}
    return Update(Registry(new.date, {at: rows.values() for at, rows in kept.items() if rows}), suspicious=suspicious)


def _settled(
    old: Registry, new: Registry, place: str, doubts: Collection[tuple[str, str]], faults: Faults
) -> dict[str, Row]:
    """A new list, with the prices that were doubted and the rows that could not be read as they were."""
    were, rows = old.rows(place), dict(new.rows(place))
    for name in [name for at, name in doubts if at == place]:
        rows[name] = structs.replace(rows[name], rates=were[name].rates, tiers=were[name].tiers)
    return rows | {name: were[name] for at, name in faults if at == place and name in were}


def _loss(before: int, after: int) -> str:
    """What is wrong with a list of so many models; empty where nothing is."""
    return f"it has {after} models where there were {before}" if after * 100 < before * FEWEST_PERCENT else ""


def _count(registry: Registry) -> int:
    return sum(len(registry.rows(place)) for place in registry.lists())


def _pairs(old: Registry, new: Registry) -> Iterator[tuple[str, Row, Row]]:
    """The models that are in both, as they were and as they would be."""
    for place in new.lists():
        were = old.rows(place)
        yield from ((place, were[name], row) for name, row in new.rows(place).items() if name in were)


def _doubt(was: Row, now: Row, factor: float) -> str:
    """Why a new price is not believed; empty where it is."""
    if was.rates is None:
        return ""
    if now.rates is None:
        return "its price is gone"
    former = ((0, was.rates), *was.tiers)
    for size, later in ((0, now.rates), *now.tiers):
        # What such a prompt has cost: by the last of the tiers that begin no later.
        figures = [rates for begins, rates in former if begins <= size][-1]
        if moved := _moved(figures, later, factor):
            return moved
    return ""


def _moved(figures: Figures, later: Figures, factor: float) -> str:
    """The first rate that changes by the factor or more. One that comes may differ more from what stood in for it, as
    that of sound does, but only by the factor of the factor."""
    for place, (rate, other) in enumerate(zip(RATES, later, strict=False)):
        one = figures[place] if place < len(figures) else None
        if one is None and other is not None:
            stood = _standing_in(figures, place)
            if other > stood and other >= factor**2 * stood:
                return _change(rate, stood, other)
        if one is not None and other is not None and max(one, other) >= factor * min(one, other) and one != other:
            return _change(rate, one, other)
    return ""


def _standing_in(figures: Figures, place: int) -> int:
    """The figure that holds where this one is not said."""
    said = figures[place] if place < len(figures) else None
    return _standing_in(figures, STANDS_IN[place]) if said is None else said


def _change(rate: str, one: int, other: int) -> str:
    return f"{rate} from {_usd(one)} to {_usd(other)} USD per million tokens"


def _usd(rate: int) -> str:
    whole, rest = divmod(rate, 1_000_000)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")
