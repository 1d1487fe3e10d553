"""What of a new price list is believed."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.catalog.judging import judge_update
from gateway.catalog.models_dev import read_models_dev
from gateway.catalog.registry import Registry
from gateway.records import Price, Rates
from tests.gateway.catalog.lists import DATE, document, priced, registry

OLD = registry(document(**priced(20)))
LATER = "2026-02-04"


def new(**changes: dict[str, Any]) -> Registry:
    """The list of the next day: all as it was, but for these models."""
    return registry(document(**{**priced(20), **changes}), LATER)


def cost(input: float, output: float, **more: Any) -> dict[str, Any]:  # noqa: A002
    return {"cost": {"input": input, "output": output, **more}}


def price_in(found: Registry | None, model: str) -> Price:
    assert found is not None
    price = found.price("acme", model)
    assert price is not None
    return price


def test_a_list_that_is_as_it_was_is_believed() -> None:
    update = judge_update(OLD, new(), 10)
    assert (update.refused, update.suspicious) == ("", ())
    assert update.registry is not None
    assert update.registry.date == LATER
    assert update.registry.rows("acme") == OLD.rows("acme")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (cost(10, 2), "input from 1 to 10 USD per million tokens"),
        (cost(0.1, 2), "input from 1 to 0.1 USD per million tokens"),
        (cost(1, 25.5), "output from 2 to 25.5 USD per million tokens"),
        (cost(0, 2), "input from 1 to 0 USD per million tokens"),
        ({}, "its price is gone"),
        (cost(0, 0), "its price is gone"),
    ],
)
def test_a_price_that_leaps_stays_as_it_was(now: dict[str, Any], said: str) -> None:
    update = judge_update(OLD, new(**{"acme-many-7": now}), 10)
    assert update.suspicious == (f"acme/acme-many-7: {said}",)
    assert price_in(update.registry, "acme-many-7").rates == price_in(OLD, "acme-many-7").rates


@pytest.mark.parametrize("now", [cost(9.99, 2), cost(0.11, 2), cost(1, 19), cost(1, 2, cache_read=0.001)])
def test_a_price_that_moves_less_is_believed(now: dict[str, Any]) -> None:
    update = judge_update(OLD, new(**{"acme-many-7": now}), 10)
    assert update.suspicious == ()
    assert price_in(update.registry, "acme-many-7") == price_in(new(**{"acme-many-7": now}), "acme-many-7")


def test_the_factor_is_the_operators() -> None:
    twice = new(**{"acme-many-7": cost(2, 2)})
    assert judge_update(OLD, twice, 2).suspicious
    assert not judge_update(OLD, twice, 2.01).suspicious


def test_the_price_of_a_long_prompt_is_judged_too() -> None:
    listed = document(**priced(20))
    listed["acme"]["models"]["acme-large-2"]["cost"]["tiers"][0]["output"] = 150
    update = judge_update(OLD, registry(listed, LATER), 10)
    assert update.suspicious == ("acme/acme-large-2: output from 15 to 150 USD per million tokens",)
    assert price_in(update.registry, "acme-large-2").tiers == price_in(OLD, "acme-large-2").tiers


@pytest.mark.parametrize(
    ("tier", "said"),
    [
        ({"input": 1000, "output": 2000, "tier": {"type": "context", "size": 1}}, "input from 1 to 1000"),
        ({"input": 0, "output": 0, "tier": {"type": "context", "size": 0}}, "input from 1 to 0"),
        ({"input": 1, "output": 20, "tier": {"type": "context", "size": 200_000}}, "output from 2 to 20"),
    ],
)
def test_a_price_of_long_prompts_that_is_new_is_judged_by_what_they_cost(tier: dict[str, Any], said: str) -> None:
    update = judge_update(OLD, new(**{"acme-many-7": cost(1, 2, tiers=[tier])}), 10)
    assert update.suspicious == (f"acme/acme-many-7: {said} USD per million tokens",)
    assert price_in(update.registry, "acme-many-7").tiers == ()


def test_a_tier_between_two_others_is_judged_by_the_lower_one() -> None:
    listed = document(**priced(20))
    tiers = listed["acme"]["models"]["acme-large-2"]["cost"]["tiers"]
    tiers.append({"input": 30, "output": 15, "tier": {"type": "context", "size": 300_000}})
    assert judge_update(OLD, registry(listed, LATER), 10).suspicious == ()
    tiers[-1]["input"] = 40
    (said,) = judge_update(OLD, registry(listed, LATER), 10).suspicious
    assert said == "acme/acme-large-2: input from 4 to 40 USD per million tokens"


@pytest.mark.parametrize("name", ["cache_read", "cache_write", "reasoning", "input_audio", "output_audio"])
def test_a_rate_that_comes_may_be_far_from_what_stood_in_for_it_but_not_anything(name: str) -> None:
    plain = 2 if name in ("reasoning", "output_audio") else 1
    assert not judge_update(OLD, new(**{"acme-many-7": cost(1, 2, **{name: plain * 99})}), 10).suspicious
    update = judge_update(OLD, new(**{"acme-many-7": cost(1, 2, **{name: plain * 100})}), 10)
    (said,) = update.suspicious
    assert said.endswith(f"from {plain} to {plain * 100} USD per million tokens")
    assert price_in(update.registry, "acme-many-7") == Price(
        Rates(1_000_000, 2_000_000), source=price_in(update.registry, "acme-many-7").source
    )


def test_a_provider_that_has_vanished_or_lost_half_its_models_stays_as_it_was() -> None:
    """The models of others make up for the number."""
    listed = {**document(**priced(20)), "other": document(**priced(40))["acme"]}
    old = registry(listed)
    del listed["acme"]
    update = judge_update(old, registry(listed, LATER), 10)
    assert update.suspicious == ("acme: it has 0 models where there were 23",)
    assert update.registry is not None
    assert update.registry.rows("acme") == old.rows("acme")


def test_what_is_new_about_a_doubted_model_but_its_price_is_taken() -> None:
    update = judge_update(OLD, new(**{"acme-many-7": {**cost(100, 2), "limit": {"context": 9}}}), 10)
    assert update.registry is not None
    facts = update.registry.facts("acme", "acme-many-7")
    assert facts is not None
    assert facts.context == 9


def test_models_come_and_go_and_get_a_price() -> None:
    listed = document(**priced(18), **priced(4, usd=99, first=50))
    listed["acme"]["models"]["acme-unknown-price"]["cost"] = {"input": 1, "output": 1}
    update = judge_update(OLD, registry(listed, LATER), 10)
    assert update.suspicious == ()
    assert update.registry is not None
    assert update.registry.price("acme", "acme-many-19") is None
    assert price_in(update.registry, "acme-many-50").rates.input == 99_000_000
    assert price_in(update.registry, "acme-unknown-price").rates.input == 1_000_000


@pytest.mark.parametrize(("left", "refused"), [(9, ""), (8, "it has 11 models where there were 23")])
def test_a_list_that_lost_half_its_models_is_refused(left: int, refused: str) -> None:
    update = judge_update(OLD, registry(document(**priced(left)), LATER), 10)
    assert update.refused == refused
    assert (update.registry is None) == bool(refused)


def test_an_empty_list_is_refused() -> None:
    assert judge_update(OLD, Registry(LATER, {}), 10).registry is None


@pytest.mark.parametrize(("leaps", "refused"), [(4, ""), (5, "5 of 22 prices are suspicious")])
def test_where_much_is_suspicious_nothing_is_believed(leaps: int, refused: str) -> None:
    update = judge_update(OLD, new(**priced(leaps, usd=100)), 10)
    assert (update.refused, len(update.suspicious)) == (refused, leaps)


def test_a_row_that_cannot_be_read_stays_as_it_was() -> None:
    said = document(**{**priced(60), "acme-many-7": {"cost": 7}, "acme-new": {"cost": 7}})
    found, faults = read_models_dev(orjson.dumps(said), LATER)
    update = judge_update(OLD, found, 10, {**faults, ("gone", "model"): "broken"})
    assert [text.partition(":")[0] for text in update.suspicious] == [
        "acme/acme-many-7",
        "acme/acme-new",
        "gone/model",
    ]
    assert update.registry is not None
    assert "acme-many-7" in update.registry.models("acme")
    assert "acme-new" not in update.registry.models("acme")


def test_the_first_list_there_ever_was_is_believed() -> None:
    assert judge_update(Registry(DATE, {}), OLD, 10).registry is not None
