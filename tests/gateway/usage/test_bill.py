"""The lines of a bill add up to what `meter` says that it costs, whatever was used at whatever price."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.records import Price, Rates, Tokens
from gateway.usage.bill import lines_of
from gateway.usage.meter import cost_of

counts = st.integers(0, 10**6)
rates = st.builds(
    Rates,
    st.integers(0, 10**8),
    st.integers(0, 10**8),
    *([st.none() | st.integers(0, 10**8)] * 8),
)
tokens = st.builds(Tokens, *([counts] * 10))
prices = st.builds(
    Price,
    rates,
    st.lists(st.tuples(counts, rates), max_size=2).map(lambda tiers: tuple(sorted(tiers, key=lambda tier: tier[0]))),
    st.integers(0, 10**9),
)


@given(tokens, prices)
def test_lines_add_up(used: Tokens, price: Price) -> None:
    assert lines_of(used, price).nano_usd == cost_of(used, price)


@given(tokens, prices)
def test_every_token_stands_in_one_line(used: Tokens, price: Price) -> None:
    assert sum(line.count for line in lines_of(used, price).lines) == used.input + used.output


def test_lines_say_what_is_what() -> None:
    price = Price(Rates(3_000_000, 15_000_000, cache_read=300_000), request_nano_usd=5)
    bill = lines_of(Tokens(input=1000, output=50, cache_read=800, reasoning=20), price)
    assert [(line.kind, line.count, line.rate) for line in bill.lines] == [
        ("input", 200, 3_000_000),
        ("cache read", 800, 300_000),
        ("output", 30, 15_000_000),
        ("reasoning", 20, 15_000_000),
    ]
    assert bill.nano_usd == 600_000 + 240_000 + 450_000 + 300_000 + 5
    assert bill.tier is None


def test_a_long_prompt_is_charged_by_its_tier() -> None:
    price = Price(Rates(1, 2), ((1000, Rates(10, 20)),))
    assert lines_of(Tokens(input=1000, output=1), price).tier is None
    long = lines_of(Tokens(input=1001, output=1), price)
    assert long.tier == 1000
    assert [line.rate for line in long.lines] == [10, 20]
