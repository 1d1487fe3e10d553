"""What it costs that a provider's conversations change credentials: prompt caches belong to one account each. Pure.

The money is told only where there is something to compare with: the same model at a provider where conversations stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.records import Credential, Price, Provider
from gateway.usage import figures

STAYS = frozenset(("fill_first",))
"""Strategies that go to the same credential again and again."""

LEAST_REQUESTS = 100
"""On either side: fewer say nothing."""

PICO_IN_NANO = 1000

Row = Mapping[str, Any]
PriceOf = Callable[[str, str], Price | None]


@dataclass(frozen=True, slots=True)
class Loss:
    """What somebody is to know of it."""

    credentials: int
    """Among which conversations are handed around."""
    nano_usd: int | None
    """What cached tokens would have saved; None where there is nothing to compare with."""
    basis: str
    """What that goes by."""


def hands_around(provider: Provider) -> int:
    """Among how many credentials a conversation is handed around; 0 where it stays with one."""
    ranked = _first_rank(provider.credentials)
    moves = not provider.session_affinity and provider.strategy not in STAYS and len(ranked) > 1
    return len(ranked) if moves else 0


def loss_of(provider: Provider, rows: Sequence[Row], others: Sequence[Provider], price_of: PriceOf) -> Loss | None:
    """What handing around loses; None where it loses nothing that anybody knows of. `rows` are those of
    `providers/cached`."""
    count = hands_around(provider)
    own = {row["model"]: row for row in rows if row["provider"] == provider.id}
    saving = {model: _saving(price_of(provider.id, model)) for model in own}
    if not count or not any(saving.values()):
        return None
    keeping = {each.id for each in others if each.id != provider.id and not hands_around(each)}
    lost = [
        (cost, other)
        for model, row in own.items()
        if (other := _compared(model, rows, keeping)) is not None and (cost := _lost(row, other, saving[model])) > 0
    ]
    if not lost:
        return Loss(count, None, "")
    _, most = max(lost, key=lambda each: each[0])
    return Loss(count, sum(cost for cost, _ in lost), _basis(own[most["model"]], most))


def _first_rank(credentials: Sequence[Credential]) -> Sequence[Credential]:
    """Those in use that go first."""
    in_use = [each for each in credentials if each.models]
    highest = max((each.priority for each in in_use), default=0)
    return [each for each in in_use if each.priority == highest]


def _saving(price: Price | None) -> int:
    """What a token costs less where it was in the cache; pico-USD."""
    if price is None or price.rates.cache_read is None:
        return 0
    return max(price.rates.input - price.rates.cache_read, 0)


def _compared(model: str, rows: Sequence[Row], keeping: set[str]) -> Row | None:
    """The same model where conversations stay, and most of it is asked for."""
    found = [row for row in rows if row["model"] == model and row["provider"] in keeping and _says_something(row)]
    return max(found, key=lambda row: row["input_tokens"], default=None)


def _lost(own: Row, other: Row, saving: int) -> int:
    """Nano-USD."""
    if not _says_something(own):
        return 0
    missing = _share(other) - _share(own)
    return round(missing * own["input_tokens"] * saving / PICO_IN_NANO) if missing > 0 else 0


def _says_something(row: Row) -> bool:
    return bool(row["requests"] >= LEAST_REQUESTS and row["input_tokens"])


def _share(row: Row) -> float:
    return float(row["cache_read_tokens"] / row["input_tokens"])


def _basis(own: Row, other: Row) -> str:
    here, there = (figures.share(row["cache_read_tokens"], row["input_tokens"]) for row in (own, other))
    return f"of {own['model']} {there} of the input was in the cache at {other['provider']}, and {here} here"
