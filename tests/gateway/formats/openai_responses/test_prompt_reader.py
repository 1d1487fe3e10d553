"""Settings of a client's request: read, dropped with a word, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import InvalidRequest, UnsupportedParameter
from gateway.formats.losses import Losses
from gateway.formats.neutral import Identity, Output, Sampling, Text, Thinking, Turn
from gateway.formats.openai_responses.dialect import FORMAT

from .scene import read


def test_settings_become_neutral() -> None:
    prompt, dropped = read(
        instructions="Be kind.",
        max_output_tokens=40.0,
        temperature=0.5,
        top_p=1,
        parallel_tool_calls=False,
        stream=True,
        store=True,
        background=False,
        truncation="disabled",
        prompt_cache_key="k",
        service_tier="flex",
        metadata={"a": "b"},
        safety_identifier="s",
        user="u",
        stream_options={"include_obfuscation": False},
        text={"verbosity": "low", "format": {"type": "text"}},
        include=["reasoning.encrypted_content"],
    )
    assert dropped == []
    assert prompt.system == (Text("Be kind."),)
    assert prompt.turns == (Turn("user", (Text("q"),)),)
    assert (prompt.max_tokens, prompt.parallel, prompt.stream, prompt.cache_key) == (40, False, True, "k")
    assert prompt.sampling == Sampling(temperature=0.5, top_p=1)
    assert prompt.identity == Identity("u", "s", {"a": "b"}, "flex", store=True)
    assert (prompt.output, prompt.verbosity, prompt.thinking) == (None, "low", None)


def test_null_is_absent() -> None:
    nulls: dict[str, Any] = dict.fromkeys(
        ("tools", "previous_response_id", "reasoning", "text", "metadata", "stream", "include", "x")
    )
    assert read(**nulls) == read()


@pytest.mark.parametrize(
    ("fields", "dropped"),
    [
        ({"truncation": "auto"}, ["truncation"]),
        ({"max_tool_calls": 3}, ["max_tool_calls"]),
        ({"context_management": []}, ["context_management"]),
        ({"prompt_cache_options": {"mode": "explicit"}}, ["prompt_cache_options"]),
        ({"prompt_cache_retention": "24h"}, ["prompt_cache_retention"]),
        ({"moderation": {}, "image": {}, "access_programs": {}}, ["moderation", "image", "access_programs"]),
        ({"stop": ["x"]}, ["stop"]),
        ({"include": ["web_search_call.results"]}, ["include"]),
        ({"stream_options": {"include_obfuscation": True}}, ["stream_options.include_obfuscation"]),
        ({"reasoning": {"context": "all_turns", "mode": "standard"}}, ["reasoning.context"]),
        ({"text": {"tone": "warm"}}, ["text.tone"]),
    ],
)
def test_what_only_openai_has_is_dropped_with_a_word(fields: dict[str, Any], dropped: list[str]) -> None:
    assert read(**fields)[1] == dropped


def test_strictness_turns_a_loss_into_an_error() -> None:
    with pytest.raises(UnsupportedParameter, match="max_tool_calls"):
        read(strict=True, max_tool_calls=3)


@pytest.mark.parametrize(
    ("name", "value"),
    [("previous_response_id", "resp_1"), ("conversation", "c"), ("prompt", {"id": "p"}), ("background", True)],
)
def test_what_needs_a_memory_is_refused(name: str, value: Any) -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        read(**{name: value})
    assert caught.value.param == name


@pytest.mark.parametrize(
    ("reasoning", "expected"),
    [
        ({}, None),
        ({"effort": "minimal"}, Thinking(effort="minimal")),
        ({"effort": None, "summary": "auto"}, Thinking(visible=True)),
        ({"effort": "none", "generate_summary": "concise"}, Thinking(effort="none", visible=True)),
    ],
)
def test_thoughts_are_visible_when_a_summary_is_asked_for(reasoning: Any, expected: Thinking | None) -> None:
    assert read(reasoning=reasoning)[0].thinking == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"top_logprobs": 2}, Sampling(logprobs=True, top_logprobs=2)),
        ({"include": ["message.output_text.logprobs"]}, Sampling(logprobs=True)),
        ({"include": ["message.output_text.logprobs"], "top_logprobs": 0}, Sampling(logprobs=True, top_logprobs=0)),
        ({"top_logprobs": 0}, Sampling()),
    ],
)
def test_log_probabilities_are_asked_for_in_two_ways(fields: dict[str, Any], expected: Sampling) -> None:
    assert read(**fields)[0].sampling == expected


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"type": "json_object"}, Output("json_object")),
        (
            {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "description": "d", "strict": True},
            Output("json_schema", {"type": "object"}, "n", "d", strict=True),
        ),
        ({"type": "json_schema", "schema": {}}, Output("json_schema", {})),
    ],
)
def test_the_format_of_the_answer(form: Any, expected: Output) -> None:
    assert read(text={"format": form})[0].output == expected


def test_a_later_item_changes_settings() -> None:
    update = {"type": "configuration_update", "reasoning": {"effort": "low"}, "text": {"format": {"type": "text"}}}
    prompt, _ = read(
        input=[{"role": "user", "content": "q"}, update],
        reasoning={"effort": "high", "summary": "auto"},
        text={"format": {"type": "json_object"}, "verbosity": "low"},
    )
    assert prompt.thinking == Thinking(effort="low", visible=True)
    assert (prompt.output, prompt.verbosity) == (None, "low")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": 1}, "input"),
        ({"input": None}, "input"),
        ({"instructions": ["x"]}, "instructions"),
        ({"max_output_tokens": "9"}, "max_output_tokens"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_logprobs": 1.5}, "top_logprobs"),
        ({"stream": "yes"}, "stream"),
        ({"include": "x"}, "include"),
        ({"include": [1]}, "include[0]"),
        ({"reasoning": "high"}, "reasoning"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"reasoning": {"summary": "long"}}, "reasoning.summary"),
        ({"text": []}, "text"),
        ({"text": {"verbosity": "loud"}}, "text.verbosity"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"service_tier": "gold"}, "service_tier"),
        ({"truncation": "some"}, "truncation"),
        ({"stream_options": 1}, "stream_options"),
        ({"tools": {}}, "tools"),
    ],
)
def test_the_field_at_fault_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(**fields)
    assert caught.value.param == param


def test_instructions_alone_are_enough() -> None:
    prompt = FORMAT.read_prompt({"model": "m", "instructions": "I"}, Losses({}))
    assert (prompt.system, prompt.turns) == ((Text("I"),), ())
