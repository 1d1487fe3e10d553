"""The document of models.dev, read: what is known, what is left out, what is refused."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog import models_dev
from gateway.catalog.models_dev import read_models_dev
from gateway.catalog.registry import Registry, RegistryUnreadable
from gateway.records import ModelFacts, Price, Rates
from tests.gateway.catalog.lists import DATE, document, priced, registry


def test_rates_are_pico_usd_per_token() -> None:
    assert registry().price("acme", "acme-large-2") == Price(
        Rates(2_000_000, 10_000_000, 200_000, 2_500_000, reasoning=12_000_000),
        tiers=((200_000, Rates(4_000_000, 15_000_000, 400_000)),),
        source="models.dev acme/acme-large-2 of 2026-02-03",
    )


def test_facts_are_those_that_keep_a_request_from_a_model() -> None:
    assert registry().facts("acme", "acme-large-2") == ModelFacts(
        context=400_000,
        max_input=272_000,
        max_output=128_000,
        images=True,
        audio=False,
        documents=True,
        tools=True,
    )
    assert registry().facts("acme", "acme-embed") == ModelFacts(
        context=8192, images=False, audio=False, documents=False, tools=False, thinking="none"
    )
    assert registry().facts("acme", "acme-unknown-price") == ModelFacts(context=32_000, max_output=4000, tools=True)


def price_of(model: str, **cost: object) -> Price | None:
    return registry(document(**{model: {"cost": cost}})).price("acme", model)


def rates_of(model: str, **cost: object) -> Rates:
    price = price_of(model, **cost)
    assert price is not None
    return price.rates


@pytest.mark.parametrize(
    ("usd", "pico"),
    [(0.1, 100_000), (0.07, 70_000), (1.25, 1_250_000), (0.000001, 1), (0.0000005, 1), (0.0000004, 0), (3, 3_000_000)],
)
def test_no_price_suffers_from_binary_fractions(usd: float, pico: int) -> None:
    assert rates_of("a", input=usd, output=1).input == pico


def test_zero_is_a_price_and_missing_is_not() -> None:
    assert rates_of("a", input=1, output=2, cache_write=0) == Rates(1_000_000, 2_000_000, cache_write=0)
    assert rates_of("a", input=1, output=2) == Rates(1_000_000, 2_000_000)


@pytest.mark.parametrize("model", ["plan-model", "whisper", "free", "free:paid"])
def test_a_price_of_nothing_is_none_unless_the_name_says_so(model: str) -> None:
    assert price_of(model, input=0, output=0) is None
    free = price_of(f"{model}:free", input=0, output=0)
    assert free is not None
    assert free.rates == Rates(0, 0)


def test_what_is_cached_for_an_hour_costs_twice_the_input_at_anthropics() -> None:
    tier = {"input": 6, "output": 22.5, "tier": {"type": "context", "size": 200_000}}
    price = price_of("vendor/claude-next", input=3, output=15, cache_write=3.75, tiers=[tier])
    assert price is not None
    assert price.rates.cache_write_1h == 6_000_000
    assert price.tiers[0][1].cache_write_1h == 12_000_000
    assert rates_of("claude-next", input=3, output=15).cache_write_1h is None
    assert rates_of("gpt-next", input=3, output=15, cache_write=3.75).cache_write_1h is None


def test_tiers_rise_and_only_those_of_the_prompt_count() -> None:
    tiers = [
        {"input": 9, "output": 9, "tier": {"type": "context", "size": 500}},
        {"input": 8, "output": 8, "tier": {"type": "batch", "size": 1}},
        {"input": 7, "output": 7, "tier": {"type": "context", "size": 100}},
    ]
    price = price_of("a", input=1, output=1, tiers=tiers)
    assert price is not None
    assert [(size, rates.input) for size, rates in price.tiers] == [(100, 7_000_000), (500, 9_000_000)]


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        (7, "Expected `object`"),
        ({"cost": 7}, "`$.cost`"),
        ({"cost": {"input": 1}}, "`output`"),
        ({"cost": {"input": "much", "output": 1}}, "`$.cost.input`"),
        ({"cost": {"input": -1, "output": 1}}, "expected a price, got -1 - at `$.cost.input`"),
        ({"cost": {"input": 1, "output": 2_000_000}}, "`$.cost.output`"),
        ({"cost": {"input": "NaN", "output": 1}}, "`$.cost.input`"),
        ({"cost": {"input": 1, "output": 1, "tiers": [{"input": 1, "output": 1}]}}, "`tier`"),
        ({"limit": {"context": -1}}, "`$.limit.context`"),
        ({"limit": {"context": 1.5}}, "`$.limit.context`"),
        ({"modalities": {"input": "text"}}, "`$.modalities.input`"),
        ({"tool_call": "yes"}, "`$.tool_call`"),
    ],
)
def test_a_row_that_is_wrong_is_left_out_and_said_to_be(model: Any, fault: str) -> None:
    found, faults = read_models_dev(orjson.dumps(document(**{"odd-one": model}, **priced(20))), DATE)
    assert faults.keys() == {("acme", "odd-one")}
    assert fault in faults["acme", "odd-one"]
    assert "odd-one" not in found.models("acme")
    assert len(found.models("acme")) == 23


def test_many_wrong_rows_are_a_wrong_document() -> None:
    wrong = {f"odd-{number}": {"cost": 7} for number in range(3)}
    with pytest.raises(RegistryUnreadable, match=r"3 of 26 models cannot be read, acme/odd-0 among them: .*\$.cost"):
        read_models_dev(orjson.dumps(document(**wrong, **priced(20))), DATE)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not a list of providers"),
        (b"<html>", "not a list of providers"),
        (b"[]", "not a list of providers: Expected `object`, got `array`"),
        (orjson.dumps(document())[:-20], "not a list of providers"),
        (b'{"acme": 7}', "acme: Expected `object`"),
        (b'{"acme": {}}', "acme: .*`models`"),
        (b'{"acme": {"models": []}}', r"acme: .*\$.models"),
        (b"\xff\xfe", "not a list of providers"),
        (b'{"acme":' + b"[" * 1900, "not a list of providers"),
        (b" " * 2001, "larger than 2000 bytes"),
    ],
)
def test_what_is_no_price_list_is_refused(body: bytes, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_dev, "LARGEST_BYTES", 2000)
    with pytest.raises(RegistryUnreadable, match=why):
        read_models_dev(body, DATE)


def test_a_document_without_providers_is_an_empty_registry() -> None:
    found, faults = read_models_dev(b"{}", DATE)
    assert (found.lists(), faults) == ((), {})


@given(st.binary(max_size=200), st.integers(0, 2000))
def test_garbage_is_refused_and_nothing_else(garbage: bytes, at: int) -> None:
    whole = orjson.dumps(document())
    try:
        found, faults = read_models_dev(whole[:at] + garbage + whole[at + len(garbage) :], DATE)
    except RegistryUnreadable:
        return
    assert isinstance(found, Registry)
    assert all(len(place) == 2 for place in faults)
