"""Of a model it is known what the operator says, then its provider, then the catalogue, then the registry."""

from __future__ import annotations

from dataclasses import replace

from gateway.catalog.known import REMEMBERED, Known
from gateway.catalog.registry import Registry, Row
from gateway.catalog.served import Served
from gateway.records import ModelFacts, Provider

PROVIDER = Provider("p", "anthropic", "http://localhost", ("*",), "round_robin", (), price_list="vendor")
MODEL = "claude-opus-4-8"
REGISTRY = Registry(
    "2026-01-01",
    {"vendor": [Row(MODEL, context=7000, max_input=6000, max_output=5000, takes="id", tools=True), Row("other")]},
)


def known(told: ModelFacts | None = None, *, registry: Registry | None = REGISTRY) -> Known:
    served = Served() if told is None else Served().having(PROVIDER, {MODEL: told}, 1)
    return Known(served, registry)


def test_everybody_is_heard_field_by_field_in_order() -> None:
    said = replace(PROVIDER, facts=(("claude-*", ModelFacts(max_output=1)),))
    facts = known(ModelFacts(max_output=2, max_input=20, documents=False)).facts(said, MODEL)
    assert facts.max_output == 1, "the operator"
    assert (facts.max_input, facts.documents) == (20, False), "the provider"
    assert facts.thinking == "adaptive", "the catalogue"
    assert (facts.context, facts.images, facts.tools) == (7000, True, True), "the registry"


def test_the_catalogue_is_heard_before_the_registry() -> None:
    assert known().facts(PROVIDER, MODEL).max_output == 128_000
    assert known().facts(PROVIDER, MODEL).max_input == 6000


def test_the_registry_knows_only_providers_with_a_list() -> None:
    assert known().facts(replace(PROVIDER, price_list=""), MODEL).context is None
    assert known().facts(replace(PROVIDER, price_list="gone"), MODEL).context is None
    assert known(registry=None).facts(PROVIDER, MODEL).context is None


def test_a_provider_that_is_spoken_to_in_another_format_has_other_facts() -> None:
    everything = known()
    assert everything.facts(PROVIDER, MODEL).thinking == "adaptive"
    assert everything.facts(replace(PROVIDER, format="openai_chat"), MODEL).thinking is None


def test_who_has_said_what_it_serves_is_not_catalogued() -> None:
    silent = replace(PROVIDER, id="silent")
    own = replace(PROVIDER, id="own", price_list="")
    everything = known(ModelFacts())
    assert everything.listed((PROVIDER, silent, own)) == {"p": (MODEL,)}
    assert everything.catalogued((PROVIDER, silent, own)) == {"silent": (MODEL, "other")}
    assert known(registry=None).catalogued((silent,)) == {}


def test_facts_are_kept_and_not_for_ever() -> None:
    everything = known()
    first = everything.facts(PROVIDER, MODEL)
    assert everything.facts(PROVIDER, MODEL) is first
    for number in range(REMEMBERED):
        everything.facts(PROVIDER, f"invented-{number}")
    assert everything.facts(PROVIDER, MODEL) == first
