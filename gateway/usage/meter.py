"""From the numbers of an exchange to its cost and its ids. Time and chance are handed in."""

from __future__ import annotations

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


def uuid7(unix_ms: int, randomness: int) -> str:
    """A time-ordered id (RFC 9562, version 7): 48 bits of time, then the 74 bits of `randomness`."""
    return "%08x-%04x-7%03x-%04x-%012x" % (
        unix_ms >> 16 & 0xFFFFFFFF,
        unix_ms & 0xFFFF,
        randomness >> 62 & 0xFFF,
        randomness >> 48 & 0x3FFF | 0x8000,
        randomness & 0xFFFFFFFFFFFF,
    )
