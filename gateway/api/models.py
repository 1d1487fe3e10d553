"""Models lists: what a key may use, in the dialect of whoever asks.

Providers' own lists are known beforehand. Only one that has not given any yet is asked while somebody waits, and not
for long.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from types import MappingProxyType
from typing import Any, NamedTuple

from gateway import logs
from gateway.errors import ModelForbidden, UnknownModel, UpstreamError
from gateway.formats.listed import model_ids
from gateway.formats.paths import listed_path
from gateway.records import ClientKey, ModelFacts, Provider
from gateway.relay.fetch import fetch
from gateway.relay.relay import Relay
from gateway.routing.reach import EXCLUDES, may_use_provider, serves

Fields = dict[str, Any]
Question = Mapping[str, str]
"""What the query of a request says."""

MOST_LISTED = 1000
"""Models on one page, as Anthropic and Google have it."""

KEPT_SECONDS = 60.0
"""How long it is believed what a provider said that was asked in between."""

_DIGITS = re.compile("[0-9]{1,9}")

log = logs.get("gateway.api.models")


class Listed(NamedTuple):
    """A model that may be asked for."""

    name: str
    owner: str
    """The provider's id, or `sluicegate` for our own names."""
    max_input: int | None = None
    """Most tokens of a prompt, where that is known."""
    max_output: int | None = None


class ModelList:
    """The models of all providers: those that the operator names, and of patterns those that the provider lists."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._listed: dict[str, tuple[float, tuple[str, ...]]] = {}

    async def listed(self, key: ClientKey) -> list[Listed]:
        """The models that `key` may use: aliases and combos, then `provider/model` and `prefix/model`."""
        providers = [each for each in self._relay.providers.values() if may_use_provider(key, each)]
        served = await asyncio.gather(*(self._served(provider) for provider in providers))
        names: dict[str, str] = dict.fromkeys(self._relay.resolver.names(), "sluicegate")
        for provider, models in zip(providers, served, strict=True):
            for first, model in product(_first_words(provider), models):
                names.setdefault(f"{first}/{model}", provider.id)
        found = (self._find(name, owner, key) for name, owner in names.items())
        return [model for model in found if model is not None]

    def get(self, name: str, key: ClientKey) -> Listed:
        """One model by its name; raises UnknownModel when the key may not use it, too."""
        found = self._find(name, self._owner(name), key)
        if found is None:
            raise UnknownModel(f"The model `{name}` does not exist or you do not have access to it.", param="model")
        return found

    def _owner(self, name: str) -> str:
        first, providers = name.partition("/")[0], self._relay.providers
        if first in providers:
            return first
        return next((each.id for each in providers.values() if first in each.prefixes), "sluicegate")

    def _find(self, name: str, owner: str, key: ClientKey) -> Listed | None:
        """A model with its limits: of several targets the least, where it is known of all of them."""
        relay = self._relay
        try:
            targets = relay.resolver.resolve(name, key).targets
        except (UnknownModel, ModelForbidden):
            return None
        facts = [relay.facts(relay.providers[target.provider], target.model) for target in targets]
        return Listed(name, owner, _least(map(_max_input, facts)), _least(each.max_output for each in facts))

    async def _served(self, provider: Provider) -> Iterable[str]:
        exact = [model for model in provider.models if "*" not in model and not model.startswith(EXCLUDES)]
        if len(exact) == len(provider.models):
            return exact
        listed = await self._listed_by(provider)
        return dict.fromkeys(name for name in (*exact, *listed) if serves(provider.models, name))

    async def _listed_by(self, provider: Provider) -> Iterable[str]:
        """The provider's own list, or what a catalogue knows of one that has none."""
        known = self._relay.known
        if (listed := known.listed((provider,)).get(provider.id)) is not None:
            return listed
        path = listed_path(provider)
        own = await self._ask(provider, path) if path is not None else ()
        return own or known.catalogued((provider,)).get(provider.id, ())

    async def _ask(self, provider: Provider, path: str) -> tuple[str, ...]:
        """What the provider says now, or the last thing it said."""
        asked_at, models = self._listed.get(provider.id, (0.0, ()))
        if asked_at and time.monotonic() - asked_at < KEPT_SECONDS:
            return models
        try:
            models = model_ids(await fetch(self._relay, provider, path)) or ()
        except UpstreamError as error:
            log.warning("a provider does not list its models", provider=provider.id, reason=error.message)
        self._listed[provider.id] = (time.monotonic(), models)
        return models


