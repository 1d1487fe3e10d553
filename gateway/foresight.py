"""What there is to be asked for and what would become of it, as pages ask: models with their prices, explanations.

Puts together what the management API does anyway. Knows neither pages nor how anything is found out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from gateway.api.management.desk import Desk
from gateway.api.management.explain import Explain, told
from gateway.management import models
from gateway.management.models import ModelPrice, ModelView, Wanted
from gateway.management.office import Actor
from gateway.records import ClientKey

EVERY = 1_000_000
"""More models than there are."""


class Inquiry(Protocol):
    """A request that is not to be sent."""

    @property
    def endpoint(self) -> str:
        """Its path."""

    @property
    def body(self) -> bytes:
        """JSON."""

    @property
    def model(self) -> str:
        """For a path with a model in it: the one that stands there."""

    @property
    def key(self) -> str:
        """Name or id of the client key that would ask; empty for none."""

    @property
    def holds(self) -> ClientKey | None:
        """The same key, where whoever asks has shown it."""

    @property
    def bodies(self) -> bool:
        """Whether to tell what providers would be sent."""


class Foresight:
    """Of one control process."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def models(self, actor: Actor) -> Sequence[ModelView]:
        """Every model that somebody mentions, by provider and name. Raises NotPermitted."""
        return await models.list_models(self._desk, actor, Wanted(), made=self._desk.around.made, limit=EVERY)

    def model(self, actor: Actor, provider: str, model: str) -> ModelView:
        """One of them, mentioned or not. Raises NotPermitted, UnknownResource."""
        return models.show_model(actor, provider, model, self._desk.around.made)

    def listed_price(self, actor: Actor, provider: str, model: str) -> ModelPrice | None:
        """What the registry says it costs, whatever the operator says. Raises NotPermitted."""
        return models.listed_price(actor, provider, model, self._desk.around.made)

    def names(self, key: ClientKey) -> Iterable[str]:
        """What a client key may ask for by name."""
        return models.names_for(key, self._desk.around.made)

    async def told(self, actor: Actor, inquiry: Inquiry) -> Mapping[str, Any]:
        """What would become of a request, in the words of the API. Raises GatewayError."""
        said = Explain(
            endpoint=inquiry.endpoint,
            model=inquiry.model,
            key=inquiry.key or None,
            body=msgspec.Raw(inquiry.body),
            bodies=inquiry.bodies,
        )
        answer: Mapping[str, Any] = msgspec.to_builtins(await told(self._desk, actor, said, inquiry.holds))
        return answer
