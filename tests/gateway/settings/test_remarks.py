from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from gateway.formats.table import FORMATS
from gateway.settings.model import LimitSettings, LoginProviderSettings, LoginSettings, ServerSettings, Settings
from gateway.settings.objects import (
    ClientKeySettings,
    LimitRuleSettings,
    ModelFactsSettings,
    PriceSettings,
    ProviderSettings,
)
from gateway.settings.remarks import NO_KEYS, warnings

KEY = ClientKeySettings(name="team", key="sk-12345678")


def test_that_nobody_gets_in_without_a_key_is_said() -> None:
    assert warnings(Settings()) == [NO_KEYS]


def test_nothing_is_said_when_everything_is_as_it_looks() -> None:
    facts = (ModelFactsSettings(model="*"),)
    providers = tuple(ProviderSettings(id=each.name, format=each.name, model_facts=facts) for each in FORMATS.values())
    assert warnings(Settings(client_keys=(KEY,), providers=providers)) == []


def test_logins_that_anybody_can_read_are_named_where_others_can_reach_us() -> None:
    login = LoginSettings(insecure=True)
    assert warnings(Settings(client_keys=(KEY,), login=login)) == []
    public = ServerSettings(listen="0.0.0.0:80")
    (warning,) = warnings(Settings(client_keys=(KEY,), login=login, server=public))
    assert warning.startswith("login.insecure: ")


def test_a_login_that_makes_everybody_an_admin_is_named() -> None:
    corp = LoginProviderSettings(id="corp", client_id="a", default_role="admin")
    (warning,) = warnings(Settings(client_keys=(KEY,), login=LoginSettings(providers=(corp,))))
    assert warning.startswith("login provider `corp`: whoever may log in there becomes admin here")


BUDGETED = ClientKeySettings(name="team", key="sk-12345678", budget_usd=1.0)
OWN = ProviderSettings(id="own", format="openai_chat", base_url="http://localhost:1/v1")
LISTED = ProviderSettings(id="openai")


@pytest.mark.parametrize(
    ("changes", "providers", "prices"),
    [
        ({}, (OWN, LISTED), ()),
        ({}, (OWN,), (PriceSettings(model="own/*", input=1, output=1),)),
        ({}, (OWN,), (PriceSettings(model="*", input=1, output=1),)),
        ({"budget_usd": None}, (OWN,), ()),
        ({}, (), ()),
        ({"providers": ("other",)}, (OWN,), ()),
        ({"models": ("openai/*", "fast")}, (OWN, LISTED), ()),
    ],
)
def test_a_budget_for_models_with_prices_is_nothing_to_speak_of(
    changes: dict[str, Any], providers: tuple[ProviderSettings, ...], prices: tuple[PriceSettings, ...]
) -> None:
    key = structs.replace(BUDGETED, **changes)
    assert warnings(Settings(client_keys=(key,), providers=providers, prices=prices), ["openai"]) == []


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({}, "of models of `own`: every request for them is refused"),
        ({"allow_unpriced": True}, "of models of `own`: they do not count against it"),
        ({"models": ("own/*",)}, "of models of `own`: every request for them is refused"),
        ({"providers": ("o*n",)}, "of models of `own`: every request for them is refused"),
    ],
)
def test_a_budget_that_no_price_counts_against_is_named(changes: dict[str, Any], end: str) -> None:
    settings = Settings(client_keys=(structs.replace(BUDGETED, **changes),), providers=(OWN,))
    (warning,) = warnings(settings, ["openai"])
    assert warning == f"client key `team` has a budget, and no price is known {end}"
    assert warnings(settings) == [], "nobody knows which providers have prices"


def test_limits_that_count_nobody_are_named() -> None:
    rules = (
        LimitRuleSettings(name="all", per="everybody", match="team-*", max_parallel=1),
        LimitRuleSettings(name="gone", per="model", match="gone/*", max_parallel=1),
        LimitRuleSettings(name="good", per="model", match="o*/gpt-5", max_parallel=1),
        LimitRuleSettings(name="users", per="user", match="nobody-yet", max_parallel=1),
    )
    settings = Settings(client_keys=(KEY,), providers=(OWN,), limits=LimitSettings(rules=rules))
    said = warnings(settings)
    assert [line.partition(":")[0] for line in said] == ["limit `all`", "limit `gone`"]


def test_several_gateways_that_each_take_themselves_for_the_only_one_are_named() -> None:
    shared = LimitSettings(redis_url="redis://localhost")
    (warning,) = warnings(Settings(client_keys=(KEY,), limits=shared))
    assert warning.startswith("limits.nodes is 1")
    for right in (structs.replace(shared, nodes=2), structs.replace(shared, redis_away="refuse"), LimitSettings()):
        assert warnings(Settings(client_keys=(KEY,), limits=right)) == []
