"""What a provider says that a request has cost, in the words of those who say it at all.

Knows the members of a usage object that are money, and makes nano-USD of them exactly; knows nothing of prices. What is
no amount is passed over: a price then tells the cost.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from gateway.records import MOST_NANO_USD, NANO_USD

from .format import Fields
from .told import object_of

TICKS_PER_NANO_USD = 10
"""xAI counts in ticks, ten billion of which are a dollar: https://docs.x.ai/docs/api-reference."""


def charged(usage: Fields) -> int | None:
    """Nano-USD that the provider itself names; None where it names none."""
    if not ("cost" in usage or "cost_in_usd_ticks" in usage or "cost_details" in usage):
        return None
    ticks = usage.get("cost_in_usd_ticks")
    if ticks.__class__ is int:
        return _believed((ticks + TICKS_PER_NANO_USD // 2) // TICKS_PER_NANO_USD)
    cost = usage.get("cost")
    if cost.__class__ is dict:  # https://docs.perplexity.ai/api-reference/chat-completions-post
        return nano_usd(cost.get("total_cost"))
    return _of_a_router(nano_usd(cost), usage)


def _of_a_router(fee: int | None, usage: Fields) -> int | None:
    """OpenRouter's: https://openrouter.ai/docs/use-cases/usage-accounting. With a key of one's own at the vendor `cost`
    is the fee alone, and the vendor's bill comes on top of it."""
    elsewhere = nano_usd(object_of(usage.get("cost_details")).get("upstream_inference_cost"))
    if fee is None or elsewhere is None or usage.get("is_byok") is not True:
        return elsewhere if fee is None else fee
    return fee + elsewhere


def nano_usd(value: Any) -> int | None:
    """Nano-USD of a number of USD, half up; None for what is no amount.

    The shortest decimal that gives a float back is what stood in the JSON, so nothing is lost to binary fractions.
    """
    if value.__class__ is not int and value.__class__ is not float:
        return None
    amount = Decimal(repr(value))
    if not amount.is_finite():
        return None
    return _believed(int((amount * NANO_USD).to_integral_value(ROUND_HALF_UP))) if amount < MOST_NANO_USD else None


def _believed(amount: int) -> int | None:
    return amount if 0 <= amount < MOST_NANO_USD else None
