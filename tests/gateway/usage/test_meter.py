"""Cost and ids from numbers alone."""

from __future__ import annotations

import uuid
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.records import MOST_NANO_USD, Price, Rates, Tokens
from gateway.usage.meter import Bill, bill_of, cost_of, uuid7

RATES = Rates(
    input=2_500_000,
    output=10_000_000,
    cache_read=1_250_000,
    cache_write=3_000_000,
    cache_write_1h=5_000_000,
    reasoning=12_000_000,
    input_audio=40_000_000,
    input_image=3_000_000,
    output_audio=80_000_000,
    output_image=30_000_000,
)
PRICE = Price(RATES, source="override mock/*")
COUNTS = st.integers(0, 2_000_000)
FREE = Price(Rates(0, 0), source="override home/*")


@pytest.mark.parametrize(
    ("tokens", "usd"),
    [
        (Tokens(input=1000), "0.0025"),
        (Tokens(output=1000), "0.01"),
        (Tokens(input=1000, cache_read=400), "0.0015 + 0.0005"),
        (Tokens(input=1000, cache_write=400), "0.0015 + 0.0012"),
        (Tokens(input=1000, cache_write=400, cache_write_1h=100), "0.0015 + 0.0009 + 0.0005"),
        (Tokens(input=1000, input_audio=400), "0.0015 + 0.016"),
        (Tokens(input=1000, input_image=400), "0.0015 + 0.0012"),
        (Tokens(output=1000, reasoning=400), "0.006 + 0.0048"),
        (Tokens(output=1000, output_audio=400), "0.006 + 0.032"),
        (Tokens(output=1000, output_image=400), "0.006 + 0.012"),
        (Tokens(), "0"),
    ],
)
def test_each_kind_of_token_has_its_rate(tokens: Tokens, usd: str) -> None:
    assert cost_of(tokens, PRICE) == nano(usd)


@pytest.mark.parametrize(
    ("rates", "tokens", "usd"),
    [
        (Rates(1_000_000, 0), Tokens(input=10, cache_read=5, cache_write=5, cache_write_1h=2), "0.00001"),
        (Rates(1_000_000, 0, cache_write=3_000_000), Tokens(input=10, cache_write=10, cache_write_1h=10), "0.00003"),
        (Rates(1_000_000, 0), Tokens(input=10, input_audio=3, input_image=4), "0.00001"),
        (Rates(0, 1_000_000), Tokens(output=10, reasoning=3, output_audio=3, output_image=3), "0.00001"),
        (Rates(1_000_000, 0, cache_read=0), Tokens(input=10, cache_read=10), "0"),
    ],
)
def test_a_rate_that_nobody_said_is_that_of_the_whole(rates: Rates, tokens: Tokens, usd: str) -> None:
    assert cost_of(tokens, Price(rates)) == nano(usd)


TIERED = Price(
    Rates(1_000_000, 2_000_000, cache_read=100_000),
    tiers=((1000, Rates(2_000_000, 3_000_000)), (5000, Rates(4_000_000, 6_000_000, cache_read=400_000))),
)


@pytest.mark.parametrize(
    ("tokens", "usd"),
    [
        (Tokens(input=1000, output=10), "0.001 + 0.00002"),
        (Tokens(input=1001, output=10), "0.002002 + 0.00003"),
        (Tokens(input=5000, output=10), "0.01 + 0.00003"),
        (Tokens(input=5001, output=10), "0.020004 + 0.00006"),
        # What was cached counts for the size, and is charged as without a tier where the tier does not say.
        (Tokens(input=1001, cache_read=1001), "0.0001001"),
        (Tokens(input=5001, cache_read=5001), "0.0020004"),
    ],
)
def test_a_tier_is_for_the_whole_of_a_longer_prompt(tokens: Tokens, usd: str) -> None:
    assert cost_of(tokens, TIERED) == nano(usd)


@pytest.mark.parametrize(("tokens", "nano_usd"), [(1, 0), (2, 1), (3, 1), (4, 1), (5, 1), (6, 2), (7, 2), (10, 3)])
def test_a_bill_is_rounded_once_half_up(tokens: int, nano_usd: int) -> None:
    assert cost_of(Tokens(input=tokens), Price(Rates(250, 0))) == nano_usd
    assert cost_of(Tokens(input=tokens, output=tokens), Price(Rates(125, 125))) == nano_usd


def test_a_request_may_have_a_price_of_its_own() -> None:
    assert cost_of(Tokens(input=4), replace_price(PRICE, request_nano_usd=7)) == 10_000 + 7


WHOLES = st.builds(Tokens, *[COUNTS] * 10)


@given(WHOLES)
def test_no_token_is_charged_twice(tokens: Tokens) -> None:
    same = Price(Rates(1000, 1000, *[1000] * 8))
    assert cost_of(tokens, same) == tokens.input + tokens.output


@given(WHOLES)
def test_a_bill_is_between_its_lowest_and_its_highest_rate(tokens: Tokens) -> None:
    every = tokens.input + tokens.output
    assert every * 1250 <= cost_of(tokens, PRICE) <= every * 80_000


@given(WHOLES, COUNTS)
def test_more_tokens_never_cost_less(tokens: Tokens, more: int) -> None:
    larger = replace(tokens, input=tokens.input + more, output=tokens.output + more)
    assert cost_of(larger, PRICE) >= cost_of(tokens, PRICE)


@pytest.mark.parametrize(
    ("tokens", "price", "bill"),
    [
        (Tokens(input=1000), PRICE, Bill(2_500_000, "priced", "override mock/*")),
        (Tokens(input=2**53), Price(Rates(10**12, 10**12)), Bill(MOST_NANO_USD, "priced")),  # of such one can make sums
        (Tokens(input=1000), None, Bill(None, "unpriced")),
        (Tokens(input=1000, cost_nano_usd=5), PRICE, Bill(5, "reported")),
        (Tokens(input=1000, cost_nano_usd=0), None, Bill(0, "reported")),
        (Tokens(input=1000), FREE, Bill(0, "priced", "override home/*")),
        # Answers that say nothing of tokens, such as speech.
        (None, PRICE, Bill(None, "unpriced")),
        (None, None, Bill(None, "unpriced")),
        (None, FREE, Bill(0, "priced", "override home/*")),
        (None, Price(RATES, request_nano_usd=9, source="row"), Bill(9, "priced", "row")),
    ],
)
def test_where_a_cost_comes_from(tokens: Tokens | None, price: Price | None, bill: Bill) -> None:
    assert bill_of(tokens, price) == bill


@given(st.integers(0, 2**48 - 2), st.integers(0, 2**74 - 1))
def test_ids_are_version_seven_and_sort_by_time(unix_ms: int, randomness: int) -> None:
    text = uuid7(unix_ms, randomness)
    parsed = uuid.UUID(text)
    assert (str(parsed), parsed.version, parsed.variant) == (text, 7, uuid.RFC_4122)
    assert parsed.int >> 80 == unix_ms
    assert uuid7(unix_ms + 1, 0) > text


def nano(usd: str) -> int:
    """Nano-USD of a sum written out."""
    total = sum(Fraction(each) for each in usd.split("+"))
    assert (total * 10**9).denominator == 1
    return int(total * 10**9)


def replace_price(price: Price, request_nano_usd: int) -> Price:
    """The price with a price of the request."""
    return Price(price.rates, price.tiers, request_nano_usd, price.source)
