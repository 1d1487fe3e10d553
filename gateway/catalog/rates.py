"""USD as people write them, as the integers that we reckon with: pico-USD per token, nano-USD of a request.

Knows units and rounding, and nothing of models. No float is multiplied: what is said as one is read by its shortest
decimal, which is what was written.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from gateway.records import NANO_USD

PICO_USD_PER_TOKEN = 1_000_000
"""A price of one USD per million tokens."""


def per_token(usd_per_million: Decimal | float) -> int:
    """Pico-USD per token of a price in USD per million tokens; half up."""
    return _whole(usd_per_million, PICO_USD_PER_TOKEN)


def nano_usd(usd: Decimal | float) -> int:
    """Nano-USD of an amount in USD; half up."""
    return _whole(usd, NANO_USD)


def _whole(amount: Decimal | float, units: int) -> int:
    exact = amount if isinstance(amount, Decimal) else Decimal(repr(amount))
    return int((exact * units).to_integral_value(ROUND_HALF_UP))
