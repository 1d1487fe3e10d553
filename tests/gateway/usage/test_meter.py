"""Cost and ids from numbers alone."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from gateway.records import Price, Tokens
from gateway.usage.meter import NANO_USD_PER_TOKEN, cost_nano_usd, uuid7

PRICE = Price(*(usd * NANO_USD_PER_TOKEN for usd in (2.5, 10.0, 1.25, 3.0)))


def test_a_bill_by_hand() -> None:
    # 600 fresh at 2.50, 300 cached at 1.25, 100 written at 3.00, 200 out at 10.00 USD a million
    tokens = Tokens(input=1000, output=200, cache_read=300, cache_write=100, reasoning=150)
    assert cost_nano_usd(tokens, PRICE) == 1_500_000 + 375_000 + 300_000 + 2_000_000


def test_nothing_costs_nothing() -> None:
    assert cost_nano_usd(Tokens(), PRICE) == 0


@given(st.integers(0, 2**48 - 2), st.integers(0, 2**74 - 1))
def test_ids_are_version_seven_and_sort_by_time(unix_ms: int, randomness: int) -> None:
    text = uuid7(unix_ms, randomness)
    parsed = uuid.UUID(text)
    assert (str(parsed), parsed.version, parsed.variant) == (text, 7, uuid.RFC_4122)
    assert parsed.int >> 80 == unix_ms
    assert uuid7(unix_ms + 1, 0) > text
