"""What is asked of an explanation, and what it is judged by. Knows nothing of where either comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.catalog.known import Known
from gateway.catalog.prices import PriceList
from gateway.limits.limiter import Limiter
from gateway.limits.rules import Bounds, bounds_of
from gateway.records import ClientKey, Endpoint, LimitRule, ModelFacts, Provider, Target
from gateway.relay.conversation import Keeping
from gateway.routing.resolve import Resolver
from gateway.routing.standing import Board
from gateway.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Question:
    """A request that is not sent."""

    endpoint: Endpoint
    model: str
    """The model, where the path names it (Gemini)."""
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    """Names in lower case."""
    key: ClientKey | None
    """None: nobody in particular, who may do everything."""
    bodies: bool = False
    """Whether it is told what providers would be sent."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What requests go by at this moment."""

    settings: Settings
    providers: Mapping[str, Provider]
    resolver: Resolver
    prices: PriceList
    known: Known
    rules: tuple[LimitRule, ...]
    board: Board
    limiter: Limiter
    responses: Keeping | None
    """Where responses are kept that clients may continue."""

    def bounds(self, target: Target) -> Bounds:
        """What one can use and cost at most."""
        price = self.prices.find(target.provider, target.model)
        return bounds_of(price, self.facts(target), self.settings.limits.output_tokens)

    def facts(self, target: Target) -> ModelFacts:
        """What a target can do."""
        return self.known.facts(self.providers[target.provider], target.model)
