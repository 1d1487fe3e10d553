"""From the numbers of an exchange to its cost and its ids. Time and chance are handed in.

Money is whole: prices are pico-USD per token, what they come to is rounded once, half up, to nano-USD.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import astuple

from gateway.records import MOST_NANO_USD, CostSource, Price, Rates, Tokens

PICO_IN_NANO = 1000


class Bill(Struct, frozen=True, gc=False):
    """What an exchange cost."""

    cost_nano_usd: int | None
    """None where nobody knows, and where there was nothing to pay for."""
    source: CostSource
    price: str | None = None
    """The row that it was reckoned by."""


NOTHING_TO_PAY = Bill(None, "none")
UNPRICED = Bill(None, "unpriced")


def bill_of(tokens: Tokens | None, price: Price | None) -> Bill:
    """The bill of an answer. What the provider itself says that it charged wins; tokens are None where it said nothing
    of them, and then only a price by the request, or of nothing, tells the cost."""
    if tokens is not None and tokens.cost_nano_usd is not None:
        return Bill(tokens.cost_nano_usd, "reported")
    if price is None or (tokens is None and not price.request_nano_usd and any(astuple(price.rates))):
        return UNPRICED
    cost = cost_of(tokens or Tokens(), price)
    return Bill(cost if cost < MOST_NANO_USD else MOST_NANO_USD, "priced", price.source or None)


def cost_of(tokens: Tokens, price: Price) -> int:
    """What tokens come to by a price, in nano-USD. Each token is charged once: by the rate of what it is."""
    rates = _rates_at(tokens.input, price) if price.tiers else price.rates
    if tokens.cache_read or tokens.cache_write or tokens.input_audio or tokens.input_image:
        pico = _input(tokens, rates)
    else:
        pico = tokens.input * rates.input
    if tokens.reasoning or tokens.output_audio or tokens.output_image:
        pico += _output(tokens, rates)
    else:
        pico += tokens.output * rates.output
    return (pico + PICO_IN_NANO // 2) // PICO_IN_NANO + price.request_nano_usd


def _rates_at(prompt: int, price: Price) -> Rates:
    """The rates of a prompt of this size, of a price in tiers; what a tier leaves open is as without one."""
    reached = [rates for size, rates in price.tiers if size < prompt]
    if not reached:
        return price.rates
    pairs = zip(astuple(reached[-1]), astuple(price.rates), strict=True)
    return Rates(*(usual if own is None else own for own, usual in pairs))


def _input(tokens: Tokens, rates: Rates) -> int:
    usual = rates.input
    written = usual if rates.cache_write is None else rates.cache_write
    long_written = min(tokens.cache_write_1h, tokens.cache_write)
    kinds = (
        (tokens.cache_read, rates.cache_read, usual),
        (long_written, rates.cache_write_1h, written),
        (tokens.cache_write - long_written, written, usual),
        (tokens.input_audio, rates.input_audio, usual),
        (tokens.input_image, rates.input_image, usual),
    )
    return _charge(tokens.input, usual, kinds)


def _output(tokens: Tokens, rates: Rates) -> int:
    usual = rates.output
    kinds = (
        (tokens.reasoning, rates.reasoning, usual),
        (tokens.output_audio, rates.output_audio, usual),
        (tokens.output_image, rates.output_image, usual),
    )
    return _charge(tokens.output, usual, kinds)


def _charge(left: int, usual: int, kinds: tuple[tuple[int, int | None, int], ...]) -> int:
    """Pico-USD: the tokens of each kind at its rate, or at what stands in for it, and what is left at the usual one. No
    kind is more than what the others left."""
    pico = 0
    for count, rate, instead in kinds:
        charged = min(count, left)
        pico += charged * (instead if rate is None else rate)
        left -= charged
    return pico + left * usual


def uuid7(unix_ms: int, randomness: int) -> str:
    """A time-ordered id (RFC 9562, version 7): 48 bits of time, then the 74 bits of `randomness`."""
    return "%08x-%04x-7%03x-%04x-%012x" % (
        unix_ms >> 16 & 0xFFFFFFFF,
        unix_ms & 0xFFFF,
        randomness >> 62 & 0xFFF,
        randomness >> 48 & 0x3FFF | 0x8000,
        randomness & 0xFFFFFFFFFFFF,
    )
