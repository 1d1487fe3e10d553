from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.usage import figures

NANO = 10**9


@pytest.mark.parametrize(
    ("nano_usd", "shown"),
    [
        (12_400_000_000, "$12.40"),
        (3_100_000, "$0.0031"),
        (0, "$0.00"),
        (1, "$0.0000000010"),
        (400_000_000, "$0.40"),
        (31_200_000, "$0.031"),
        (999_999_999, "$1.00"),
        (994_000_000, "$0.99"),
        (1_204 * NANO, "$1,204.00"),
        (-3_100_000, "-$0.0031"),
    ],
)
def test_money(nano_usd: int, shown: str) -> None:
    assert figures.money(nano_usd) == shown


@given(st.integers(1, 10**18))
def test_what_cost_something_never_looks_free(nano_usd: int) -> None:
    assert set(figures.money(nano_usd)) & set("123456789")


@pytest.mark.parametrize(
    ("nano_usd", "shown"),
    [(12_400_000_000, "$12.40"), (1, "$0.000000001"), (0, "$0.00"), (1_234_567_000_000, "$1,234.567")],
)
def test_exact_money_has_every_digit(nano_usd: int, shown: str) -> None:
    assert figures.exact_money(nano_usd) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (950, "950"),
        (999, "999"),
        (1_000, "1.0 k"),
        (1_249, "1.2 k"),
        (34_500, "34.5 k"),
        (99_960, "100 k"),
        (340_000, "340 k"),
        (999_499, "999 k"),
        (999_950, "1.0 M"),
        (3_400_000, "3.4 M"),
        (2_000_000_000, "2.0 G"),
        (5 * 10**15, "5000 T"),
        (-1_200, "-1.2 k"),
    ],
)
def test_count(number: int, shown: str) -> None:
    assert figures.count(number) == shown


@pytest.mark.parametrize(
    ("microseconds", "shown"),
    [
        (0, "0 µs"),
        (90, "90 µs"),
        (999, "999 µs"),
        (4_200, "4.2 ms"),
        (9_960, "10 ms"),
        (420_000, "420 ms"),
        (999_499, "999 ms"),
        (999_500, "1.0 s"),
        (3_100_000, "3.1 s"),
        (59_940_000, "59.9 s"),
        (59_950_000, "1 min"),
        (125_000_000, "2 min 5 s"),
        (3_600_000_000, "1 h"),
        (12_000_000_000, "3 h 20 min"),
        (356_400_000_000, "4 d 3 h"),
    ],
)
def test_duration(microseconds: int, shown: str) -> None:
    assert figures.duration(microseconds) == shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (0, 0, figures.NOTHING),
        (0, 10, "0 %"),
        (42, 1000, "4.2 %"),
        (12, 100, "12 %"),
        (1, 10_000, "<0.1 %"),
        (9_999, 10_000, ">99 %"),
        (10, 10, "100 %"),
    ],
)
def test_share(part: int, whole: int, shown: str) -> None:
    assert figures.share(part, whole) == shown


def test_exact_figures() -> None:
    assert figures.exact_count(1_234_567) == "1,234,567"
    assert figures.exact_duration(1_234_567) == "1,234.567 ms"


@pytest.mark.parametrize(
    ("nano_usd", "text"),
    [(0, "0"), (1, "0.000000001"), (12_400_000_000, "12.4"), (-1_500_000_000, "-1.5"), (10**15, "1000000")],
)
def test_money_for_programs(nano_usd: int, text: str) -> None:
    assert figures.plain_money(nano_usd) == text
