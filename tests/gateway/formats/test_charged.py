"""What providers say that they charged, as nano-USD."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats.charged import charged, nano_usd
from gateway.records import MOST_NANO_USD


@pytest.mark.parametrize(
    ("usage", "nano"),
    [
        ({}, None),
        ({"cost": 0}, 0),
        ({"cost": 0.00095}, 950_000),
        ({"cost": 1}, 1_000_000_000),
        ({"cost": 1.1e-7}, 110),
        ({"cost": 4.9e-10}, 0),
        ({"cost": 5e-10}, 1),
        ({"cost": 0.1, "is_byok": False, "cost_details": {"upstream_inference_cost": 7}}, 100_000_000),
        ({"cost": 0.1, "is_byok": True, "cost_details": {"upstream_inference_cost": 2}}, 2_100_000_000),
        ({"cost": 0.1, "is_byok": True, "cost_details": {"upstream_inference_cost": None}}, 100_000_000),
        ({"cost": None, "cost_details": {"upstream_inference_cost": 0.25}}, 250_000_000),
        ({"cost_in_usd_ticks": 37_756_000}, 3_775_600),
        ({"cost_in_usd_ticks": 14}, 1),
        ({"cost_in_usd_ticks": 15}, 2),
        ({"cost_in_usd_ticks": 20, "cost": 5}, 2),
        ({"cost": {"total_cost": 0.006, "request_cost": 0.005}}, 6_000_000),
        ({"cost": {"currency": "USD"}}, None),
    ],
)
def test_an_amount_is_taken_exactly(usage: dict[str, Any], nano: int | None) -> None:
    assert charged(usage) == nano


@pytest.mark.parametrize(
    "odd", [None, "0.5", True, [], {}, -1, -0.5, float("nan"), float("inf"), 1e300, 10**30, MOST_NANO_USD]
)
def test_what_is_no_amount_is_passed_over(odd: Any) -> None:
    assert nano_usd(odd) is None
    assert charged({"cost": odd}) is None
    assert charged({"cost_details": {"upstream_inference_cost": odd}}) is None


@pytest.mark.parametrize("ticks", [-20, 10**30, True, 1.5, "7"])
def test_odd_ticks_are_passed_over(ticks: Any) -> None:
    assert charged({"cost_in_usd_ticks": ticks}) is None


@given(st.integers(0, 10**15))
def test_nine_digits_come_through_json_as_they_are(nano: int) -> None:
    text = f'{{"cost":{nano // 10**9}.{nano % 10**9:09d}}}'
    assert charged(orjson.loads(text)) == nano