def _first_words(provider: Provider) -> tuple[str, ...]:
    """What its models may be addressed by: its id, and its prefixes."""
    return (provider.id, *provider.prefixes)


def _max_input(facts: ModelFacts) -> int | None:
    """How long a prompt may be; whoever says no more than how long prompt and answer may be together says that."""
    return facts.max_input if facts.max_input is not None else facts.context


def _least(said: Iterable[int | None]) -> int | None:
    """The least of these; None where one of them is not known."""
    known = list(said)
    return None if None in known else min((each for each in known if each is not None), default=None)


def _openai_one(model: Listed) -> Fields:
    return {"id": model.name, "object": "model", "created": 0, "owned_by": model.owner}


def _anthropic_one(model: Listed) -> Fields:
    return {
        "type": "model",
        "id": model.name,
        "display_name": model.name,
        "created_at": "1970-01-01T00:00:00Z",
        "max_input_tokens": model.max_input,
        "max_tokens": model.max_output,
    }


def _gemini_one(model: Listed) -> Fields:
    methods = ["generateContent", "countTokens", "streamGenerateContent"]
    limits = {"inputTokenLimit": model.max_input, "outputTokenLimit": model.max_output}
    return {
        "name": f"models/{model.name}",
        "baseModelId": model.name,
        "version": "",
        "displayName": model.name,
        **{name: tokens for name, tokens in limits.items() if tokens is not None},
        "supportedGenerationMethods": methods,
    }


ONE: Mapping[str, Callable[[Listed], Fields]] = MappingProxyType(
    {
        "openai_chat": _openai_one,
        "openai_responses": _openai_one,
        "anthropic": _anthropic_one,
        "gemini": _gemini_one,
    }
)
"""One model in each dialect. When a model was made is not known to us."""


def _openai_page(models: Sequence[Listed], question: Question) -> Fields:
    return {"object": "list", "data": [_openai_one(model) for model in models]}


def _anthropic_page(models: Sequence[Listed], question: Question) -> Fields:
    """`after_id` and `before_id` name a neighbour, `limit` is 20 where it is not said."""
    names = [model.name for model in models]
    limit = _bounded(question.get("limit"), 20)
    backwards = question.get("before_id") in names
    first = names.index(question["after_id"]) + 1 if question.get("after_id") in names else 0
    last = names.index(question["before_id"]) if backwards else len(names)
    chosen = models[max(first, last - limit) if backwards else first : last][:limit]
    return {
        "data": [_anthropic_one(model) for model in chosen],
        "has_more": last - first > limit,
        "first_id": chosen[0].name if chosen else None,
        "last_id": chosen[-1].name if chosen else None,
    }


def _gemini_page(models: Sequence[Listed], question: Question) -> Fields:
    """`pageToken` is where the page begins, `pageSize` is 50 where it is not said."""
    first = _number(question.get("pageToken")) or 0
    size = _bounded(question.get("pageSize"), 50)
    page: Fields = {"models": [_gemini_one(model) for model in models[first : first + size]]}
    if first + size < len(models):
        page["nextPageToken"] = str(first + size)
    return page


PAGE: Mapping[str, Callable[[Sequence[Listed], Question], Fields]] = MappingProxyType(
    {
        "openai_chat": _openai_page,
        "openai_responses": _openai_page,
        "anthropic": _anthropic_page,
        "gemini": _gemini_page,
    }
)
"""A list in each dialect; Anthropic's and Gemini's come in pages."""


def _bounded(said: str | None, usual: int) -> int:
    number = _number(said)
    return usual if number is None else min(max(number, 1), MOST_LISTED)


def _number(said: str | None) -> int | None:
    return int(said) if said is not None and _DIGITS.fullmatch(said) else None
