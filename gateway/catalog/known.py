"""What is known of models and of who serves them: the providers' own lists, and the registry. Pure.

One record, replaced as a whole when either is learnt anew, or when the providers are others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.records import ModelFacts, Provider

from .facts import facts_of
from .registry import Registry
from .served import Served

REMEMBERED = 4096
"""Models whose facts are kept at hand. Clients may invent names under a wildcard, so this is bounded."""


class Known:
    """What is known at a moment."""

    def __init__(self, served: Served | None = None, registry: Registry | None = None) -> None:
        self._served = served if served is not None else Served()
        self._registry = registry
        self._facts: dict[tuple[str, str, str], ModelFacts] = {}

    def facts(self, provider: Provider, model: str) -> ModelFacts:
        """What a model of a provider can do: as the operator says, the provider's list, the catalogue, the registry."""
        asked = (provider.id, provider.format, model)
        known = self._facts.get(asked)
        if known is None:
            if len(self._facts) >= REMEMBERED:
                self._facts.clear()
            known = self._facts[asked] = self._look_up(provider, model)
        return known

    def listed(self, providers: Iterable[Provider]) -> Mapping[str, tuple[str, ...]]:
        """The models of those providers that have said which they serve, by the provider's id."""
        return self._served.ids(providers)

    def catalogued(self, providers: Iterable[Provider]) -> Mapping[str, tuple[str, ...]]:
        """The models that the registry has of those that have not."""
        if self._registry is None:
            return {}
        silent = (provider for provider in providers if provider.price_list and self._served.of(provider) is None)
        return {provider.id: self._registry.models(provider.price_list) for provider in silent}

    def _look_up(self, provider: Provider, model: str) -> ModelFacts:
        otherwise = None
        if self._registry is not None and provider.price_list:
            otherwise = self._registry.facts(provider.price_list, model)
        told = self._served.facts(provider, model)
        return facts_of(provider.format, model, provider.facts, told=told, otherwise=otherwise)
