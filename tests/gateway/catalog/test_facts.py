from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from gateway.catalog.facts import MODELS, facts_of, load, tables
from gateway.catalog.presets import Format
from gateway.errors import SettingsError
from gateway.records import ModelFacts
from gateway.settings.objects import ModelFactsSettings

ADAPTIVE = {"thinking": "adaptive", "max_output": 128000}
BUDGET = {"thinking": "budget", "budget_min": 1024, "temperature": True, "mid_system": False}
ALL = ("low", "medium", "high", "xhigh", "max")
GPT = {"temperature": False, "token_param": "max_completion_tokens", "custom_tools": True}

KNOWN: list[tuple[str, str, dict[str, Any]]] = [
    ("anthropic", "claude-opus-4-8", {**ADAPTIVE, "effort": ALL, "temperature": False, "mid_system": True}),
    ("anthropic", "claude-opus-4-7", {**ADAPTIVE, "effort": ALL, "temperature": False, "mid_system": False}),
    ("anthropic", "claude-sonnet-5-5", {**ADAPTIVE, "effort": ALL, "temperature": False, "mid_system": True}),
    ("anthropic", "claude-sonnet-5", {"mid_system": False, "temperature": False, "thinking": "adaptive"}),
    ("anthropic", "claude-sonnet-5-20260901", {"mid_system": False}),
    ("anthropic", "claude-fable-5", {**ADAPTIVE, "mid_system": True}),
    ("anthropic", "claude-opus-6", {**ADAPTIVE, "temperature": False}),
    ("anthropic", "claude-opus-4-6", {**ADAPTIVE, "temperature": True, "effort": ("low", "medium", "high", "max")}),
    ("anthropic", "claude-sonnet-4-6", {"thinking": "adaptive", "temperature": True, "max_output": 64000}),
    ("anthropic", "anthropic/claude-sonnet-4.6", {"thinking": "adaptive", "temperature": True}),
    ("anthropic", "claude-haiku-4-5-20251001", {**BUDGET, "max_output": 64000}),
    ("anthropic", "anthropic.claude-opus-4-5-20251101-v1:0", BUDGET),
    ("anthropic", "claude-opus-4-5@20251101", BUDGET),
    ("anthropic", "claude-opus-4-1-20250805", {**BUDGET, "max_output": 32000}),
    ("anthropic", "claude-opus-4-20250514", {**BUDGET, "max_output": 32000}),
    ("anthropic", "claude-sonnet-4-20250514", {**BUDGET, "max_output": 64000}),
    ("anthropic", "claude-3-7-sonnet-20250219", BUDGET),
    ("anthropic", "claude-3-5-haiku-20241022", {"thinking": "none", "max_output": 8192, "temperature": True}),
    ("gemini", "gemini-3-pro-preview", {"thinking": "level", "levels": ("LOW", "HIGH"), "signature_required": True}),
    ("gemini", "gemini-3.1-pro", {"levels": ("LOW", "MEDIUM", "HIGH"), "media_in_function_response": True}),
    ("gemini", "gemini-3-flash", {"levels": ("MINIMAL", "LOW", "MEDIUM", "HIGH"), "provider": "developer"}),
    ("gemini", "gemini-3.1-flash-image-preview", {"levels": ("MINIMAL", "HIGH"), "thinking": "level"}),
    ("gemini", "gemini-4-ultra", {"thinking": "level", "signature_required": True}),
    ("gemini", "gemini-2.5-pro", {"thinking": "budget", "budget_min": 128, "budget_max": 32768, "levels": ()}),
    ("gemini", "gemini-2.5-flash-lite", {"thinking": "budget", "budget_min": None, "budget_max": 24576}),
    ("gemini", "gemini-2.5-flash", {"signature_required": False, "media_in_function_response": False}),
    ("gemini", "gemini-2.0-flash", {"thinking": "none", "max_output": 8192}),
    ("openai_responses", "gpt-5.5", {**GPT, "effort": ("none", "low", "medium", "high", "xhigh")}),
    ("openai_chat", "gpt-5.5-2026-04-23", {**GPT, "cache_marks": False}),
    ("openai_chat", "gpt-5-mini", {**GPT, "effort": ("minimal", "low", "medium", "high")}),
    ("openai_chat", "gpt-5.1", {"effort": ("none", "low", "medium", "high")}),
    ("openai_chat", "gpt-5.1-codex", {"effort": ("low", "medium", "high")}),
    ("openai_chat", "gpt-5.3-codex", {"effort": ("low", "medium", "high", "xhigh")}),
    ("openai_chat", "gpt-5-pro-2025-10-06", {"effort": ("high",)}),
    ("openai_responses", "gpt-5.6-sol", {"cache_marks": True, "effort": ("none", *ALL)}),
    ("openai_chat", "gpt-7", {**GPT, "cache_marks": True}),
    ("openai_chat", "gpt-5-chat-latest", {"temperature": True, "effort": (), "custom_tools": False}),
    ("openai_chat", "gpt-5.2-chat-latest", {"temperature": True, "effort": ("medium",)}),
    ("openai_chat", "gpt-4o-mini", {"temperature": True, "token_param": "max_completion_tokens", "max_output": 16384}),
    ("openai_chat", "o3-mini", {"temperature": False, "effort": ("low", "medium", "high")}),
    ("openai_chat", "o1", {"temperature": False, "token_param": "max_completion_tokens"}),
    ("openai_chat", "openai/gpt-5.5", {"temperature": False, "token_param": None, "custom_tools": None}),
    ("openai_chat", "openai/gpt-oss-120b", {"temperature": None, "effort": ("low", "medium", "high")}),
    ("openai_chat", "deepseek-reasoner", {"echo_reasoning": True, "token_param": "max_tokens"}),
    ("openai_chat", "deepseek-chat", {"echo_reasoning": False}),
    ("openai_chat", "moonshotai/Kimi-K2-Thinking", {"echo_reasoning": True}),
    ("openai_chat", "kimi-k2.6", {"temperature": False, "effort": ("none", "low", "high")}),
    ("openai_chat", "MiniMax-M2", {"echo_reasoning": True}),
    ("openai_chat", "grok-4.5", {"effort": ("low", "medium", "high"), "custom_tools": False}),
    ("openai_chat", "llama-of-mine", {"temperature": None, "effort": ()}),
]


