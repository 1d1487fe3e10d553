"""Foresight of a test: models with the prices it says, and explanations as they come from the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.errors import GatewayError, UnknownResource
from gateway.management.models import ModelFactsView, ModelPrice, ModelView
from gateway.management.office import Actor
from gateway.records import ClientKey
from web.around import Inquiry

FACTS = ModelFactsView(
    context=128_000,
    max_input=None,
    max_output=16_000,
    images=True,
    audio=None,
    documents=False,
    tools=True,
    thinking="none",
)


def price_of(source: str = "models.dev openai/gpt-4o of 2026-11-20", **more: Any) -> ModelPrice:
    return ModelPrice(**{"input": 2.5, "output": 10.0, "source": source, "request": 0.0, "tiers": (), **more})


def model_of(name: str, **more: Any) -> ModelView:
    provider, _, model = name.partition("/")
    usual = {"said_by": "provider", "facts": FACTS, "price": price_of()}
    return ModelView(provider=provider, model=model, **{**usual, **more})


class Foreseen:
    """What a test says there is."""

    def __init__(self) -> None:
        self.known: list[ModelView] = []
        self.unlisted: dict[str, ModelView] = {}
        """Models that nobody mentions."""
        self.named: dict[str, tuple[str, ...]] = {}
        """What keys may ask for, by their name; of any other `embed` and `fast`."""
        self.list_prices: dict[str, ModelPrice] = {}
        self.answer: Mapping[str, Any] = {}
        self.error: GatewayError | None = None
        self.asked: list[Inquiry] = []

    async def models(self, actor: Actor) -> Sequence[ModelView]:
        actor.require("configuration:read")
        return self.known

    def model(self, actor: Actor, provider: str, model: str) -> ModelView:
        try:
            return self.unlisted[f"{provider}/{model}"]
        except KeyError:
            raise UnknownResource("Nobody serves it.") from None

    def listed_price(self, actor: Actor, provider: str, model: str) -> ModelPrice | None:
        return self.list_prices.get(f"{provider}/{model}")

    def names(self, key: ClientKey) -> Iterable[str]:
        return self.named.get(key.name, ("embed", "fast"))

    async def told(self, actor: Actor, inquiry: Inquiry) -> Mapping[str, Any]:
        self.asked.append(inquiry)
        if self.error is not None:
            raise self.error
        return self.answer
