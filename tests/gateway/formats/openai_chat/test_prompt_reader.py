"""Settings of a client's request: each read, checked, or named as lost."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import InvalidRequest, UnsupportedParameter
from gateway.formats.neutral import Identity, Output, Prompt, Sampling, Text, Thinking, Turn

from .scene import QUESTION, read


def settings(**fields: Any) -> Prompt:
    prompt, dropped = read(**fields)
    assert dropped == []
    return prompt


def test_a_question_alone_is_a_prompt() -> None:
    assert settings() == Prompt((), (Turn("user", (Text("q"),)),))


@pytest.mark.parametrize(
    ("fields", "field", "value"),
    [
        ({"stream": True}, "stream", True),
        ({"stream": False}, "stream", False),
        ({"stream": True, "stream_options": {"include_usage": True}}, "wants_usage", True),
        ({"stream": True, "stream_options": {"include_usage": False, "include_obfuscation": False}}, "stream", True),
        ({"max_tokens": 5}, "max_tokens", 5),
        ({"max_tokens": 5.0}, "max_tokens", 5),
        ({"max_completion_tokens": 7}, "max_tokens", 7),
        ({"max_completion_tokens": 7, "max_tokens": 5}, "max_tokens", 7),
        ({"stop": "x"}, "stop", ("x",)),
        ({"stop": ["x", "y"]}, "stop", ("x", "y")),
        ({"stop": []}, "stop", ()),
        ({"parallel_tool_calls": False}, "parallel", False),
        ({"parallel_tool_calls": True}, "parallel", True),
        ({"verbosity": "low"}, "verbosity", "low"),
        ({"prompt_cache_key": "k"}, "cache_key", "k"),
        ({"modalities": ["text"]}, "sampling", Sampling()),
        ({"response_format": {"type": "text"}}, "output", None),
        ({"response_format": {"type": "json_object"}}, "output", Output("json_object")),
    ],
)
def test_a_setting_is_read(fields: dict[str, Any], field: str, value: object) -> None:
    assert getattr(settings(**fields), field) == value


def test_null_is_the_same_as_nothing() -> None:
    names = (
        *("stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "top_p", "n", "stop"),
        *("tools", "tool_choice", "functions", "function_call", "parallel_tool_calls", "response_format"),
        *("reasoning_effort", "verbosity", "modalities", "audio", "web_search_options", "metadata", "user", "store"),
        *("service_tier", "logit_bias", "logprobs", "seed", "prediction", "whatever"),
    )
    assert settings(**dict.fromkeys(names)) == settings()


def test_sampling_is_read_whole() -> None:
    asked = {
        "temperature": 0.5,
        "top_p": 1,
        "top_k": 40,
        "frequency_penalty": -2,
        "presence_penalty": 2,
        "seed": 7,
        "n": 2,
        "logit_bias": {"50256": -100},
        "logprobs": True,
        "top_logprobs": 3,
    }
    assert settings(**asked).sampling == Sampling(0.5, 1, 40, -2, 2, 7, 2, {"50256": -100}, True, 3)


@pytest.mark.parametrize(("effort", "visible"), [("none", False), ("minimal", True), ("xhigh", True), ("max", True)])
def test_whoever_asks_for_an_effort_sees_the_thoughts(effort: str, visible: bool) -> None:
    assert settings(reasoning_effort=effort).thinking == Thinking(effort=effort, visible=visible)


def test_without_an_effort_nothing_is_asked_of_thinking() -> None:
    assert settings().thinking is None


def test_a_schema_is_read_with_all_that_is_said_of_it() -> None:
    form = {"name": "n", "description": "d", "schema": {"type": "object"}, "strict": True}
    output = settings(response_format={"type": "json_schema", "json_schema": form}).output
    assert output == Output("json_schema", {"type": "object"}, "n", "d", True)


def test_of_a_schema_only_the_name_of_the_form_is_needed() -> None:
    form = {"name": "n", "schema": None, "strict": None, "description": None}
    output = settings(response_format={"type": "json_schema", "json_schema": form}).output
    assert output == Output("json_schema", {}, "n")


def test_who_asks_is_read() -> None:
    asked = {
        "user": "u",
        "safety_identifier": "s",
        "metadata": {"a": "b"},
        "service_tier": "flex",
        "store": False,
    }
    assert settings(**asked).identity == Identity("u", "s", {"a": "b"}, "flex", False)


@pytest.mark.parametrize(
    ("fields", "lost"),
    [
        ({"prediction": {"type": "content", "content": "x"}}, "prediction"),
        ({"moderation": {"model": "m"}}, "moderation"),
        ({"prompt_cache_options": {"mode": "explicit"}}, "prompt_cache_options"),
        ({"prompt_cache_retention": "24h"}, "prompt_cache_retention"),
        ({"stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
        ({"audio": {"voice": "v", "format": "wav"}}, "audio"),
        ({"messages": [{**QUESTION, "name": "Ann"}]}, "messages[0].name"),
        ({"messages": [QUESTION, {"role": "assistant", "audio": {"id": "a"}}]}, "messages[1].audio"),
        ({"web_search_options": {"search_context_size": "low"}}, "web_search_options.search_context_size"),
        # Words of other dialects, and words of ours: what the client wrote is what it is told of.
        ({"thinking": {"type": "enabled"}}, "thinking"),
        ({"image": "x"}, "image"),
        ({"system": "x"}, "system"),
        ({"whatever": 1}, "whatever"),
    ],
)
def test_what_nobody_else_knows_is_named_and_refused_where_losses_are(fields: dict[str, Any], lost: str) -> None:
    assert read(**fields)[1] == [lost]
    with pytest.raises(UnsupportedParameter) as refused:
        read(strict=True, **fields)
    assert refused.value.param == lost


def test_sound_as_an_answer_is_refused() -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        read(modalities=["text", "audio"], audio={"voice": "v", "format": "wav"})
    assert (refused.value.param, refused.value.code) == ("modalities", "unsupported_parameter")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "q"}, "messages"),
        ({"messages": [7]}, "messages[0]"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": []}, "stream_options"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"seed": "x"}, "seed"),
        ({"n": 0}, "n"),
        ({"logit_bias": {"a": "b"}}, "logit_bias.a"),
        ({"logit_bias": [1]}, "logit_bias"),
        ({"logprobs": 3}, "logprobs"),
        ({"stop": [7]}, "stop[0]"),
        ({"stop": 7}, "stop"),
        ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"verbosity": "loud"}, "verbosity"),
        ({"service_tier": "gold"}, "service_tier"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"user": 7}, "user"),
        ({"store": "yes"}, "store"),
        ({"modalities": "text"}, "modalities"),
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": 7}}}, "response_format.json_schema.name"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": "x"}}},
            "response_format.json_schema.schema",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"strict": 1}}},
            "response_format.json_schema.strict",
        ),
        ({"web_search_options": True}, "web_search_options"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(**fields)
    assert refused.value.param == param
    assert param in refused.value.message