@pytest.mark.parametrize(("format_name", "model", "expected"), KNOWN, ids=[model for _, model, _ in KNOWN])
def test_the_catalogue_knows_what_a_model_can_do(format_name: str, model: str, expected: dict[str, Any]) -> None:
    facts = facts_of(format_name, model)
    assert {name: getattr(facts, name) for name in expected} == expected


def test_of_an_unknown_model_nothing_is_said() -> None:
    assert facts_of("openai_chat", "nobody-knows-me") == ModelFacts()
    assert facts_of("smoke_signals", "claude-opus-4-8") == ModelFacts()


def test_the_operator_wins_field_by_field() -> None:
    said = [("claude-*", ModelFacts(temperature=True, max_output=1000))]
    facts = facts_of("anthropic", "claude-opus-4-8", said)
    assert (facts.temperature, facts.max_output, facts.thinking) == (True, 1000, "adaptive")


def test_of_the_operator_s_patterns_an_earlier_one_wins() -> None:
    said = (
        ("mine-*", ModelFacts(temperature=False)),
        ("*", ModelFacts(temperature=True, token_param="max_tokens", effort=("low",))),
    )
    facts = facts_of("openai_chat", "mine-1", said)
    assert (facts.temperature, facts.token_param, facts.effort) == (False, "max_tokens", ("low",))
    assert facts_of("openai_chat", "other", said).temperature is True


def test_what_is_false_or_nought_is_said_too() -> None:
    said = (("*", ModelFacts(budget_min=0, custom_tools=False)), ("*", ModelFacts(budget_min=5, custom_tools=True)))
    facts = facts_of("openai_chat", "any", said)
    assert (facts.budget_min, facts.custom_tools) == (0, False)


def test_every_format_has_models_in_the_catalogue() -> None:
    assert set(tables()) == set(get_args(Format))


@pytest.mark.parametrize("path", sorted(MODELS.glob("*.toml")), ids=lambda path: path.stem)
def test_patterns_of_the_catalogue_are_of_lower_case(path: Path) -> None:
    patterns = [pattern for rows in tables().values() for pattern, _ in rows]
    assert patterns == [pattern.lower() for pattern in patterns]
    assert path.read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("formats =", "not valid TOML"),
        ('formats = ["morse"]\nrows = []', "Invalid enum value"),
        ('formats = ["gemini"]', "missing required field `rows`"),
        ('formats = ["gemini"]\n[[rows]]\nmodels = ["*"]\nfacts = { size = 1 }', "no such facts: size"),
        ('formats = ["gemini"]\n[[rows]]\nmodels = ["a*"]\nfacts = { thinking = "hard" }', "a\\*: Invalid enum value"),
    ],
)
def test_a_wrong_table_is_refused_with_its_file(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(SettingsError, match=message) as caught:
        load(tmp_path)
    assert caught.value.file == str(tmp_path / "a.toml")


def test_settings_can_say_every_fact_and_no_other() -> None:
    said = {field.name: field for field in msgspec.structs.fields(ModelFactsSettings)}
    assert {"model", *(field.name for field in fields(ModelFacts))} == said.keys()
    assert ModelFactsSettings(model="*").effort == ModelFacts().effort == ()


def test_a_provider_is_heard_after_the_operator_and_before_the_catalogue() -> None:
    said = [("claude-*", ModelFacts(max_output=1))]
    told = ModelFacts(max_output=2, temperature=True, context=3)
    otherwise = ModelFacts(max_output=4, temperature=True, context=5, images=True, thinking="budget")
    facts = facts_of("anthropic", "claude-opus-4-8", said, told=told, otherwise=otherwise)
    assert (facts.max_output, facts.temperature, facts.context) == (1, True, 3)
    assert (facts.thinking, facts.images) == ("adaptive", True), "the registry comes last"
