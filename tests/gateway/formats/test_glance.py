"""What a request asks of a model, at a glance: as far as it is of the right kind, and without ever failing."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.formats.table import FORMATS
from gateway.formats.told import WORD_CHARACTERS, WORDS
from gateway.records import Parameters

EVERYTHING = {
    "max_tokens": 100,
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 40,
    "frequency_penalty": 0.1,
    "presence_penalty": -0.2,
    "seed": 7,
    "choices": 3,
    "stop": ("a", "b"),
    "effort": "high",
    "output": "json",
}

FULL: dict[str, tuple[dict[str, Any], Parameters]] = {
    "openai_chat": (
        {
            "model": "m",
            "messages": [{"role": "user", "content": "q"}],
            "max_completion_tokens": 100,
            "max_tokens": 5,
            "temperature": 0.5,
            "top_p": 0.9,
            "top_k": 40,
            "frequency_penalty": 0.1,
            "presence_penalty": -0.2,
            "seed": 7,
            "n": 3,
            "stop": ["a", "b"],
            "reasoning_effort": "high",
            "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}},
        },
        Parameters(**EVERYTHING),  # type: ignore[arg-type]
    ),
    "openai_responses": (
        {
            "model": "m",
            "input": "q",
            "max_output_tokens": 100,
            "temperature": 0.5,
            "top_p": 0.9,
            "top_logprobs": 5,
            "reasoning": {"effort": "high", "summary": "auto"},
            "text": {"format": {"type": "json_object"}},
            "previous_response_id": "resp_0",
        },
        Parameters(max_tokens=100, temperature=0.5, top_p=0.9, effort="high", output="json", previous="resp_0"),
    ),
    "anthropic": (
        {
            "model": "m",
            "messages": [{"role": "user", "content": "q"}],
            "max_tokens": 100,
            "temperature": 0.5,
            "top_p": 0.9,
            "top_k": 40,
            "stop_sequences": ["a", "b"],
            "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": {}}},
        },
        Parameters(max_tokens=100, temperature=0.5, top_p=0.9, top_k=40, stop=("a", "b"), effort="high", output="json"),
    ),
    "gemini": (
        {
            "contents": [{"parts": [{"text": "q"}]}],
            "generationConfig": {
                "maxOutputTokens": 100,
                "temperature": 0.5,
                "topP": 0.9,
                "topK": 40,
                "frequencyPenalty": 0.1,
                "presencePenalty": -0.2,
                "seed": 7,
                "candidateCount": 3,
                "stopSequences": ["a", "b"],
                "thinkingConfig": {"thinkingLevel": "high"},
                "responseMimeType": "application/json",
            },
        },
        Parameters(**EVERYTHING),  # type: ignore[arg-type]
    ),
}

SNAKES = {
    "generation_config": {
        "max_output_tokens": "100",
        "top_k": "40",
        "temperature": "0.5",
        "thinking_config": {"thinking_level": "LOW"},
        "response_json_schema": {"type": "object"},
    }
}


def read(dialect: str, fields: dict[str, Any]) -> Parameters:
    return FORMATS[dialect].read_parameters(fields)


@pytest.mark.parametrize("dialect", FULL)
def test_all_that_a_dialect_can_ask_is_read(dialect: str) -> None:
    fields, asked = FULL[dialect]
    assert read(dialect, fields) == asked
    assert read(dialect, dict.fromkeys(fields)) == Parameters()
    assert read(dialect, {}) == Parameters()


@pytest.mark.parametrize("dialect", FULL)
def test_what_is_a_number_stays_of_its_kind(dialect: str) -> None:
    """A collector takes an attribute of another type for another attribute."""
    whole = orjson.loads(orjson.dumps(FULL[dialect][0]).replace(b"0.5", b"1").replace(b"100", b"100.0"))
    asked = read(dialect, whole)
    assert (type(asked.temperature), type(asked.max_tokens)) == (float, int)


def test_google_s_spellings_are_all_read() -> None:
    assert read("gemini", SNAKES) == Parameters(max_tokens=100, top_k=40, temperature=0.5, effort="LOW", output="json")


def test_one_stop_may_stand_alone() -> None:
    assert read("openai_chat", {"stop": "\n"}).stop == ("\n",)


def test_the_older_name_of_a_limit_counts_where_it_stands_alone() -> None:
    assert read("openai_chat", {"max_tokens": 5, "max_completion_tokens": None}).max_tokens == 5


def test_openrouter_s_word_for_an_effort_is_read() -> None:
    assert read("openai_chat", {"reasoning": {"effort": "low"}}).effort == "low"


@pytest.mark.parametrize(
    ("dialect", "fields", "output"),
    [
        ("openai_chat", {"response_format": {"type": "text"}}, "text"),
        ("openai_chat", {"response_format": {"type": "json_object"}}, "json"),
        ("openai_chat", {"modalities": ["text", "audio"], "audio": {"voice": "alloy"}}, "speech"),
        ("openai_chat", {"modalities": ["text"]}, None),
        ("openai_chat", {"response_format": {"type": "something else"}}, None),
        ("openai_responses", {"text": {"format": {"type": "text"}}}, "text"),
        ("openai_responses", {"text": {"verbosity": "low"}}, None),
        ("anthropic", {"output_format": {"type": "json_schema"}}, "json"),
        ("gemini", {"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}, "image"),
        ("gemini", {"generationConfig": {"responseModalities": ["audio"]}}, "speech"),
        ("gemini", {"generationConfig": {"responseModalities": ["TEXT"]}}, None),
        ("gemini", {"generationConfig": {"responseMimeType": "text/plain"}}, "text"),
        ("gemini", {"generationConfig": {"responseSchema": {"type": "OBJECT"}}}, "json"),
        ("gemini", {"generationConfig": {"responseFormat": {"text": {"mimeType": "APPLICATION_JSON"}}}}, "json"),
        ("gemini", {"generationConfig": {"responseFormat": [{"text": {"jsonSchema": {"a": 1}}}]}}, "json"),
    ],
)
def test_what_the_answer_is_to_be(dialect: str, fields: dict[str, Any], output: str | None) -> None:
    assert read(dialect, fields).output == output


@pytest.mark.parametrize("dialect", FULL)
@pytest.mark.parametrize("junk", [True, "7x", [], {}, [None], 2**63, 2**64 - 1, 1.5e300, [["a"]]])
def test_what_is_wrong_is_passed_over(dialect: str, junk: Any) -> None:
    fields = orjson.loads(orjson.dumps(FULL[dialect][0]))
    inner = fields.get("generationConfig", fields)
    for name in inner:
        inner[name] = junk
    asked = read(dialect, fields)
    assert asked.max_tokens is asked.top_k is asked.seed is asked.choices is None
    assert not isinstance(asked.temperature, bool)
    assert all(isinstance(each, str) for each in asked.stop)


def test_words_have_an_end() -> None:
    asked = read("openai_chat", {"stop": ["x" * 1000] * 100, "reasoning_effort": "y" * 1000})
    assert asked.stop == ("x" * WORD_CHARACTERS,) * WORDS
    assert asked.effort == "y" * WORD_CHARACTERS


NAMES = sorted({name for fields, _ in FULL.values() for name in (*fields, *fields.get("generationConfig", ()))})
NAMES += ["choices", "candidates", "message", "delta", "response", "output", "status", "type", "format", "text"]
NAMES += ["finish_reason", "stop_reason", "finishReason", "index", "id", "incomplete_details", "promptFeedback"]
LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.sampled_from(NAMES)
OBJECTS = st.dictionaries(
    st.sampled_from(NAMES),
    st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner), max_leaves=8),
)


@pytest.mark.parametrize("dialect", FULL)
@given(fields=OBJECTS)
@settings(max_examples=50)
def test_nothing_that_anybody_sends_fails(dialect: str, fields: dict[str, Any]) -> None:
    found = FORMATS[dialect]
    assert isinstance(found.read_parameters(fields), Parameters)
    told = found.read_told(fields)
    assert isinstance(told.id, str)
    assert all(isinstance(reason, str) and reason for reason in told.reasons.values())
