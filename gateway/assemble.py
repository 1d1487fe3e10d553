"""From settings to the records the relay goes by. The one place where both are known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from msgspec import UNSET

from gateway.access.keys import SaidKey
from gateway.catalog.known import Known
from gateway.catalog.presets import presets
from gateway.catalog.prices import PriceList
from gateway.catalog.rates import HOUR_FACTOR, nano_usd, rates_of
from gateway.catalog.registry import Registry
from gateway.catalog.served import Served
from gateway.errors import SettingsError
from gateway.outbound.proxy import resolve_proxy
from gateway.records import ClientKey, Credential, FailureRule, LimitRule, Limits, ModelFacts, Price, Provider, Rates
from gateway.routing.resolve import Combo, Resolver
from gateway.routing.targets import Terms
from gateway.settings.instants import read_instant
from gateway.settings.model import Settings
from gateway.settings.objects import (
    ClientKeySettings,
    ComboSettings,
    CredentialSettings,
    FailureSettings,
    ModelFactsSettings,
    PriceRates,
    PriceSettings,
    ProviderSettings,
)
from gateway.settings.overlay import Effective

SCHEMES = {"anthropic": "x-api-key", "gemini": "x-goog-api-key"}
"""How servers of a format take a secret; the others as a bearer token."""


class Assembled(NamedTuple):
    """What requests go by, made of settings and of what is known of models."""

    settings: Settings
    providers: tuple[Provider, ...]
    resolver: Resolver
    prices: PriceList
    known: Known


def assembled(effective: Effective, base: Settings, served: Served, registry: Registry) -> Assembled:
    """All of it. `base` is what the operator's own file says, and what it says is trusted. Raises SettingsError."""
    settings = effective.settings
    providers = providers_of(settings, effective.guarded, base)
    known = Known(served, registry)
    prices = prices_of(settings, providers, registry)
    return Assembled(settings, providers, resolver_of(settings, providers, known), prices, known)


def learnt(before: Assembled, served: Served, registry: Registry) -> Assembled:
    """The same, where only what is known of models is different."""
    known = Known(served, registry)
    resolver = resolver_of(before.settings, before.providers, known)
    return before._replace(resolver=resolver, prices=before.prices.renewed(registry), known=known)


def providers_of(
    settings: Settings, guarded: Collection[str] = (), base: Settings | None = None
) -> tuple[Provider, ...]:
    """The providers, presets filled in, proxies resolved.

    Of those in `guarded` the address, or the proxy to it, came by API; what `base` says of it is the operator's own
    word.
    """
    base = base or settings
    own = {provider.id for provider in base.providers}
    proxies = {"", "none", base.upstream.proxy, *_proxies(base)}
    return tuple(
        replace(
            _with_preset(_provider(said, settings, proxies), said),
            guarded=said.id in guarded and said.id not in own,
            proxy_guarded=said.id in guarded and (said.proxy or settings.upstream.proxy) not in proxies,
        )
        for said in settings.providers
    )


def _proxies(settings: Settings) -> Iterator[str]:
    for provider in settings.providers:
        yield provider.proxy
        yield from (credential.proxy for credential in provider.credentials)


def resolver_of(settings: Settings, providers: tuple[Provider, ...], known: Known | None = None) -> Resolver:
    """Names to targets, by what is known of who serves which models."""
    known = known if known is not None else Known()
    return Resolver(
        providers,
        {alias.name: alias.target for alias in settings.aliases},
        [_combo(combo) for combo in settings.combos],
        listed=known.listed(providers),
        catalogued=known.catalogued(providers),
    )


def _combo(said: ComboSettings) -> Combo:
    terms = Terms(said.attempts, frozenset(said.next_on), frozenset(said.stop_on), said.hedge_ms)
    return Combo(said.name, said.targets, said.strategy, said.weights, terms)


def keys_of(settings: Settings) -> tuple[SaidKey, ...]:
    """The client keys of the configuration file, each as its client sends it and as its record."""
    return tuple((said.key, _key(said)) for said in settings.client_keys)


def limit_rules_of(settings: Settings) -> tuple[LimitRule, ...]:
    """The limits that are not of a single key. A rule without a limit limits nobody."""
    return tuple(
        LimitRule(said.name, said.per, limits, said.match, said.together)
        for said in settings.limits.rules
        if (limits := Limits.of(said)) is not None
    )


def prices_of(settings: Settings, providers: Iterable[Provider] = (), registry: Registry | None = None) -> PriceList:
    """The prices: what the operator says, and behind it what the registry says of the providers that have a list."""
    lists = {provider.id: provider.price_list for provider in providers if provider.price_list}
    return PriceList(tuple(_prices(settings)), registry, lists)


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
        limits=Limits.of(said),
        allow_unpriced=said.allow_unpriced,
        capture=said.capture,
    )


