"""From settings to the records the relay goes by. The one place where both are known."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET

from gateway.access.keys import KeyRing
from gateway.catalog.presets import presets
from gateway.catalog.prices import PriceList
from gateway.errors import SettingsError
from gateway.outbound.proxy import resolve_proxy
from gateway.records import ClientKey, Credential, Price, Provider
from gateway.routing.resolve import Combo, Resolver
from gateway.settings.model import PriceSettings, ProviderSettings, Settings
from gateway.usage.meter import NANO_USD_PER_TOKEN


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
    preset = presets().get(said.id)
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
        forward_headers=tuple(name.lower() for name in said.forward_headers),
        stream_usage=said.stream_usage,
        auth=preset.auth if preset else "bearer",
    )


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
