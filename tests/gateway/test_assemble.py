from __future__ import annotations

from typing import Any

import pytest

from gateway.assemble import keys_of, providers_of
from gateway.errors import SettingsError
from gateway.records import ClientKey, ModelFacts, Provider
from gateway.settings.model import Settings, UpstreamSettings
from gateway.settings.objects import ClientKeySettings, ModelFactsSettings, ProviderSettings


def provider(**more: Any) -> Provider:
    said = ProviderSettings(**({"id": "mine", "format": "openai_chat", "base_url": "http://127.0.0.1:1"} | more))
    return providers_of(Settings(providers=(said,)))[0]


def test_what_the_operator_says_comes_to_the_relay_in_order() -> None:
    facts = (ModelFactsSettings(model="a*", levels=("low",), provider="vertex"), ModelFactsSettings(model="*"))
    made = provider(format="gemini", model_facts=facts)
    assert made.facts == (("a*", ModelFacts(levels=("LOW",), provider="vertex")), ("*", ModelFacts()))


@pytest.mark.parametrize(
    ("format_name", "scheme"),
    [
        ("openai_chat", "bearer"),
        ("openai_responses", "bearer"),
        ("anthropic", "x-api-key"),
        ("gemini", "x-goog-api-key"),
    ],
)
def test_a_provider_of_one_s_own_takes_its_key_as_its_format_does(format_name: str, scheme: str) -> None:
    assert provider(format=format_name).auth == scheme


def test_a_preset_takes_its_key_as_it_says_unless_it_is_spoken_to_otherwise() -> None:
    assert provider(id="ollama").auth == "none"
    assert provider(id="minimax").auth == "bearer"
    assert provider(id="minimax", format="anthropic").auth == "x-api-key"


def test_further_formats_come_to_the_relay() -> None:
    assert provider(also_speaks=("openai_responses",)).also_speaks == ("openai_responses",)
    assert provider().also_speaks == ()


def test_a_key_of_the_file_belongs_to_its_name_and_has_all_its_limits() -> None:
    said = ClientKeySettings(
        name="team",
        key="sk-team",
        models=("a",),
        providers=("p",),
        credentials=("p/x",),
        endpoints=("/v1/*",),
        expires_at="1970-01-02",
        paused=True,
        strict=True,
        tags=("blue",),
    )
    assert keys_of(Settings(client_keys=(said, ClientKeySettings(name="plain", key="sk-plain")))) == (
        (
            "sk-team",
            ClientKey(
                "team",
                id="team",
                models=("a",),
                providers=("p",),
                credentials=("p/x",),
                endpoints=("/v1/*",),
                expires_at_us=86_400_000_000,
                paused=True,
                strict=True,
                tags=("blue",),
            ),
        ),
        ("sk-plain", ClientKey("plain", id="plain")),
    )


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="client key team: expires_at"):
        keys_of(Settings(client_keys=(ClientKeySettings(name="team", key="sk", expires_at="soon"),)))


def test_only_what_the_operator_did_not_say_is_guarded() -> None:
    def told(name: str, **more: Any) -> ProviderSettings:
        return ProviderSettings(id=name, format="openai_chat", base_url="http://127.0.0.1:1", **more)

    proxy = "http://10.0.0.1:3128"
    base = Settings(providers=(told("own", proxy=proxy),))
    stored = (told("stored"), told("by-known-proxy", proxy=proxy), told("by-new-proxy", proxy="http://10.0.0.2:3128"))
    made = providers_of(
        Settings(providers=(*base.providers, *stored)), {"own", "stored", "by-known-proxy", "by-new-proxy"}, base
    )
    assert {each.id: (each.guarded, each.proxy_guarded) for each in made} == {
        "own": (False, False),
        "stored": (True, False),
        "by-known-proxy": (True, False),
        "by-new-proxy": (True, True),
    }
    upstream = UpstreamSettings(proxy="http://10.0.0.3:3128")
    (own,) = providers_of(
        Settings(providers=(told("own"),), upstream=upstream), {"own"}, Settings(providers=(told("own"),))
    )
    assert (own.guarded, own.proxy_guarded) == (False, True), "the proxy of all came by API"
