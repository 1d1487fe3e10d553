"""Requests for a Responses provider: settings, tools, instructions."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from gateway.errors import UnsupportedParameter
from gateway.formats.neutral import (
    CacheMark,
    Grammar,
    Identity,
    Output,
    Prompt,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    Turn,
)
from gateway.records import ModelFacts

from .scene import write

ASK = Prompt((), (Turn("user", (Text("q"),)),))
BARE = {
    "model": "up",
    "input": [{"type": "message", "role": "user", "content": "q"}],
    "store": False,
    "include": ["reasoning.encrypted_content"],
}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def asked(facts: ModelFacts | None = None, **fields: Any) -> dict[str, Any]:
    """What a prompt with these fields adds to the bare request."""
    body, _ = write(structs.replace(ASK, **fields), facts)
    return {name: value for name, value in body.items() if BARE.get(name) != value}


def test_it_is_stateless_always() -> None:
    assert write(structs.replace(ASK, identity=Identity(store=True)))[0] == BARE


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"stream": True}, {"stream": True}),
        ({"max_tokens": 5}, {"max_output_tokens": 16}),
        ({"max_tokens": 500}, {"max_output_tokens": 500}),
        ({"sampling": Sampling(temperature=0.5, top_p=0.9)}, {"temperature": 0.5, "top_p": 0.9}),
        ({"verbosity": "low"}, {"text": {"verbosity": "low"}}),
        ({"output": Output("json_object")}, {"text": {"format": {"type": "json_object"}}}),
        (
            {"output": Output("json_schema", SCHEMA, "n", "d", strict=False)},
            {
                "text": {
                    "format": {
                        "type": "json_schema",
                        "name": "n",
                        "description": "d",
                        "schema": SCHEMA,
                        "strict": False,
                    }
                }
            },
        ),
        (
            {"output": Output("json_schema", SCHEMA)},
            {"text": {"format": {"type": "json_schema", "name": "response", "schema": SCHEMA}}},
        ),
        (
            {"cache_key": "k", "identity": Identity("u", "s", {"a": "b"}, "ultrafast")},
            {
                "metadata": {"a": "b"},
                "safety_identifier": "s",
                "user": "u",
                "service_tier": "ultrafast",
                "prompt_cache_key": "k",
            },
        ),
        ({"identity": Identity("one", "one")}, {"safety_identifier": "one"}),
        ({"identity": Identity("one")}, {"user": "one"}),
        ({"parallel": False, "tool_choice": ToolChoice("auto")}, {}),
        ({"system": (Text("A"), Text(" "), Text("B"))}, {"instructions": "A\n\nB"}),
    ],
)
def test_settings(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert asked(**fields) == expected


@pytest.mark.parametrize(
    ("thinking", "effort", "expected"),
    [
        (Thinking(effort="high"), (), {"reasoning": {"effort": "high"}}),
        (Thinking(effort="max"), ("none", "low", "xhigh"), {"reasoning": {"effort": "xhigh"}}),
        (Thinking(mode="off"), (), {"reasoning": {"effort": "none"}}),
        (Thinking(mode="adaptive", visible=True), (), {"reasoning": {"summary": "auto"}}),
        (Thinking(mode="on", budget=9000, visible=True), (), {"reasoning": {"effort": "high", "summary": "auto"}}),
        (Thinking(mode="adaptive"), (), {}),
    ],
)
def test_thinking(thinking: Thinking, effort: tuple[str, ...], expected: dict[str, Any]) -> None:
    assert asked(ModelFacts(effort=effort), thinking=thinking) == expected


def test_log_probabilities_are_asked_for_twice() -> None:
    body, _ = write(structs.replace(ASK, sampling=Sampling(logprobs=True, top_logprobs=2)))
    assert body["top_logprobs"] == 2
    assert body["include"] == ["reasoning.encrypted_content", "message.output_text.logprobs"]


def test_reasoning_models_take_no_sampling() -> None:
    sampling = Sampling(temperature=0.1, top_p=0.2, logprobs=True, top_logprobs=3)
    body, dropped = write(structs.replace(ASK, sampling=sampling), ModelFacts(temperature=False))
    assert body == BARE
    assert dropped == ["temperature", "top_p", "top_logprobs", "logprobs"]


def test_what_the_api_has_no_field_for_is_dropped_with_a_word() -> None:
    sampling = Sampling(top_k=1, frequency_penalty=0.1, presence_penalty=0.2, seed=0, n=1, logit_bias={"1": 2.0})
    body, dropped = write(structs.replace(ASK, sampling=sampling, stop=("x",), safety=(("a", "b"),)))
    assert body == BARE
    assert dropped == ["stop", "top_k", "frequency_penalty", "presence_penalty", "seed", "logit_bias", "safety"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"sampling": Sampling(n=2)}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"tools": (Tool("web_fetch", "server", server="url_fetch"),)}, "tools"),
    ],
)
def test_what_cannot_be_done_without_is_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        asked(**fields)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        (
            Tool("f"),
            {
                "type": "function",
                "name": "f",
                "parameters": {"type": "object", "properties": {}},
                "strict": False,
            },
        ),
        (
            Tool("f", description="d", schema=SCHEMA, strict=True, cache=CacheMark()),
            {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True},
        ),
        (Tool("c", "custom"), {"type": "custom", "name": "c"}),
        (
            Tool("c", "custom", "d", grammar=Grammar("regex", "x+")),
            {
                "type": "custom",
                "name": "c",
                "description": "d",
                "format": {"type": "grammar", "syntax": "regex", "definition": "x+"},
            },
        ),
        (Tool("web_search", "server", server="web_search"), {"type": "web_search"}),
        (
            Tool("s", "server", server="web_search", allowed_domains=("e.org",), location={"city": "Ulm"}),
            {
                "type": "web_search",
                "filters": {"allowed_domains": ["e.org"]},
                "user_location": {"type": "approximate", "city": "Ulm"},
            },
        ),
        (
            Tool("code", "server", server="code_execution"),
            {"type": "code_interpreter", "container": {"type": "auto"}},
        ),
    ],
)
def test_a_tool(tool: Tool, expected: dict[str, Any]) -> None:
    assert asked(tools=(tool,)) == {"tools": [expected]}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice("none"), "none"),
        (ToolChoice("required"), "required"),
        (ToolChoice("named", ("f",)), {"type": "function", "name": "f"}),
        (ToolChoice("named", ("c",)), {"type": "custom", "name": "c"}),
        (ToolChoice("named", ("s",)), {"type": "web_search"}),
        (
            ToolChoice("allowed", ("f", "c"), required=True),
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}],
            },
        ),
        (
            ToolChoice("allowed", ("g",)),
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "g"}]},
        ),
    ],
)
def test_a_choice_goes_by_the_declared_kind(choice: ToolChoice, expected: Any) -> None:
    tools = (Tool("f"), Tool("c", "custom"), Tool("s", "server", server="web_search"))
    body = asked(tools=tools, tool_choice=choice, parallel=True)
    assert (body["tool_choice"], body["parallel_tool_calls"]) == (expected, True)


def test_marked_instructions_are_items_where_marks_are_taken() -> None:
    system = (Text("A", CacheMark("1h")), Text("B"))
    assert asked(system=system) == {"instructions": "A\n\nB"}
    assert asked(ModelFacts(cache_marks=True), system=system)["input"][:2] == [
        {
            "type": "message",
            "role": "developer",
            "content": [
                {"type": "input_text", "text": "A", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}}
            ],
        },
        {"type": "message", "role": "developer", "content": "B"},
    ]
