"""Prompts as requests for Google."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import UnsupportedParameter
from gateway.formats.neutral import Identity, Output, Prompt, Sampling, Text, Thinking, Tool
from gateway.records import ModelFacts

from .asking import FIRST, HELLO, THIRD, write

QUESTION = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def config(facts: ModelFacts = FIRST, **fields: Any) -> tuple[Any, list[str]]:
    body, dropped = write(Prompt((), (HELLO,), **fields), facts)
    return body.get("generationConfig"), dropped


def test_a_plain_question_is_nothing_but_its_contents() -> None:
    assert write(Prompt((), (HELLO,))) == (QUESTION, [])


def test_instructions_are_a_part_each_and_blank_ones_are_left_out() -> None:
    body, _ = write(Prompt((Text("a"), Text(" \n"), Text("b")), (HELLO,)))
    assert body == {**QUESTION, "systemInstruction": {"parts": [{"text": "a"}, {"text": "b"}]}}


def test_instructions_alone_get_a_turn_of_the_user() -> None:
    body, _ = write(Prompt((Text("a"),), ()))
    assert body["contents"] == [{"role": "user", "parts": [{"text": "Continue."}]}]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"max_tokens": 9}, {"maxOutputTokens": 9}),
        ({"stop": ("a", "b")}, {"stopSequences": ["a", "b"]}),
        ({"stop": ("", "b")}, {"stopSequences": ["b"]}),
        ({"sampling": Sampling(0.5, 0.9, 40)}, {"temperature": 0.5, "topP": 0.9, "topK": 40}),
        (
            {"sampling": Sampling(frequency_penalty=1, presence_penalty=0, seed=0, n=2)},
            {"frequencyPenalty": 1, "presencePenalty": 0, "seed": 0, "candidateCount": 2},
        ),
        ({"sampling": Sampling(logprobs=True, top_logprobs=3)}, {"responseLogprobs": True, "logprobs": 3}),
        ({"sampling": Sampling(top_logprobs=3)}, None),
        ({"output": Output("json_object")}, {"responseMimeType": "application/json"}),
        (
            {"output": Output("json_schema", {"type": "object", "$schema": "x"}, "n", "d", True)},
            {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
        ),
        ({"media_resolution": "low"}, {"mediaResolution": "MEDIA_RESOLUTION_LOW"}),
        ({"parallel": True}, None),
    ],
)
def test_settings(fields: dict[str, Any], expected: Any) -> None:
    assert config(**fields) == (expected, [])


def test_more_than_the_model_can_say_is_no_limit() -> None:
    assert config(ModelFacts(max_output=100), max_tokens=101)[0] == {"maxOutputTokens": 100}


def test_five_stops_are_kept() -> None:
    assert config(stop=tuple("abcdef")) == ({"stopSequences": list("abcde")}, ["stop"])


def test_a_request_for_no_answer_is_refused() -> None:
    with pytest.raises(UnsupportedParameter):
        config(max_tokens=0)


def test_a_model_that_takes_no_sampling_gets_none() -> None:
    facts = ModelFacts(temperature=False)
    assert config(facts, sampling=Sampling(1, 1, 1, seed=1)) == ({"seed": 1}, ["temperature", "top_p", "top_k"])


@pytest.mark.parametrize(
    ("fields", "dropped"),
    [
        ({"sampling": Sampling(logit_bias={"1": 1})}, ["logit_bias"]),
        (
            {"identity": Identity(user="u", safety_id="u", metadata={"a": "b"}, store=True)},
            ["user", "metadata", "store"],
        ),
        ({"identity": Identity(safety_id="s", store=False)}, ["safety_id"]),
        ({"verbosity": "low", "cache_key": "k", "parallel": False}, ["verbosity", "cache_key", "parallel"]),
        ({"identity": Identity(tier="scale")}, ["tier"]),
    ],
)
def test_what_google_has_no_field_for_is_reported(fields: dict[str, Any], dropped: list[str]) -> None:
    assert write(Prompt((), (HELLO,), **fields)) == (QUESTION, dropped)


@pytest.mark.parametrize(("tier", "expected"), [("flex", "flex"), ("priority", "priority"), ("default", "standard")])
def test_tiers(tier: str, expected: str) -> None:
    assert write(Prompt((), (HELLO,), identity=Identity(tier=tier)))[0] == {**QUESTION, "serviceTier": expected}


def test_safety_settings() -> None:
    body, _ = write(Prompt((), (HELLO,), safety=(("HARM_CATEGORY_HARASSMENT", "OFF"),)))
    assert body["safetySettings"] == [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}]


LOW_HIGH = ModelFacts(thinking="level", levels=("LOW", "HIGH"))
ALL = ModelFacts(thinking="level", levels=("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"))
PRO = ModelFacts(thinking="budget", budget_min=128, budget_max=32768)
FLASH = ModelFacts(thinking="budget", budget_max=24576)


@pytest.mark.parametrize(
    ("facts", "thinking", "expected"),
    [
        (THIRD, Thinking(effort="minimal"), {"thinkingLevel": "MINIMAL"}),
        (THIRD, Thinking(effort="max"), {"thinkingLevel": "HIGH"}),
        (THIRD, Thinking(effort="none"), {"thinkingLevel": "MINIMAL"}),
        (ALL, Thinking(effort="max"), {"thinkingLevel": "XHIGH"}),
        (ALL, Thinking(effort="xhigh", visible=True), {"thinkingLevel": "XHIGH", "includeThoughts": True}),
        (LOW_HIGH, Thinking(effort="none"), {"thinkingLevel": "LOW"}),
        (LOW_HIGH, Thinking(mode="off"), {"thinkingLevel": "LOW"}),
        (LOW_HIGH, Thinking(effort="medium"), {"thinkingLevel": "LOW"}),
        (LOW_HIGH, Thinking(mode="on", budget=9000), {"thinkingLevel": "HIGH"}),
        (THIRD, Thinking(budget=8192), {"thinkingLevel": "MEDIUM"}),
        (THIRD, Thinking(mode="adaptive", visible=True), {"includeThoughts": True}),
        (THIRD, Thinking(mode="adaptive"), None),
        (THIRD, Thinking(effort="strange"), None),
        (PRO, Thinking(effort="none"), {"thinkingBudget": 128}),
        (PRO, Thinking(effort="low"), {"thinkingBudget": 1024}),
        (PRO, Thinking(effort="max"), {"thinkingBudget": 32768}),
        (PRO, Thinking(mode="on", budget=2048, visible=True), {"thinkingBudget": 2048, "includeThoughts": True}),
        (PRO, Thinking(mode="on", budget=100), {"thinkingBudget": 128}),
        (PRO, Thinking(budget=-1), {"thinkingBudget": -1}),
        (PRO, Thinking(effort="high", budget=2048), {"thinkingBudget": 24576}),
        (FLASH, Thinking(effort="xhigh"), {"thinkingBudget": 24576}),
        (FLASH, Thinking(mode="off", visible=True), {"thinkingBudget": 0}),
        (FLASH, Thinking(mode="adaptive", visible=True), {"includeThoughts": True}),
        (FLASH, Thinking(), None),
    ],
)
def test_thinking_is_told_by_level_or_budget(facts: ModelFacts, thinking: Thinking, expected: Any) -> None:
    wanted = None if expected is None else {"thinkingConfig": expected}
    assert config(facts, thinking=thinking) == (wanted, [])


def test_a_model_that_does_not_think_is_not_told_to() -> None:
    assert config(ModelFacts(), thinking=Thinking(effort="high", visible=True)) == (None, ["effort", "visible"])
    assert config(ModelFacts(), thinking=Thinking(effort="high")) == (None, ["effort"])
    assert config(ModelFacts(), thinking=Thinking(effort="none")) == (None, [])


def test_tools_come_with_their_configuration() -> None:
    body, _ = write(Prompt((), (HELLO,), tools=(Tool("f", strict=True),)))
    assert body == {
        **QUESTION,
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}},
    }
