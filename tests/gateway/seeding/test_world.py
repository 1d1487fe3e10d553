"""The tables fit together, and what they name is known to the rest of the gateway."""

from __future__ import annotations

import pytest

from gateway.api.endpoints import ENDPOINTS
from gateway.catalog.presets import presets
from gateway.formats.table import FORMATS
from gateway.seeding.clients import AGENTS, DROPPED, KEYS, SPOKEN, Ask, Key, targets_of, via
from gateway.seeding.history import LONGEST_PROMPT, price_of
from gateway.seeding.rhythm import BUSY, WEEKEND
from gateway.seeding.world import MODELS, PEOPLE, PLACE_OF_MODEL, PROVIDER, TEAMS, UNPRICED, Model

ASKS = [(key, ask) for key in KEYS for ask in key.asks]

each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
each_ask = pytest.mark.parametrize(("key", "ask"), ASKS, ids=lambda each: each.name)


def test_the_company_is_as_large_as_it_is_said_to_be() -> None:
    assert (len(PEOPLE), len(TEAMS), len(KEYS), len(PROVIDER), len(MODELS)) == (12, 4, 25, 6, 16)
    assert sorted(name for team in TEAMS for name in team.members) == sorted(person.name for person in PEOPLE)
    assert len({key.name for key in KEYS}) == len(KEYS)


def test_nobody_of_it_looks_after_the_gateway() -> None:
    """A gateway with an admin may be reached by others: one that nobody can log in as must not count."""
    assert {person.role for person in PEOPLE} == {"member", "viewer"}


def test_every_key_belongs_to_somebody_who_is_there() -> None:
    assert {key.owner for key in KEYS} <= {team.name for team in TEAMS} | {person.name for person in PEOPLE}


@each_ask
def test_what_is_asked_for_leads_to_models_that_are_there(key: Key, ask: Ask) -> None:
    assert set(targets_of(ask.name)) <= PLACE_OF_MODEL.keys()
    assert via(ask.name) == (None if "/" in ask.name else ask.name)
    assert ask.agent in AGENTS
    assert key.rhythm in BUSY
    assert key.rhythm in WEEKEND


@each_model
def test_a_model_costs_what_the_catalogue_says(model: Model) -> None:
    price = price_of(model)
    assert (price is None) == model.id.startswith(UNPRICED)
    if price is not None:
        assert f"/{model.name} of " in price.source
        # The statement knows neither other prices for long prompts nor one for thoughts.
        assert all(above >= LONGEST_PROMPT for above, _ in price.tiers)
        assert price.rates.reasoning in (None, price.rates.output)


@each_model
def test_a_model_is_at_a_provider_that_serves_it(model: Model) -> None:
    provider = PROVIDER[model.provider]
    assert any(model.name.startswith(pattern.rstrip("*")) for pattern in provider.models)
    assert 2 <= len(provider.credentials) <= 3
    assert provider.id in presets() or model.id.startswith(UNPRICED)


def test_endpoints_are_those_that_are_served() -> None:
    paths = {endpoint.path for endpoint in ENDPOINTS}
    assert {path for spoken in SPOKEN.values() for path in (spoken.path, spoken.stream_path)} <= paths


def test_only_what_is_translated_loses_something() -> None:
    assert all(client != upstream and {client, upstream} <= FORMATS.keys() for client, upstream in DROPPED)
