from __future__ import annotations

from gateway.settings.model import ClientKeySettings, ModelFactsSettings, ProviderSettings, Settings
from gateway.settings.unenforced import warnings


def test_a_limit_that_is_not_enforced_is_named_with_its_key() -> None:
    key = ClientKeySettings(name="team", key="sk-12345678", requests_per_minute=1, budget_usd=2.0)
    assert warnings(Settings(client_keys=(key,))) == [
        "client key `team`: requests_per_minute, budget_usd not enforced by this version"
    ]


def test_model_facts_that_are_not_used_are_named_with_their_provider() -> None:
    provider = ProviderSettings(id="p", model_facts=(ModelFactsSettings(model="*"),))
    assert warnings(Settings(providers=(provider,))) == ["provider `p`: model_facts not used by this version"]


def test_nothing_is_said_when_everything_is_done() -> None:
    assert warnings(Settings(client_keys=(ClientKeySettings(name="a", key="sk-12345678"),))) == []
