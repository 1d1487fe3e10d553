from __future__ import annotations

import pytest

from gateway.alerts.numbers import amount, clock, minutes, money, percent, share, size
from tests.gateway.alerts.scenes import NOON


@pytest.mark.parametrize(
    ("nano_usd", "said"),
    [
        (0, "0.00 USD"),
        (8_310_000_000, "8.31 USD"),
        (1_234_567_890_000, "1,234.57 USD"),
        (100_000_000, "0.10 USD"),
        (3_100_000, "0.0031 USD"),
        (99_900_000, "0.1 USD"),
        (1, "0.000000001 USD"),
    ],
)
def test_money_never_looks_like_nothing_where_it_is_something(nano_usd: int, said: str) -> None:
    assert money(nano_usd) == said


def test_a_share_is_never_told_to_be_all_before_it_is() -> None:
    assert percent(share(9_999, 10_000)) == "99 %"
    assert percent(share(10_000, 10_000)) == "100 %"
    assert share(0, 0) == 100, "of nothing there is nothing left"


@pytest.mark.parametrize(
    ("figure", "said"), [(0.5, "less than a minute"), (1, "1 minute"), (179.9, "179 minutes"), (240, "4 hours")]
)
def test_minutes_become_hours(figure: float, said: str) -> None:
    assert minutes(figure) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [(-1, "0 bytes"), (999, "999 bytes"), (1500, "1.5 KB"), (123 * 10**6, "123 MB"), (5 * 10**18, "5000 PB")],
)
def test_sizes_are_as_makers_of_disks_count(number: int, said: str) -> None:
    assert size(number) == said


def test_times_and_amounts_are_for_people() -> None:
    assert clock(NOON) == "2026-05-28 20:26 UTC"
    assert amount(1234567) == "1,234,567"
