"""The operator's word, then the registry's."""

from __future__ import annotations

import pytest

from gateway.catalog import registry as registry_module
from gateway.catalog.prices import PriceList
from gateway.records import Price, Rates
from tests.gateway.catalog.lists import document, registry

CHEAP, DEAR = Price(Rates(1, 1), source="override a"), Price(Rates(9, 9), source="override b")
PRICES = PriceList(
    [("mine/large-*", DEAR), ("mine/*", CHEAP), ("*/acme-embed", DEAR)],
    registry(),
    {"mine": "acme", "acme": "acme", "strange": "no-such-list"},
)


@pytest.mark.parametrize(
    ("provider", "model", "source"),
    [
        ("mine", "large-1", "override b"),
        ("mine", "acme-large-2", "override a"),
        ("acme", "acme-embed", "override b"),
        ("acme", "acme-large-2", "models.dev acme/acme-large-2 of 2026-02-03"),
        ("acme", "acme-large-2-20260101", "models.dev acme/acme-large-2 of 2026-02-03"),
        ("acme", "acme-unknown-price", None),
        ("acme", "else", None),
        ("strange", "acme-large-2", None),
        ("custom", "acme-large-2", None),
    ],
)
def test_the_first_who_says_something_counts(provider: str, model: str, source: str | None) -> None:
    for _ in range(2):
        found = PRICES.find(provider, model)
        assert (found and found.source) == source


def test_without_a_registry_there_is_the_operators_word() -> None:
    prices = PriceList([("a/*", CHEAP)])
    assert (prices.find("a", "b"), prices.find("acme", "acme-embed")) == (CHEAP, None)


def test_another_registry_leaves_the_operators_word() -> None:
    later = registry(document(**{"acme-large-2": {"cost": {"input": 3, "output": 3}}}), "2026-03-01")
    assert PRICES.find("acme", "acme-large-2") is not None
    renewed = PRICES.renewed(later)
    found = renewed.find("acme", "acme-large-2")
    assert found is not None
    assert found.rates.input == 3_000_000
    assert renewed.find("mine", "x") == CHEAP


def test_invented_names_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "REMEMBERED", 10)
    prices = PriceList([("a/*", CHEAP)])
    assert all(prices.find("a", f"model {number}") == CHEAP for number in range(100))
    assert len(prices._known) <= 10


@pytest.mark.parametrize(
    ("provider", "model", "source"),
    [
        ("acme", "acme-embed", "models.dev acme/acme-embed of 2026-02-03"),
        ("mine", "acme-large-2", "models.dev acme/acme-large-2 of 2026-02-03"),
        ("strange", "acme-large-2", None),
        ("custom", "acme-large-2", None),
    ],
)
def test_what_the_registry_says_can_be_asked_whatever_the_operator_says(
    provider: str, model: str, source: str | None
) -> None:
    found = PRICES.listed(provider, model)
    assert (found and found.source) == source


def test_without_a_registry_nothing_is_listed() -> None:
    assert PriceList([("a/*", CHEAP)]).listed("a", "b") is None
