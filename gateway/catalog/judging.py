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
    does a model whose row has a fault."""
    before, after = _count(old), _count(new)
    if after * 100 < before * FEWEST_PERCENT:
        return Update(None, f"it has {after} models where there were {before}")
    pairs = tuple(_pairs(old, new))
    doubts = {(place, was.name): doubt for place, was, now in pairs if (doubt := _doubt(was, now, factor))}
    compared = sum(1 for _, was, _ in pairs if was.rates is not None)
    suspicious = tuple(f"{place}/{name}: {doubt}" for (place, name), doubt in {**doubts, **faults}.items())
    if len(doubts) * 100 > compared * MOST_SUSPICIOUS_PERCENT:
        return Update(None, f"{len(doubts)} of {compared} prices are suspicious", suspicious)
    return Update(_settled(old, new, doubts, faults), suspicious=suspicious)


def _settled(old: Registry, new: Registry, doubts: Collection[tuple[str, str]], faults: Faults) -> Registry:
    """The new registry, with the prices that were doubted and the rows that could not be read as they were."""
    lists = {place: dict(new.rows(place)) for place in new.lists()}
    for place, name in doubts:
        was = old.rows(place)[name]
        lists[place][name] = structs.replace(lists[place][name], rates=was.rates, tiers=was.tiers)
    for place, name in faults:
        if (kept := old.rows(place).get(name)) is not None:
            lists.setdefault(place, {})[name] = kept
    return Registry(new.date, {place: rows.values() for place, rows in lists.items()})


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
    tiers = dict(now.tiers)
    for size, figures in (*was.tiers, (0, was.rates)):
        later = tiers.get(size) if size else now.rates
        if later is not None and (moved := _moved(figures, later, factor)):
            return moved
    return ""


def _moved(figures: Figures, later: Figures, factor: float) -> str:
    """The first rate that changes by the factor or more. One that comes or goes moves no further than `input` does."""
    for rate, one, other in zip(RATES, figures, later, strict=False):
        if one is not None and other is not None and max(one, other) >= factor * min(one, other) and one != other:
            return f"{rate} from {_usd(one)} to {_usd(other)} USD per million tokens"
    return ""


def _usd(rate: int) -> str:
    whole, rest = divmod(rate, 1_000_000)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")
