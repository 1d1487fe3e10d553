"""USD as people write them, as the integers that we reckon with: pico-USD per token, nano-USD of a request.

Knows units and rounding, and nothing of models. No float is multiplied: what is said as one is read by its shortest
decimal, which is what was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from gateway.records import NANO_USD, Rates

PICO_USD_PER_TOKEN = 1_000_000
"""A price of one USD per million tokens."""


HOUR_FACTOR = 2
"""Anthropic's price of input that is cached for an hour, in prices of input:
https://platform.claude.com/docs/en/build-with-claude/prompt-caching#pricing."""


def rates_of(usd: Mapping[str, Decimal | float | None]) -> Rates:
    """Rates of prices in USD per million tokens, by their names; `input` and `output` are among them."""
    pico = {name: None if value is None else per_token(value) for name, value in usd.items()}
    return Rates(**pico)  # type: ignore[arg-type] # these two are never None


def per_token(usd_per_million: Decimal | float) -> int:
    """Pico-USD per token of a price in USD per million tokens; half up."""
    return _whole(usd_per_million, PICO_USD_PER_TOKEN)


def nano_usd(usd: Decimal | float) -> int:
    """Nano-USD of an amount in USD; half up."""
    return _whole(usd, NANO_USD)


def _whole(amount: Decimal | float, units: int) -> int:
    exact = amount if isinstance(amount, Decimal) else Decimal(repr(amount))
    return int((exact * units).to_integral_value(ROUND_HALF_UP))
