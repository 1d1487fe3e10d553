"""USD, as whole numbers."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.rates import nano_usd, per_token


@pytest.mark.parametrize(
    ("usd", "pico"),
    [
        (2.5, 2_500_000),
        (0.1 + 0.2, 300_000),
        (Decimal("0.0375"), 37_500),
        (0, 0),
        (1e-7, 0),
        (5e-7, 1),
        (15, 15_000_000),
    ],
)
def test_usd_per_million_tokens_is_pico_usd_per_token(usd: Decimal | float, pico: int) -> None:
    assert per_token(usd) == pico


def test_usd_of_a_request_is_nano_usd() -> None:
    assert (nano_usd(0.005), nano_usd(1), nano_usd(0.0000000015)) == (5_000_000, 1_000_000_000, 2)


@given(st.integers(0, 10**12))
def test_six_digits_are_never_lost(pico: int) -> None:
    assert per_token(float(f"{pico // 10**6}.{pico % 10**6:06d}")) == pico
