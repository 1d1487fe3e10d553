"""From the numbers of an exchange to its cost and its ids. Time and chance are handed in."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.records import Price, Tokens

NANO_USD_PER_TOKEN = 1000.0
"""A price of 1 USD per million tokens, in nano-USD per token."""


def cost_nano_usd(tokens: Tokens, price: Price) -> int:
    """What the tokens cost, in nano-USD. Cached input is charged at its own prices, and only there."""
    fresh = max(tokens.input - tokens.cache_read - tokens.cache_write, 0)
    return round(
        fresh * price.input
        + tokens.cache_read * price.cache_read
        + tokens.cache_write * price.cache_write
        + tokens.output * price.output
    )


def overhead_us(answered_us: int, waited_us: Sequence[int]) -> int:
    """Our own share of the time until the answer began: all of it, less the time spent waiting on providers."""
    return max(answered_us - sum(waited_us), 0)


def uuid7(unix_ms: int, randomness: int) -> str:
    """A time-ordered id (RFC 9562, version 7): 48 bits of time, then 74 of the 80 bits of `randomness`."""
    bits = (unix_ms & 0xFFFFFFFFFFFF) << 80 | randomness & 0xFFFFFFFFFFFFFFFFFFFF
    bits = bits & ~(0xF << 76) | 0x7 << 76
    bits = bits & ~(0x3 << 62) | 0x2 << 62
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
