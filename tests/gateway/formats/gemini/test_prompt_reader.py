"""Requests of clients as prompts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError, InvalidRequest, UnsupportedParameter
from gateway.formats.gemini.prompt_reader import read_prompt
from gateway.formats.losses import Losses
from gateway.formats.neutral import Identity, Output, Prompt, Sampling, Text, Thinking

from .asking import read

CONFIG = "generationConfig"


@pytest.mark.parametrize(
    "system",
    [
        {"parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "system", "parts": [{"text": "a"}, {"text": "b"}]},
    ],
)
def test_instructions_are_texts_whatever_their_role(system: Any) -> None:
    assert read(systemInstruction=system)[0].system == (Text("a"), Text("b"))
    assert read(system_instruction=system)[0].system == (Text("a"), Text("b"))


def test_instructions_may_be_a_mere_string() -> None:
    assert read(systemInstruction="a")[0].system == (Text("a"),)


def test_instructions_alone_are_a_prompt() -> None:
    assert read(systemInstruction="a", contents=[])[0] == Prompt((Text("a"),), ())


@pytest.mark.parametrize("fields", [{}, {"contents": None}, {"contents": []}, {"systemInstruction": "a"}])
def test_a_request_has_contents(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_prompt(fields, Losses({}))
    assert refused.value.param == "contents"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"maxOutputTokens": 9}, {"max_tokens": 9}),
        ({"max_output_tokens": "9"}, {"max_tokens": 9}),
        ({"stopSequences": ["a", "b"]}, {"stop": ("a", "b")}),
        ({"temperature": 0.5, "topP": 1, "topK": 40.0}, {"sampling": Sampling(0.5, 1, 40)}),
        (
            {"frequencyPenalty": 1, "presencePenalty": -1, "seed": 7, "candidateCount": 2},
            {"sampling": Sampling(frequency_penalty=1, presence_penalty=-1, seed=7, n=2)},
        ),
        ({"responseLogprobs": True, "logprobs": 3}, {"sampling": Sampling(logprobs=True, top_logprobs=3)}),
        ({"mediaResolution": "MEDIA_RESOLUTION_HIGH"}, {"media_resolution": "high"}),
        ({"responseModalities": ["TEXT"]}, {}),
        ({"temperature": None, "thinkingConfig": None}, {}),
        ({"responseMimeType": "text/plain"}, {}),
        ({"responseMimeType": "application/json"}, {"output": Output("json_object")}),
        (
            {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
            {"output": Output("json_schema", {"type": "object"})},
        ),
        (
            {"response_mime_type": "application/json", "response_schema": {"type": "STRING", "nullable": True}},
            {"output": Output("json_schema", {"type": ["string", "null"]})},
        ),
        (
            {"responseFormat": {"text": {"mimeType": "application/json", "jsonSchema": {"type": "array"}}}},
            {"output": Output("json_schema", {"type": "array"})},
        ),
        ({"responseFormat": [{"text": {"mimeType": "APPLICATION_JSON"}}]}, {"output": Output("json_object")}),
    ],
)
def test_settings(config: dict[str, Any], expected: dict[str, Any]) -> None:
    assert read(generationConfig=config) == (Prompt((), (the_question(),), **expected), [])


def the_question() -> Any:
    return read()[0].turns[0]


@pytest.mark.parametrize(
    ("config", "thinking"),
    [
        ({"thinkingLevel": "XHIGH", "includeThoughts": True}, Thinking(effort="xhigh", visible=True)),
        ({"thinking_level": "low"}, Thinking(effort="low")),
        ({"thinkingBudget": 0}, Thinking(budget=0)),
        ({"thinkingBudget": -1, "includeThoughts": True}, Thinking(budget=-1, visible=True)),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, None),
        ({"includeThoughts": False}, None),
        ({}, None),
    ],
)
def test_thinking(config: dict[str, Any], thinking: Thinking | None) -> None:
    assert read(generationConfig={"thinkingConfig": config})[0].thinking == thinking


@pytest.mark.parametrize(
    ("tier", "expected"), [("flex", "flex"), ("STANDARD", "default"), ("priority", "priority"), ("unspecified", None)]
)
def test_tiers_are_told_in_openai_s_words(tier: str, expected: str | None) -> None:
    assert read(serviceTier=tier)[0].identity == Identity(tier=expected)


def test_safety_settings_are_pairs() -> None:
    pairs = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}]
    assert read(safetySettings=pairs)[0].safety == (("HARM_CATEGORY_HARASSMENT", "OFF"),)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"cachedContent": "cachedContents/x"}, "cachedContent"),
        ({"continuationToken": "x"}, "continuationToken"),
        ({CONFIG: {"responseModalities": ["TEXT", "IMAGE"]}}, f"{CONFIG}.responseModalities"),
        ({CONFIG: {"responseMimeType": "text/x.enum"}}, f"{CONFIG}.responseMimeType"),
        ({CONFIG: {"responseFormat": {"image": {}}}}, f"{CONFIG}.responseFormat.image"),
    ],
)
def test_what_only_google_can_do_is_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        read(**fields)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"contents": "q"}, "contents"),
        ({"contents": [7]}, "contents[0]"),
        ({"systemInstruction": {"parts": [{"inlineData": {}}]}}, "systemInstruction.parts[0].text"),
        ({CONFIG: []}, CONFIG),
        ({CONFIG: {"temperature": "hot"}}, f"{CONFIG}.temperature"),
        ({CONFIG: {"maxOutputTokens": 0}}, f"{CONFIG}.maxOutputTokens"),
        ({CONFIG: {"stopSequences": [1]}}, f"{CONFIG}.stopSequences[0]"),
        ({CONFIG: {"thinkingConfig": {"thinkingLevel": "HUGE"}}}, f"{CONFIG}.thinkingConfig.thinkingLevel"),
        ({CONFIG: {"responseSchema": []}}, f"{CONFIG}.responseSchema"),
        ({"serviceTier": "gold"}, "serviceTier"),
        ({"safetySettings": [{}]}, "safetySettings[0].category"),
        ({"store": "yes"}, "store"),
        ({"tools": 7}, "tools"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "MAYBE"}}}, "toolConfig.functionCallingConfig.mode"),
    ],
)
def test_broken_fields_are_refused_by_their_path(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(**fields)
    assert refused.value.param == param


def test_what_nobody_reads_is_left_out_and_reported() -> None:
    fields: dict[str, Any] = {
        "labels": {"a": "b"},
        "futureField": True,
        CONFIG: {"speechConfig": {}},
        "store": True,
        "model": "m",
    }
    assert read(**fields)[1] == [f"{CONFIG}.speechConfig", "labels", "futureField", "store"]
    assert read(store=False)[1] == []


def test_a_strict_client_is_told_at_once() -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        read(strict=True, labels={})
    assert refused.value.param == "labels"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = [
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "safetySettings",
    "generationConfig",
    "serviceTier",
    "store",
    "role",
    "parts",
    "text",
    "thought",
    "thoughtSignature",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "name",
    "args",
    "response",
    "id",
    "mimeType",
    "data",
    "fileUri",
    "functionDeclarations",
    "googleSearch",
    "parameters",
    "parametersJsonSchema",
    "type",
    "properties",
    "functionCallingConfig",
    "mode",
    "allowedFunctionNames",
    "thinkingConfig",
    "thinkingLevel",
    "responseSchema",
    "responseFormat",
    "executableCode",
]
SHAPED = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(NAMES), SHAPED, max_size=5))
def test_garbage_is_read_or_refused_and_nothing_else(fields: dict[str, Any]) -> None:
    for body in (fields, {"contents": [fields]}, {"contents": [{"role": "model", "parts": [fields]}]}):
        try:
            prompt = read_prompt(body, Losses({}))
        except GatewayError:
            continue
        assert isinstance(prompt, Prompt)
