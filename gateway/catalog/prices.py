"""What a token of a model costs. Knows overrides by pattern now; money is nano-USD."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from gateway.records import Price

REMEMBERED = 4096
"""Look-ups kept; clients may invent names under a wildcard, so this is bounded."""


class PriceList:
    """Prices by pattern of `provider/model`; the first match wins."""

    def __init__(self, prices: Sequence[tuple[str, Price]]) -> None:
        self._prices = tuple(prices)
        self._known: dict[tuple[str, str], Price | None] = {}

    def find(self, provider: str, model: str) -> Price | None:
        """The price of a model; None when nobody said what it costs."""
        key = (provider, model)
        if key not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = self._look_up(f"{provider}/{model}")
        return self._known[key]

    def _look_up(self, name: str) -> Price | None:
        return next((price for pattern, price in self._prices if fnmatchcase(name, pattern)), None)