def _instant(said: ClientKeySettings) -> int:
    try:
        return read_instant(said.expires_at)
    except ValueError as error:
        raise SettingsError(f"client key {said.name}: expires_at: {error}") from None


def _provider(said: ProviderSettings, settings: Settings, trusted: Collection[str]) -> Provider:
    assert said.format is not UNSET  # loading fills it in or refuses
    return Provider(
        id=said.id,
        format=said.format,
        base_url=said.base_url,
        models=said.models,
        strategy=said.strategy,
        credentials=tuple(_credential(said, each, trusted) for each in said.credentials),
        proxy=_proxy_of(said, settings),
        headers=_headers(said.headers),
        drop_fields=said.drop_fields,
        forward_headers=tuple(name.lower() for name in said.forward_headers),
        stream_usage=said.stream_usage,
        auth=SCHEMES.get(str(said.format), "bearer"),
        also_speaks=() if said.also_speaks is UNSET else said.also_speaks,
        facts=tuple((facts.model, _facts(facts)) for facts in said.model_facts),
        prefixes=said.prefixes,
        list_models=said.list_models,
        sticky_requests=said.sticky_requests,
        session_affinity=said.session_affinity,
        rests=said.rests and settings.rests.enabled,
        variables=tuple(said.variables.items()),
        failures=tuple(_failure(each) for each in said.failures),
        quirks=() if said.quirks is UNSET else said.quirks,
    )


def _credential(said: ProviderSettings, each: CredentialSettings, trusted: Collection[str]) -> Credential:
    return Credential(
        said.id,
        each.name,
        each.api_key,
        priority=each.priority,
        weight=each.weight,
        models=() if each.paused else each.models,
        max_parallel=each.max_parallel,
        proxy=_resolved(said, each.proxy) if each.proxy else None,
        proxy_guarded=each.proxy not in trusted,
        headers=_headers(each.headers),
    )


def _headers(said: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, value in said.items())


def _failure(said: FailureSettings) -> FailureRule:
    words = tuple(word.lower() for word in said.contains)
    return FailureRule(said.status, said.codes, words, said.fault, said.then, said.rest, said.rest_seconds)


def _with_preset(made: Provider, said: ProviderSettings) -> Provider:
    """A provider with what its preset knows of it, behind what the operator says. A server of the operator's own has
    none, nor a list of prices: nobody else knows what it costs."""
    preset = presets().get(made.id)
    if preset is None:
        return made
    made = replace(made, price_list=preset.price_list, quirks=preset.quirks if said.quirks is UNSET else made.quirks)
    if preset.is_at(made.base_url, said.variables):
        others = preset.other_addresses(said.variables)
        spoken = (made.format, *made.also_speaks)
        made = replace(made, also_at=tuple(each for each in others if each[0] not in spoken))
    if made.format not in (preset.format, *preset.also_speaks):
        return made  # what is known beyond that, is known of its own formats
    return replace(
        made,
        auth=preset.auth,
        paths=preset.paths,
        models_path=preset.listed_at,
        facts=(*made.facts, *preset.model_facts),
        failures=(*made.failures, *preset.rules),
        headers=tuple((dict(preset.headers) | dict(made.headers)).items()),
        drop_fields=tuple(dict.fromkeys((*made.drop_fields, *preset.drop_fields))),
        stream_usage=made.stream_usage and preset.stream_usage,
    )


def _facts(said: ModelFactsSettings) -> ModelFacts:
    values = {name: getattr(said, name) for name in said.__struct_fields__ if name != "model"}
    levels = tuple(level.upper() for level in said.levels)  # as Gemini writes them
    return ModelFacts(**values | {"levels": levels})


def _proxy_of(said: ProviderSettings, settings: Settings) -> str:
    return _resolved(said, said.proxy or settings.upstream.proxy)


def _resolved(said: ProviderSettings, proxy: str) -> str:
    """The proxy that was said, or the environment's; SettingsError when it is not one."""
    try:
        return resolve_proxy(said.base_url, proxy)
    except ValueError as error:
        raise SettingsError(f"provider {said.id}: {error}") from None


def _prices(settings: Settings) -> Iterator[tuple[str, Price]]:
    for said in settings.prices:
        yield said.model, _price(said)


def _price(said: PriceSettings) -> Price:
    rising = sorted(said.tiers, key=lambda tier: tier.above)
    tiers = tuple((tier.above, _rates(tier, said.cache_write)) for tier in rising)
    return Price(_rates(said), tiers, nano_usd(said.request or 0), f"override {said.model}")


def _rates(said: PriceRates, written: float | None = None) -> Rates:
    """`written`: what input written to the cache costs where these rates do not say it."""
    usd = {name: getattr(said, name) for name in Rates.__struct_fields__}
    if said.cache_write_1h is None and (said.cache_write, written) != (None, None):
        usd["cache_write_1h"] = said.input * HOUR_FACTOR
    return rates_of(usd)
