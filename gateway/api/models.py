"""`GET /v1/models`: what a key may use, as OpenAI's clients read it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import orjson

from gateway import logs
from gateway.errors import UnknownModel, UpstreamError
from gateway.records import ClientKey, Provider
from gateway.relay.fetch import fetch
from gateway.relay.relay import Relay

KEPT_SECONDS = 60.0
"""How long a provider's own list is believed."""

log = logs.get("gateway.api.models")


class ModelList:
    """The models of all providers. Those that serve whatever they are asked for are asked for their list."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._listed: dict[str, tuple[float, tuple[str, ...]]] = {}

    async def names(self, key: ClientKey) -> list[dict[str, Any]]:
        """The models that `key` may use: aliases and combos, then `provider/model`."""
        providers = list(self._relay.providers.values())
        served = await asyncio.gather(*(self._served(provider) for provider in providers))
        names: dict[str, str] = dict.fromkeys(self._relay.resolver.names(), "sluicegate")
        for provider, models in zip(providers, served, strict=True):
            names.update((f"{provider.id}/{model}", provider.id) for model in models)
        return [_model(name, owner) for name, owner in names.items() if self._relay.resolver.may_use(name, key)]

    def get(self, name: str, key: ClientKey) -> dict[str, Any]:
        """One model by its name; raises UnknownModel when the key may not use it, too."""
        if not self._relay.resolver.may_use(name, key):
            raise UnknownModel(f"The model `{name}` does not exist or you do not have access to it.", param="model")
        provider = name.partition("/")[0]
        return _model(name, provider if provider in self._relay.providers else "sluicegate")

    async def _served(self, provider: Provider) -> Iterable[str]:
        exact = [model for model in provider.models if "*" not in model]
        if len(exact) == len(provider.models):
            return exact
        return dict.fromkeys((*exact, *await self._ask(provider)))

    async def _ask(self, provider: Provider) -> tuple[str, ...]:
        """The provider's own list, or the last one it gave."""
        asked_at, models = self._listed.get(provider.id, (0.0, ()))
        if asked_at and time.monotonic() - asked_at < KEPT_SECONDS:
            return models
        try:
            models = _ids(await fetch(self._relay, provider, "/models"))
        except UpstreamError as error:
            log.warning("a provider does not list its models", provider=provider.id, reason=error.message)
        self._listed[provider.id] = (time.monotonic(), models)
        return models


def _ids(body: bytes) -> tuple[str, ...]:
    """The ids of a model list, in OpenAI's shape (`data`) or the bare one some servers give."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ()
    rows = fields.get("data") if isinstance(fields, dict) else fields
    if not isinstance(rows, list):
        return ()
    return tuple(row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str))


def _model(name: str, owner: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}
