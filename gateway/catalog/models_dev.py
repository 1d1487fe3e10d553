"""The price list that models.dev publishes, read.

Shape: https://github.com/anomalyco/models.dev, `packages/core/src/schema.ts`. Members that are new are passed over. A
row that is not as it should be is left out, and said to be; a document with many of them is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, json

from gateway.records import Rates

from .rates import HOUR_FACTOR, rates_of
from .registry import Figures, Registry, RegistryUnreadable, Row, figures_of

LARGEST_BYTES = 32 * 1024 * 1024
"""Sixteen times what it has. More is no price list."""

MOST_FAULTS_PERCENT = 5
"""Of the rows, which may be wrong before the whole document is."""

HIGHEST_USD = 1_000_000
"""Per million tokens; more is a mistake."""

UNREADABLE = (ValueError, RecursionError)
"""What reading raises, msgspec's errors among it."""

Faults = Mapping[tuple[str, str], str]
"""What is wrong with rows, by provider and model."""

Size = Annotated[int, Meta(ge=0, le=2**53)]


class _Rates(Struct, frozen=True):
    """USD per million tokens."""

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None
    input_audio: Decimal | None = None
    output_audio: Decimal | None = None


class _Reach(Struct, frozen=True):
    type: str
    size: Size


class _Tier(_Rates, frozen=True, kw_only=True):
    tier: _Reach


class _Cost(_Rates, frozen=True, kw_only=True):
    tiers: tuple[_Tier, ...] = ()


class _Limit(Struct, frozen=True):
    context: Size = 0
    input: Size = 0
    output: Size = 0


class _Modalities(Struct, frozen=True):
    input: tuple[str, ...] = ()


class _Model(Struct, frozen=True):
    cost: _Cost | None = None
    limit: _Limit = _Limit()
    modalities: _Modalities | None = None
    tool_call: bool | None = None
    reasoning: bool | None = None
    status: str = ""


class _Provider(Struct, frozen=True):
    models: dict[str, msgspec.Raw]


_LETTERS = {"image": "i", "audio": "a", "pdf": "d"}

_document = json.Decoder(dict[str, msgspec.Raw])
_provider = json.Decoder(_Provider)
_model = json.Decoder(_Model)


def read_models_dev(body: bytes, date: str) -> tuple[Registry, Faults]:
    """The registry in an `api.json` of that date, and what is wrong with the rows that were left out of it. Raises
    RegistryUnreadable."""
    if len(body) > LARGEST_BYTES:
        raise RegistryUnreadable(f"larger than {LARGEST_BYTES} bytes")
    lists: dict[str, list[Row]] = {}
    faults: dict[tuple[str, str], str] = {}
    for place, name, model in _models(body):
        try:
            lists.setdefault(place, []).append(_row(name, _model.decode(model)))
        except UNREADABLE as error:
            faults[place, name] = str(error)
    rows = sum(map(len, lists.values()))
    if len(faults) * 100 > (rows + len(faults)) * MOST_FAULTS_PERCENT:
        (place, name), fault = next(iter(faults.items()))
        raise RegistryUnreadable(
            f"{len(faults)} of {rows + len(faults)} models cannot be read, {place}/{name} among them: {fault}"
        )
    return Registry(date, lists), faults


def _models(body: bytes) -> Iterator[tuple[str, str, msgspec.Raw]]:
    """Every provider, and each of its models with its name."""
    try:
        document = _document.decode(body)
    except UNREADABLE as error:
        raise RegistryUnreadable(f"not a list of providers: {error}") from None
    for place, provider in document.items():
        try:
            models = _provider.decode(provider).models
        except UNREADABLE as error:
            raise RegistryUnreadable(f"{place}: {error}") from None
        yield from ((place, name, model) for name, model in models.items())


def _row(name: str, said: _Model) -> Row:
    rates, tiers = _price(name, said.cost)
    return Row(
        name,
        rates,
        tiers,
        said.status,
        context=said.limit.context or None,
        max_input=said.limit.input or None,
        max_output=said.limit.output or None,
        takes="?" if said.modalities is None else _takes(said.modalities.input),
        tools=said.tool_call,
        reasoning=said.reasoning,
    )


def _takes(modalities: tuple[str, ...]) -> str:
    return "".join(letter for modality, letter in _LETTERS.items() if modality in modalities)


def _price(name: str, cost: _Cost | None) -> tuple[Figures | None, tuple[tuple[int, Figures], ...]]:
    """Rates and tiers. A price of nothing is one only where the name says so: else the list writes it for what belongs
    to a plan, is paid for by the hour, or was not looked up."""
    if cost is None or not (cost.input or cost.output or name.endswith(":free")):
        return None, ()
    tiers = (
        (each.tier.size, figures_of(_rates(name, each, cost.cache_write)))
        for each in cost.tiers
        if each.tier.type == "context"
    )
    return figures_of(_rates(name, cost, None)), tuple(sorted(tiers))


def _rates(name: str, said: _Rates, written: Decimal | None) -> Rates:
    """`written`: what input written to the cache costs where these rates do not say it. The list has no place for what
    is written for an hour."""
    usd = {field: getattr(said, field) for field in said.__struct_fields__ if field in Rates.__struct_fields__}
    for field, value in usd.items():
        if value is not None and not (value.is_finite() and 0 <= value <= HIGHEST_USD):
            raise ValueError(f"expected a price, got {value} - at `$.cost.{field}`")
    if "claude" in name and (said.cache_write or written):
        usd["cache_write_1h"] = said.input * HOUR_FACTOR
    return rates_of(usd)
