"""The models there are, provider by provider: who says that it serves them, what they can do, and what they cost.

Knows what is looked up where, and asks nobody. A provider that lists nothing is known by the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from gateway.assemble import Assembled
from gateway.errors import ModelForbidden, UnknownModel, UnknownResource
from gateway.management import configuration, keys
from gateway.management.office import Actor, Office
from gateway.records import ClientKey, Price, Provider, Rates
from gateway.routing.reach import EXCLUDES, may_use_endpoint, serves

READ = configuration.READ

PICO_PER_USD = 1_000_000
"""Rates are pico-USD a token, prices USD for a million of them."""

Said = Literal["settings", "provider", "catalogue"]

UsdRate = Annotated[float | None, Meta(description="USD per million tokens; null where it is as said beside it.")]


class RatesView(Struct, frozen=True, kw_only=True):
    """USD per million tokens of each kind, as prices are said."""

    input: float
    output: float
    cache_read: UsdRate = None
    cache_write: UsdRate = None
    cache_write_1h: UsdRate = None
    reasoning: UsdRate = None
    input_audio: UsdRate = None
    input_image: UsdRate = None
    output_audio: UsdRate = None
    output_image: UsdRate = None


class TierView(RatesView, frozen=True, kw_only=True):
    """Rates of requests with a longer prompt."""

    above: Annotated[int, Meta(description="Tokens of prompt beyond which they hold.")]


class ModelPrice(RatesView, frozen=True, kw_only=True):
    """What a model costs, and by which row."""

    source: Annotated[str, Meta(description="`override` and its pattern, or a row of the price list and its date.")]
    request: Annotated[float, Meta(description="USD for each request beside its tokens.")]
    tiers: tuple[TierView, ...]


class ModelFactsView(Struct, frozen=True, kw_only=True):
    """What a model can do; null where nobody said."""

    context: int | None
    max_input: int | None
    max_output: int | None
    images: bool | None
    audio: bool | None
    documents: bool | None
    tools: bool | None
    thinking: str | None


class ModelView(Struct, frozen=True, kw_only=True):
    """A model of a provider."""

    provider: str
    model: str
    said_by: Annotated[
        Said | None,
        Meta(
            description="Who says that it is there: the `models` of the provider's settings, its own list, or the "
            "catalogue, for a provider that has given no list. Null of one that nobody mentions."
        ),
    ]
    facts: ModelFactsView
    price: Annotated[
        ModelPrice | None, Meta(description="Null where nobody knows it: its cost is then unknown, not 0.")
    ]


class Wanted(Struct, frozen=True, kw_only=True):
    """Which models."""

    provider: str | None = None
    search: str | None = None
    key: str | None = None
    """Name or id of a client key: only what it may use."""
    after: tuple[str, str] | None = None


async def list_models(
    office: Office, actor: Actor, wanted: Wanted, *, made: Assembled, limit: int
) -> Sequence[ModelView]:
    """So many of them, by provider and name. Raises NotPermitted, UnknownResource for a key that is not there."""
    actor.require(READ)
    may_use: Callable[[str], bool] = _anything
    if wanted.key is not None:
        may_use = _use_of(await keys.get_client_key(office, actor, wanted.key), made)
    shown: list[ModelView] = []
    for provider, model, said_by in _models(made, wanted):
        if may_use(f"{provider.id}/{model}"):
            shown.append(_view(made, provider, model, said_by))
        if len(shown) == limit:
            break
    return shown


def show_model(actor: Actor, provider_id: str, model: str, made: Assembled) -> ModelView:
    """One model of a provider, whether anybody mentions it or not. Raises NotPermitted, UnknownResource."""
    actor.require(READ)
    provider = next((each for each in made.providers if each.id == provider_id), None)
    if provider is None or not serves(provider.models, model):
        raise UnknownResource(f"No provider in use serves `{provider_id}/{model}`.")
    return _view(made, provider, model, _names(made, provider).get(model))


def listed_price(actor: Actor, provider_id: str, model: str, made: Assembled) -> ModelPrice | None:
    """What a model costs by the registry, whatever the operator says. Raises NotPermitted."""
    actor.require(READ)
    price = made.prices.listed(provider_id, model)
    return None if price is None else _price(price)


def names_for(key: ClientKey, made: Assembled) -> Iterator[str]:
    """What a client key may ask for by name: the models that it names itself, aliases and combos, models. Of a provider
    of which nobody says what it serves, and that serves anything, at last a name that is none."""
    may_use = _use_of(key, made)
    own = (name for name in key.models if "*" not in name)
    models = (f"{provider.id}/{model}" for provider, model, _ in _models(made, Wanted()))
    anything = (f"{provider.id}/model" for provider in made.providers if not _names(made, provider))
    return filter(may_use, chain(own, made.resolver.names(), models, anything))


def endpoint_for(key: ClientKey, endpoints: Sequence[str]) -> str:
    """The first of these that a client key may use; of a key that may use none the first of all."""
    return next((path for path in endpoints if may_use_endpoint(key, path)), endpoints[0])


def _models(made: Assembled, wanted: Wanted) -> Iterator[tuple[Provider, str, Said]]:
    search, after = (wanted.search or "").lower(), wanted.after or ("", "")
    for provider in sorted(made.providers, key=lambda each: each.id):
        if wanted.provider not in (None, provider.id) or provider.id < after[0]:
            continue
        for model, said_by in sorted(_names(made, provider).items()):
            if (provider.id, model) > after and search in f"{provider.id}/{model}".lower():
                yield provider, model, said_by


def _names(made: Assembled, provider: Provider) -> dict[str, Said]:
    """The models of a provider that somebody mentions, each with who does."""
    known = made.known
    listed = known.listed((provider,)).get(provider.id)
    others = listed if listed is not None else known.catalogued((provider,)).get(provider.id, ())
    who: Said = "catalogue" if listed is None else "provider"
    names: dict[str, Said] = {model: who for model in others if serves(provider.models, model)}
    names |= {model: "settings" for model in provider.models if "*" not in model and not model.startswith(EXCLUDES)}
    return names


def _use_of(key: ClientKey, made: Assembled) -> Callable[[str], bool]:
    def may_use(name: str) -> bool:
        try:
            made.resolver.resolve(name, key)
        except (UnknownModel, ModelForbidden):
            return False
        return True

    return may_use


def _anything(name: str) -> bool:
    return True


def _view(made: Assembled, provider: Provider, model: str, said_by: Said | None) -> ModelView:
    facts, price = made.known.facts(provider, model), made.prices.find(provider.id, model)
    return ModelView(
        provider=provider.id,
        model=model,
        said_by=said_by,
        facts=ModelFactsView(**{name: getattr(facts, name) for name in ModelFactsView.__struct_fields__}),
        price=None if price is None else _price(price),
    )


def _price(price: Price) -> ModelPrice:
    return ModelPrice(
        **_usd(price.rates),
        source=price.source,
        request=price.request_nano_usd / 1e9,
        tiers=tuple(TierView(above=above, **_usd(rates)) for above, rates in price.tiers),
    )


def _usd(rates: Rates) -> dict[str, Any]:
    said = {name: getattr(rates, name) for name in RatesView.__struct_fields__}
    return {name: None if value is None else value / PICO_PER_USD for name, value in said.items()}
