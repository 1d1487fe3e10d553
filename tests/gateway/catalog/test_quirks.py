"""Each fix of requests with what goes in and what comes out, and which of them a provider goes by."""

from __future__ import annotations

import copy
from typing import Any, get_args

import pytest

from gateway.catalog.presets import Format, presets
from gateway.catalog.quirks import (
    _REQUESTS,
    QUIRKS,
    betas_in_body,
    edits_of,
    refusals_of,
    usage_fix_of,
    with_betas,
)
from gateway.records import Provider
from gateway.settings.section import Quirk

Fields = dict[str, Any]

OF_OPERATORS = {"joined_text"}
"""Of no preset."""

ASKED = {"role": "user", "content": "Hello"}
CALLS: Fields = {"role": "assistant", "tool_calls": [{"id": "c"}]}
TOOLS = [{"type": "function", "function": {"name": "f"}}]


def said(*messages: Any, **more: Any) -> Fields:
    return {"model": "m", "messages": list(messages), **more}


FIXED: list[tuple[str, str, Fields, Fields]] = [
    (
        "developer_as_system",
        "m",
        said({"role": "developer", "content": "Be brief."}, ASKED),
        said({"role": "system", "content": "Be brief."}, ASKED),
    ),
    (
        "joined_text",
        "m",
        said({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
        said({"role": "user", "content": "a\n\nb"}),
    ),
    ("without_names", "m", said({**ASKED, "name": "Ann"}), said(ASKED)),
    ("without_stream_options", "m", said(stream_options={"include_usage": True}), said()),
    ("max_tokens", "m", said(max_completion_tokens=5), said(max_tokens=5)),
    ("max_tokens", "m", said(max_completion_tokens=5, max_tokens=4), said(max_tokens=4)),
    ("choice_needs_tools", "m", said(tool_choice="auto", parallel_tool_calls=True, tools=[]), said(tools=[])),
    ("reasoning_echo", "m", said(ASKED, CALLS), said(ASKED, {**CALLS, "reasoning_content": " "})),
    ("deepseek_effort", "m", said(reasoning_effort="minimal"), said(reasoning_effort="low")),
    ("deepseek_effort", "m", said(reasoning_effort="medium"), said(reasoning_effort="high")),
    ("deepseek_effort", "m", said(reasoning_effort="xhigh"), said(reasoning_effort="high")),
    ("deepseek_effort", "m", said(reasoning_effort="ultra"), said(reasoning_effort="max")),
    ("deepseek_effort", "m", said(reasoning_effort="none"), said(thinking={"type": "disabled"})),
    ("kimi_model_name", "kimi-k2.5", {"model": "kimi-k2.5"}, {"model": "k2.5"}),
    ("kimi_thinking", "kimi-k2.5", said(reasoning_effort="none"), said(thinking={"type": "disabled"})),
    (
        "kimi_thinking",
        "kimi-k2.5",
        said(reasoning_effort="xhigh"),
        said(thinking={"type": "enabled", "effort": "high"}),
    ),
    ("kimi_thinking", "kimi-k3", said(reasoning_effort="max"), said(thinking={"type": "enabled", "effort": "max"})),
    ("kimi_thinking", "k3", said(reasoning_effort="minimal"), said(thinking={"type": "enabled", "effort": "low"})),
    ("kimi_sampling", "kimi-k2.6", said(temperature=0.2, top_p=0.5, presence_penalty=1, n=1), said(n=1)),
    ("minimax_reasoning_split", "m", said(), said(reasoning_split=True)),
    (
        "qwen_tool_choice",
        "qwen3-max",
        said(tool_choice="required", enable_thinking=True),
        said(tool_choice="auto", enable_thinking=True),
    ),
    (
        "qwen_tool_choice",
        "qwen3-235b-a22b-thinking-2507",
        said(tool_choice={"type": "function", "function": {"name": "f"}}),
        said(tool_choice="auto"),
    ),
    ("xai_reasoning", "grok-4", said(stop=["x"], frequency_penalty=1, reasoning_effort="low"), said()),
    ("xai_reasoning", "grok-code-fast-1", said(presence_penalty=1), said()),
    ("xai_reasoning", "grok-4.3", said(stop="x", reasoning_effort="low"), said(reasoning_effort="low")),
    (
        "xai_reasoning",
        "grok-4-1-fast-reasoning",
        said(reasoning={"effort": "low", "summary": "auto"}),
        said(reasoning={"summary": "auto"}),
    ),
    ("zai_thinking", "glm-4.6", said(reasoning_effort="high"), said(thinking={"type": "enabled"})),
    ("zai_thinking", "GLM-5", said(reasoning_effort="none"), said(thinking={"type": "disabled"})),
    (
        "zai_thinking",
        "glm-4.7",
        said(reasoning_effort="high", thinking={"type": "disabled"}),
        said(thinking={"type": "disabled"}),
    ),
    ("zai_tool_stream", "glm-4.6", said(stream=True, tools=TOOLS), said(stream=True, tools=TOOLS, tool_stream=True)),
    (
        "vertex_contents",
        "gemini-3-pro",
        {"contents": [{"parts": []}, {"role": "model", "parts": []}], "session_id": "s"},
        {"contents": [{"role": "user", "parts": []}, {"role": "model", "parts": []}]},
    ),
    (
        "vertex_anthropic",
        "claude-x",
        {"model": "claude-x", "max_tokens": 1, "stream": True},
        {"anthropic_version": "vertex-2023-10-16", "max_tokens": 1, "stream": True},
    ),
    (
        "vertex_anthropic",
        "claude-x",
        {"model": "claude-x", "messages": []},
        {"anthropic_version": "vertex-2023-10-16", "model": "claude-x", "messages": []},
    ),
    (
        "bedrock_anthropic",
        "claude-x",
        {"model": "claude-x", "max_tokens": 1, "stream": True},
        {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 1},
    ),
]

LEFT: list[tuple[str, str, Fields]] = [
    ("developer_as_system", "m", said(ASKED)),
    ("joined_text", "m", said({"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "a"}]})),
    ("joined_text", "m", said({"role": "user", "content": []})),
    ("joined_text", "m", said({"role": "user", "content": [{"type": "text", "text": 5}]})),
    ("without_names", "m", said(ASKED)),
    ("without_stream_options", "m", said()),
    ("max_tokens", "m", said(max_tokens=5)),
    ("choice_needs_tools", "m", said(tools=TOOLS, tool_choice="auto")),
    ("reasoning_echo", "m", said({**CALLS, "reasoning_content": "Hm."}, ASKED)),
    ("reasoning_echo", "m", said(CALLS, thinking={"type": "disabled"})),
    ("reasoning_echo", "deepseek-chat", said(CALLS)),
    ("deepseek_effort", "m", said(reasoning_effort="max")),
    ("deepseek_effort", "m", said(reasoning_effort=["odd"])),
    ("kimi_model_name", "kimi-latest", {"model": "kimi-latest"}),
    ("kimi_thinking", "kimi-k2.5", said(reasoning_effort="high", thinking={"type": "disabled"})),
    ("kimi_thinking", "kimi-k2.5", said(reasoning_effort="odd")),
    ("kimi_thinking", "kimi-k2-0905", said(reasoning_effort="high")),
    ("kimi_sampling", "kimi-k2-0905", said(temperature=0.2)),
    ("minimax_reasoning_split", "m", said(reasoning_split=False)),
    ("qwen_tool_choice", "qwen3-max", said(tool_choice="required")),
    ("qwen_tool_choice", "qwen3-max", said(tool_choice="none", enable_thinking=True)),
    ("xai_reasoning", "grok-4-fast-non-reasoning", said(stop=["x"])),
    ("xai_reasoning", "grok-3", said(stop=["x"])),
    ("zai_thinking", "glm-5.2", said(reasoning_effort="high")),
    ("zai_thinking", "cogview-4", said(reasoning_effort="high")),
    ("zai_tool_stream", "glm-4.5", said(stream=True, tools=TOOLS)),
    ("zai_tool_stream", "glm-4.6", said(stream=True)),
    ("zai_tool_stream", "glm-4.6", said(stream=True, tools=TOOLS, tool_stream=False)),
    ("vertex_contents", "m", {"contents": [{"role": "user", "parts": []}]}),
]

ALWAYS = {"vertex_anthropic", "bedrock_anthropic"}
"""Those that change every request."""


@pytest.mark.parametrize(("name", "model", "before", "after"), FIXED)
def test_a_fix_makes_a_request_fit_and_keeps_what_it_was_given(
    name: str, model: str, before: Fields, after: Fields
) -> None:
    given = copy.deepcopy(before)
    assert QUIRKS[name](before, model) == after
    assert before == given


@pytest.mark.parametrize(("name", "model", "fields"), LEFT)
def test_a_request_that_fits_stays_the_very_same(name: str, model: str, fields: Fields) -> None:
    assert QUIRKS[name](fields, model) is fields


def test_every_fix_of_requests_has_examples() -> None:
    assert {name for name, *_ in FIXED} == set(_REQUESTS)
    assert {name for name, *_ in LEFT} == set(_REQUESTS) - ALWAYS


ODD: list[Any] = [None, 5, "text", [], {}, [None], ["a"], [{}], [[]], [{"role": 5, "content": 5, "tool_calls": 5}]]


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize("name", sorted(_REQUESTS))
def test_what_is_not_as_it_should_be_is_left_for_the_provider_to_refuse(name: str, value: Any) -> None:
    names = ("messages", "contents", "model", "tools", "tool_choice", "reasoning_effort", "thinking", "reasoning")
    for field in (*names, "max_completion_tokens", "stream", "stop", "enable_thinking"):
        for model in ("glm-4.6", "grok-4", "kimi-k2.5", "m"):
            QUIRKS[name]({field: value}, model)


@pytest.mark.parametrize("name", sorted(QUIRKS))
def test_a_fix_says_what_it_is_for_and_whose_word_that_is(name: str) -> None:
    said_of_it = QUIRKS[name].__doc__ or ""
    assert len(said_of_it) > 40
    assert "https://" in said_of_it or name in OF_OPERATORS


def test_every_fix_is_some_preset_s() -> None:
    used = {name for preset in presets().values() for name in preset.quirks}
    assert used == set(QUIRKS) - OF_OPERATORS


def test_operators_may_name_every_fix_and_no_other() -> None:
    assert set(get_args(Quirk)) == set(QUIRKS)


# Which of them a provider goes by


def provider(*quirks: str, format_name: str = "openai_chat") -> Provider:
    return Provider("p", format_name, "http://a", ("*",), "round_robin", (), quirks=quirks)


def test_a_provider_without_quirks_costs_nothing() -> None:
    plain = provider()
    assert (edits_of(plain), refusals_of(plain), usage_fix_of(plain)) == (None, None, None)
    assert edits_of(provider("xai_usage", "minimax_errors")) is None
    assert refusals_of(provider("max_tokens")) is None
    assert usage_fix_of(provider("max_tokens")) is None


def test_fixes_follow_one_another_in_their_order() -> None:
    edit = edits_of(provider("developer_as_system", "max_tokens"))
    assert edit is not None
    before = said({"role": "developer"}, max_completion_tokens=1)
    assert edit(before, "m") == said({"role": "system"}, max_tokens=1)
    assert edit(said(ASKED) | {"max_tokens": 1}, "m") == said(ASKED, max_tokens=1)
    fits = said(ASKED)
    assert edit(fits, "m") is fits


def test_fixes_are_of_their_dialects() -> None:
    xai = provider("developer_as_system", "xai_reasoning")
    assert edits_of(xai, "openai_responses") is QUIRKS["xai_reasoning"]
    assert edits_of(xai, "anthropic") is None
    kimi = provider("reasoning_echo", "kimi_model_name")
    assert edits_of(kimi, "anthropic") is QUIRKS["kimi_model_name"]
    assert edits_of(provider("bedrock_anthropic", format_name="anthropic")) is QUIRKS["bedrock_anthropic"]


@pytest.mark.parametrize("name", sorted(presets()))
def test_the_fixes_of_a_preset_are_for_formats_that_it_takes(name: str) -> None:
    preset = presets()[name]
    spoken = {preset.format, *preset.also_speaks, *preset.also_at}
    for quirk in preset.quirks:
        if quirk in _REQUESTS:
            assert spoken & set(_REQUESTS[quirk].formats)
    assert spoken <= set(get_args(Format))


def test_features_that_a_header_names_go_into_the_body_where_bedrock_is_asked() -> None:
    assert betas_in_body(provider("bedrock_anthropic"))
    assert not betas_in_body(provider("vertex_anthropic"))
    assert with_betas({"a": 1}, b"one-2025, two-2026") == {"a": 1, "anthropic_beta": ["one-2025", "two-2026"]}
    for fields, header in (({"a": 1}, b" , "), ({"anthropic_beta": ["mine"]}, b"one")):
        assert with_betas(fields, header) is fields


# Of answers


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, ("1008", "insufficient balance")),
        ({"base_resp": {"status_code": 1000}}, ("1000", "MiniMax reported the error 1000.")),
        ({"base_resp": {"status_code": 0, "status_msg": "success"}, "choices": []}, None),
        ({"base_resp": {"status_code": True}}, None),
        ({"base_resp": "odd"}, None),
        ({"choices": []}, None),
    ],
)
def test_minimax_tells_errors_within_an_answer(answer: Fields, found: tuple[str, str] | None) -> None:
    assert QUIRKS["minimax_errors"](answer) == found


@pytest.mark.parametrize(
    ("choices", "code"),
    [
        ([{"finish_reason": "insufficient_system_resource"}], "insufficient_system_resource"),
        ([{"finish_reason": "aborted"}], "aborted"),
        ([{"finish_reason": "stop"}], None),
        ([{}], None),
        (["odd"], None),
        ([], None),
        (None, None),
    ],
)
def test_deepseek_breaks_answers_off(choices: Any, code: str | None) -> None:
    found = refusals_of(provider("minimax_errors", "deepseek_interrupted"))
    assert found is not None
    told = found({"choices": choices})
    assert (told and told[0]) == code


@pytest.mark.parametrize(
    ("prompt", "completion", "total", "output"),
    [(32, 9, 241, 209), (32, 209, 241, 209), (32, 9, 30, 9), (32, 9, None, 9), (32, "9", 241, "9")],
)
def test_reasoning_of_xai_is_part_of_the_output(prompt: Any, completion: Any, total: Any, output: Any) -> None:
    """Figures of https://docs.x.ai/docs/guides/reasoning: the total says what was used."""
    fix = usage_fix_of(provider("xai_usage"))
    assert fix is not None
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}
    assert fix(usage)["completion_tokens"] == output
    assert usage["completion_tokens"] == completion
