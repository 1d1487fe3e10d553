from __future__ import annotations

from typing import Any

import pytest

from gateway.assemble import keys_of, providers_of
from gateway.catalog.presets import presets
from gateway.errors import SettingsError
from gateway.records import ClientKey, FailureRule, ModelFacts, Provider
from gateway.settings.model import Settings, UpstreamSettings
from gateway.settings.objects import (
    ClientKeySettings,
    CredentialSettings,
    FailureSettings,
    ModelFactsSettings,
    ProviderSettings,
)
from gateway.settings.providers import fill


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


def preset(name: str, **more: Any) -> Provider:
    filled = fill(ProviderSettings(id=name, **more), (), presets())
    return providers_of(Settings(providers=(filled,)))[0]


def test_a_preset_s_facts_come_to_the_relay() -> None:
    known = presets()["groq"]
    made = preset("groq")
    assert (made.quirks, made.drop_fields, made.price_list) == (known.quirks, known.drop_fields, "groq")
    assert preset("mistral").stream_usage is False
    assert preset("zai").models_path is None
    assert preset("zai").also_at == (("anthropic", "https://api.z.ai/api/anthropic"),)
    azure = preset("azure", variables={"resource": "acme"})
    assert (azure.paths, azure.auth, dict(azure.variables)["api_version"]) == ("azure", "api-key", "2024-10-21")
    assert preset("vertex", variables={"project": "acme-1"}).facts == (("*", ModelFacts(provider="vertex")),)


def test_what_the_operator_says_goes_before_a_preset_s_facts() -> None:
    rule = FailureSettings(status=(429,), contains=("Mine",), then="stop")
    made = preset("zai", failures=(rule,), quirks=("joined_text",), drop_fields=("n",), headers={"X-Team": "a"})
    assert made.failures[0] == FailureRule(status=(429,), contains=("mine",), then="stop")
    assert made.failures[1:] == presets()["zai"].rules
    assert (made.quirks, made.drop_fields, made.headers) == (("joined_text",), ("n",), (("x-team", "a"),))
    assert preset("groq", drop_fields=("n", "logprobs")).drop_fields == ("n", "logprobs", "logit_bias", "top_logprobs")
    assert preset("zai", quirks=()).quirks == ()
    facts = (ModelFactsSettings(model="a*", provider="developer"),)
    made = preset("vertex-express", model_facts=facts)
    assert [one.provider for _, one in made.facts] == ["developer", "vertex"]


def test_what_a_preset_knows_of_its_own_format_is_not_said_of_another() -> None:
    made = preset("zai", format="gemini", base_url="http://127.0.0.1:1")
    assert (made.failures, made.auth, made.also_at, made.models_path) == ((), "x-goog-api-key", (), "")


def test_another_address_of_a_preset_s_format_is_known_only_where_it_is_at_home() -> None:
    assert preset("deepseek", base_url="https://192.0.2.1/v1").also_at == ()
    assert preset("deepseek", also_speaks=("anthropic",)).also_at == ()


def test_a_server_of_one_s_own_has_only_what_its_operator_says() -> None:
    made = provider(quirks=("joined_text",))
    assert (made.quirks, made.price_list, made.also_at, made.paths) == (("joined_text",), "", (), "")


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


def test_the_proxy_of_a_credential_is_guarded_where_the_operator_did_not_say_it() -> None:
    def told(**proxies: str) -> Settings:
        credentials = tuple(CredentialSettings(name=name, api_key="sk-1", proxy=said) for name, said in proxies.items())
        own = ProviderSettings(id="own", format="openai_chat", base_url="http://127.0.0.1:1", credentials=credentials)
        return Settings(providers=(own,))

    filed, other = "http://10.0.0.1:3128", "http://10.0.0.2:3128"
    (own,) = providers_of(told(a=filed, b=other, c=filed, d="none", e=""), (), told(a=filed))
    assert {each.name: (each.proxy, each.proxy_guarded) for each in own.credentials} == {
        "a": (filed, False),
        "b": (other, True),
        "c": (filed, False),
        "d": ("", False),
        "e": (None, False),
    }


def test_a_paused_credential_is_for_no_model() -> None:
    credentials = tuple(CredentialSettings(name=name, api_key="sk-1", paused=name == "off") for name in ("on", "off"))
    assert [each.models for each in provider(credentials=credentials).credentials] == [("*",), ()]
