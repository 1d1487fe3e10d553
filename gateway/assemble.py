"""From settings to the records the relay goes by. The one place where both are known."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET

from gateway.access.keys import KeyRing
from gateway.catalog.presets import presets
from gateway.catalog.prices import PriceList
from gateway.errors import SettingsError
from gateway.outbound.proxy import resolve_proxy
from gateway.records import ClientKey, Credential, ModelFacts, Price, Provider
from gateway.routing.resolve import Combo, Resolver
from gateway.settings.model import ModelFactsSettings, PriceSettings, ProviderSettings, Settings
from gateway.usage.meter import NANO_USD_PER_TOKEN

SCHEMES = {"anthropic": "x-api-key", "gemini": "x-goog-api-key"}
"""How servers of a format take a secret; the others as a bearer token."""


def providers_of(settings: Settings) -> tuple[Provider, ...]:
    """The providers, presets filled in, proxies resolved."""
    return tuple(_provider(provider, settings) for provider in settings.providers)


def resolver_of(settings: Settings, providers: tuple[Provider, ...]) -> Resolver:
    """Names to targets."""
    aliases = {alias.name: alias.target for alias in settings.aliases}
    combos = [Combo(combo.name, combo.targets, combo.strategy) for combo in settings.combos]
    return Resolver(providers, aliases, combos)


def keys_of(settings: Settings) -> KeyRing:
    """The client keys."""
    return KeyRing((key.key, ClientKey(key.name, key.models, key.strict)) for key in settings.client_keys)


def prices_of(settings: Settings) -> PriceList:
    """The prices."""
    return PriceList(tuple(_prices(settings)))


def _provider(said: ProviderSettings, settings: Settings) -> Provider:
    assert said.format is not UNSET  # loading fills it in or refuses
    return Provider(
        id=said.id,
        format=said.format,
        base_url=said.base_url,
        models=said.models,
        strategy=said.strategy,
        credentials=tuple(Credential(said.id, each.name, each.api_key) for each in said.credentials),
        proxy=_proxy_of(said, settings),
        headers=tuple((name.lower(), value) for name, value in said.headers.items()),
        drop_fields=said.drop_fields,
        forward_headers=tuple(name.lower() for name in said.forward_headers),
        stream_usage=said.stream_usage,
        auth=_scheme_of(said),
        also_speaks=() if said.also_speaks is UNSET else said.also_speaks,
        facts=tuple((facts.model, _facts(facts)) for facts in said.model_facts),
    )


def _scheme_of(said: ProviderSettings) -> str:
    """How the provider takes a secret: as its preset says of its format, or as is usual with the format."""
    preset = presets().get(said.id)
    if preset is not None and preset.format == said.format:
        return preset.auth
    return SCHEMES.get(str(said.format), "bearer")


def _facts(said: ModelFactsSettings) -> ModelFacts:
    values = {name: getattr(said, name) for name in said.__struct_fields__ if name != "model"}
    levels = tuple(level.upper() for level in said.levels)  # as Gemini writes them
    return ModelFacts(**values | {"levels": levels})


def _proxy_of(said: ProviderSettings, settings: Settings) -> str:
    """The proxy from the settings or the environment; SettingsError when it is not one."""
    try:
        return resolve_proxy(said.base_url, said.proxy or settings.upstream.proxy)
    except ValueError as error:
        raise SettingsError(f"provider {said.id}: {error}") from None


def _prices(settings: Settings) -> Iterator[tuple[str, Price]]:
    for said in settings.prices:
        yield said.model, _price(said)


def _price(said: PriceSettings) -> Price:
    read = said.input if said.cache_read is None else said.cache_read
    write = said.input if said.cache_write is None else said.cache_write
    usd = (said.input, said.output, read, write)
    return Price(*(price * NANO_USD_PER_TOKEN for price in usd))
