from __future__ import annotations

from typing import Any

import pytest

from gateway.assemble import providers_of
from gateway.records import ModelFacts, Provider
from gateway.settings.model import ModelFactsSettings, ProviderSettings, Settings


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
