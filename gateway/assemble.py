"""From settings to the records the relay goes by. The one place where both are known."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from msgspec import UNSET

from gateway.access.keys import SaidKey
from gateway.catalog.presets import presets
from gateway.catalog.prices import PriceList
from gateway.errors import SettingsError
from gateway.outbound.proxy import resolve_proxy
from gateway.records import ClientKey, Credential, ModelFacts, Price, Provider
from gateway.routing.resolve import Combo, Resolver
from gateway.settings.instants import read_instant
from gateway.settings.model import Settings
from gateway.settings.objects import ClientKeySettings, ModelFactsSettings, PriceSettings, ProviderSettings
from gateway.usage.meter import NANO_USD_PER_TOKEN

SCHEMES = {"anthropic": "x-api-key", "gemini": "x-goog-api-key"}
"""How servers of a format take a secret; the others as a bearer token."""


def providers_of(
    settings: Settings, guarded: Collection[str] = (), base: Settings | None = None
) -> tuple[Provider, ...]:
    """The providers, presets filled in, proxies resolved.

    Of those in `guarded` the address, or the proxy to it, came by API; what `base` says of it is the operator's own
    word.
    """
    base = base or settings
    own = {provider.id for provider in base.providers}
    proxies = {"", "none", base.upstream.proxy, *(provider.proxy for provider in base.providers)}
    return tuple(
        replace(
            _provider(said, settings),
            guarded=said.id in guarded and said.id not in own,
            proxy_guarded=said.id in guarded and (said.proxy or settings.upstream.proxy) not in proxies,
        )
        for said in settings.providers
    )


def resolver_of(settings: Settings, providers: tuple[Provider, ...]) -> Resolver:
    """Names to targets."""
    aliases = {alias.name: alias.target for alias in settings.aliases}
    combos = [Combo(combo.name, combo.targets, combo.strategy) for combo in settings.combos]
    return Resolver(providers, aliases, combos)


def keys_of(settings: Settings) -> tuple[SaidKey, ...]:
    """The client keys of the configuration file, each as its client sends it and as its record."""
    return tuple((said.key, _key(said)) for said in settings.client_keys)


def prices_of(settings: Settings) -> PriceList:
    """The prices."""
    return PriceList(tuple(_prices(settings)))


def _key(said: ClientKeySettings) -> ClientKey:
    return ClientKey(
        said.name,
        id=said.name,
        models=said.models,
        strict=said.strict,
        providers=said.providers,
        credentials=said.credentials,
        endpoints=said.endpoints,
        expires_at_us=_instant(said) if said.expires_at else None,
        paused=said.paused,
        tags=said.tags,
    )


def _instant(said: ClientKeySettings) -> int:
    try:
        return read_instant(said.expires_at)
    except ValueError as error:
        raise SettingsError(f"client key {said.name}: expires_at: {error}") from None


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
