"""From what the operator says of prices to the prices that costs are reckoned by."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.assemble import prices_of
from gateway.catalog.registry import bundled
from gateway.records import Price, Provider, Rates, Tokens
from gateway.settings.model import Settings
from gateway.settings.objects import PriceSettings, PriceTierSettings
from gateway.usage.meter import cost_of


def price(**said: Any) -> Price:
    settings = Settings(prices=(PriceSettings(model="mine/*", **{"input": 3.0, "output": 15.0, **said}),))
    found = prices_of(settings).find("mine", "any")
    assert found is not None
    return found


def test_usd_per_million_tokens_is_pico_usd_per_token() -> None:
    assert price() == Price(Rates(3_000_000, 15_000_000), source="override mine/*")
    assert price(input=0.1, request=0.0025).request_nano_usd == 2_500_000
    every = dict.fromkeys(Rates.__struct_fields__, 0.1)
    assert price(**every).rates == Rates(*[100_000] * 10)


@pytest.mark.parametrize(
    ("said", "hour"),
    [
        ({}, None),
        ({"cache_write": 3.75}, 6_000_000),
        ({"cache_write": 3.75, "cache_write_1h": 7.0}, 7_000_000),
        ({"cache_write_1h": 7.0}, 7_000_000),
    ],
)
def test_what_is_kept_for_an_hour_costs_twice_the_input_where_writing_has_a_price(
    said: dict[str, Any], hour: int | None
) -> None:
    assert price(**said).rates.cache_write_1h == hour


def test_tiers_are_put_in_order_and_leave_open_what_they_do_not_say() -> None:
    tiers = (
        PriceTierSettings(above=500_000, input=12.0, output=45.0),
        PriceTierSettings(above=200_000, input=6.0, output=22.5, cache_read=0.6),
    )
    found = price(cache_read=0.3, cache_write=3.75, tiers=tiers)
    assert found.tiers == (
        (200_000, Rates(6_000_000, 22_500_000, cache_read=600_000, cache_write_1h=12_000_000)),
        (500_000, Rates(12_000_000, 45_000_000, cache_write_1h=24_000_000)),
    )
    tokens = Tokens(input=200_001, cache_read=100_000, cache_write=100_000, cache_write_1h=50_000)
    assert cost_of(tokens, found) == 6000 + 60_000_000 + 50_000 * 3750 + 50_000 * 12_000


def test_a_provider_with_a_list_has_its_prices_behind_the_operators() -> None:
    settings = Settings(prices=(PriceSettings(model="*/gpt-4o", input=1.0, output=1.0),))
    served = (provider("openai", "openai"), provider("local", ""))
    prices = prices_of(settings, served, bundled())
    assert [
        found and found.source
        for found in (
            prices.find("openai", "gpt-4o"),
            prices.find("openai", "gpt-5"),
            prices.find("local", "gpt-4o"),
            prices.find("local", "gpt-5"),
            prices.find("gone", "gpt-5"),
        )
    ] == ["override */gpt-4o", f"models.dev openai/gpt-5 of {bundled().date}", "override */gpt-4o", None, None]


def provider(name: str, price_list: str) -> Provider:
    return Provider(
        id=name,
        format="openai_chat",
        base_url="http://127.0.0.1:1",
        models=("*",),
        strategy="round_robin",
        credentials=(),
        price_list=price_list,
    )
