"""What a token of a model costs: the operator's word by pattern, else the row of the registry. Prices are pico-USD."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from types import MappingProxyType

from gateway.records import Price

from .registry import Registry, remember

NO_LISTS: Mapping[str, str] = MappingProxyType({})


class PriceList:
    """Prices by pattern of `provider/model`, the first that matches; behind them those of the registry."""

    def __init__(
        self,
        prices: Sequence[tuple[str, Price]],
        registry: Registry | None = None,
        lists: Mapping[str, str] = NO_LISTS,
    ) -> None:
        """`lists` names the list of each provider that has one in the registry."""
        self._prices, self._registry, self._lists = tuple(prices), registry, lists
        self._known: dict[tuple[str, str], Price | None] = {}

    def find(self, provider: str, model: str) -> Price | None:
        """The price of a model; None when nobody said what it costs."""
        try:
            return self._known[provider, model]
        except KeyError:
            price = self._look_up(provider, model)
        remember(self._known, (provider, model), price)
        return price

    def listed(self, provider: str, model: str) -> Price | None:
        """The row of the registry, whatever the operator says."""
        place = self._lists.get(provider, "")
        return self._registry.price(place, model) if self._registry is not None and place else None

    def renewed(self, registry: Registry) -> PriceList:
        """The same, with another registry behind it."""
        return PriceList(self._prices, registry, self._lists)

    def _look_up(self, provider: str, model: str) -> Price | None:
        name = f"{provider}/{model}"
        for pattern, price in self._prices:
            if fnmatchcase(name, pattern):
                return price
        return self.listed(provider, model)
