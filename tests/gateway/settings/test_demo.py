from __future__ import annotations

import pytest

from gateway.assemble import providers_of, resolver_of
from gateway.records import ClientKey, Target
from gateway.routing.resolve import Resolver
from gateway.settings import rules
from gateway.settings.demo import (
    DEMO_ALIASES,
    DEMO_COMBOS,
    DEMO_KEY,
    DEMO_PROVIDERS,
    add_demo,
    enliven,
    leads_to,
    may_be_asked,
)
from gateway.settings.model import Settings
from gateway.settings.names import settle
from gateway.settings.objects import AliasSettings, ClientKeySettings, ComboSettings, ProviderSettings

MOCK_URL = "http://127.0.0.1:9"

ANYBODY = ClientKey("demo", id="demo")


def resolver(settings: Settings) -> Resolver:
    return resolver_of(settings, providers_of(settings))


def test_the_demo_has_everything_a_first_request_needs() -> None:
    settings = add_demo(Settings(), MOCK_URL)
    assert settings.client_keys == (ClientKeySettings(name="demo", key=DEMO_KEY),)
    assert settings.providers[0].base_url == f"{MOCK_URL}/v1"
    assert settle(settings) == settings
    rules.check(settings)


def test_everything_is_at_the_mock() -> None:
    settings = add_demo(Settings(), MOCK_URL)
    assert {provider.id for provider in settings.providers} == {"mock", *(each.id for each in DEMO_PROVIDERS)}
    assert all(provider.base_url.startswith(f"{MOCK_URL}") for provider in settings.providers)
    assert {provider.format for provider in settings.providers} == {"openai_chat", "anthropic", "gemini"}


@pytest.mark.parametrize("name", [*DEMO_ALIASES, *DEMO_COMBOS, "fast", "best"])
def test_every_name_of_the_demo_leads_to_a_model(name: str) -> None:
    assert resolver(add_demo(Settings(), MOCK_URL)).resolve(name, ANYBODY).targets


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("gpt-4o-mini", Target("mock", "gpt-4o-mini")),
        ("gpt-5.4", Target("openai", "gpt-5.4")),
        ("claude-haiku-4-5", Target("anthropic", "claude-haiku-4-5")),
        ("whatever", Target("mock", "whatever")),
    ],
)
def test_a_bare_name_means_one_provider(name: str, target: Target) -> None:
    assert resolver(add_demo(Settings(), MOCK_URL)).resolve(name, ANYBODY).targets == (target,)


def test_what_the_operator_named_stays_the_operator_s() -> None:
    own = Settings(
        client_keys=(ClientKeySettings(name="demo", key="sk-12345678"),),
        providers=(
            ProviderSettings(id="mock", format="openai_chat", base_url="http://h"),
            *(ProviderSettings(id=each.id, format=each.format, base_url="http://h") for each in DEMO_PROVIDERS),
        ),
        aliases=(AliasSettings(name="best", target="mock/x"),),
        combos=(ComboSettings(name="fast", targets=("mock/x",)),),
    )
    assert add_demo(own, MOCK_URL) == own


def test_nothing_of_the_demo_leads_to_a_provider_of_the_operator_s() -> None:
    """Whoever has OPENAI_API_KEY in their environment shall not pay for a demo."""
    own = Settings(
        providers=(ProviderSettings(id="openai", format="openai_chat", base_url="https://api.openai.com/v1"),),
        aliases=(AliasSettings(name="cheap", target="openai/gpt-4o-mini"),),
    )
    settings = add_demo(own, MOCK_URL)
    added = {alias.name for alias in settings.aliases[1:]} | {combo.name for combo in settings.combos}
    assert not added & {"mini", "embed", "flagship", "coding", "chat", "quick"}
    assert {"smart", "local", "support"} <= added
    found = resolver(settings)
    for name in added:
        assert all(target.provider != "openai" for target in found.resolve(name, ANYBODY).targets)


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("smart", True),
        ("support", True),
        ("anthropic/claude-opus-4-7", True),
        ("groq/openai/gpt-oss-120b", True),
        ("openai/gpt-5.4", False),
        ("coding", False),
        ("cheap", False),
        ("far", False),
        ("groq/llama-3.3-70b-versatile", False),
        ("nobody", False),
    ],
)
def test_the_demo_asks_for_nothing_that_leads_elsewhere(name: str, may: bool) -> None:
    own = Settings(
        providers=(ProviderSettings(id="openai", format="openai_chat", base_url="https://api.openai.com/v1"),),
        aliases=(
            AliasSettings(name="cheap", target="openai/gpt-4o-mini"),
            AliasSettings(name="far", target="cheap"),
            AliasSettings(name="groq/llama-3.3-70b-versatile", target="openai/gpt-5.4"),
        ),
        combos=(ComboSettings(name="coding", targets=("anthropic/claude-opus-4-7", "openai/gpt-5.4")),),
    )
    assert may_be_asked(add_demo(own, MOCK_URL), MOCK_URL)(name) is may


def test_another_address_that_begins_alike_is_not_the_mock_s() -> None:
    own = Settings(providers=(ProviderSettings(id="openai", format="openai_chat", base_url=f"{MOCK_URL}9/v1"),))
    assert not may_be_asked(add_demo(own, MOCK_URL), MOCK_URL)("openai/gpt-5.4")


def test_the_demo_adds_to_what_is_there() -> None:
    own = Settings(client_keys=(ClientKeySettings(name="team", key="sk-12345678"),))
    assert [key.name for key in add_demo(own, MOCK_URL).client_keys] == ["team", "demo"]


def test_a_target_is_at_the_provider_in_front_of_its_first_slash() -> None:
    (groq,) = (each.settings(MOCK_URL) for each in DEMO_PROVIDERS if each.id == "groq")
    assert leads_to((groq,), "groq/openai/gpt-oss-120b")
    assert not leads_to((groq,), "groq/a", "openai/b")


def test_a_lively_demo_has_no_lines_of_requests_and_keeps_what_was_said() -> None:
    settings, own = enliven(Settings(), ())
    assert (settings.server.access_log, settings.capture.mode) == (False, "all")
    assert set(own) == {"server.access_log", "capture.mode"}
    assert enliven(settings, ()) == (settings, own)
    assert settings.server.listen == Settings().server.listen


def test_what_the_operator_says_is_as_they_say() -> None:
    settings, own = enliven(Settings(), {"capture.mode"})
    assert (settings.server.access_log, settings.capture.mode, own) == (False, "off", ("server.access_log",))
