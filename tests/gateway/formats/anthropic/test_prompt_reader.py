"""A client's request: what each field and block means, what is lost, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest, RequestRefused, UnsupportedParameter
from gateway.formats.anthropic.dialect import FORMAT
from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import (
    CacheMark,
    Citation,
    Document,
    Identity,
    Image,
    Output,
    Part,
    Reasoning,
    Sampling,
    Source,
    State,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)

from .scene import REQUEST, read, read_blocks

MARK = {"type": "ephemeral", "ttl": "1h"}
PNG = {"type": "base64", "media_type": "image/png", "data": "aGk="}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "aGk="}
LINE = {"type": "text", "media_type": "text/plain", "data": "line"}
PAGE = {"type": "web_search_result_location", "url": "https://x", "title": "X", "cited_text": "t"}


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"type": "text", "text": "a", "cache_control": MARK}, [Text("a", CacheMark("1h"))]),
        ({"type": "text", "text": "a", "citations": [PAGE]}, [Text("a", citations=(Citation("https://x", "X"),))]),
        ({"type": "image", "source": PNG}, [Image(Source("base64", "aGk=", "image/png"))]),
        (
            {"type": "image", "source": {**PNG, "media_type": "image/JPG"}},
            [Image(Source("base64", "aGk=", "image/jpeg"))],
        ),
        ({"type": "image", "source": {"type": "url", "url": "https://x"}}, [Image(Source("url", "https://x"))]),
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, [Image(Source("file", "f"))]),
        (
            {"type": "document", "source": PDF, "title": "r.pdf", "context": "c", "citations": {"enabled": True}},
            [Document(Source("base64", "aGk=", "application/pdf"), "r.pdf", "c", True)],
        ),
        ({"type": "document", "source": LINE}, [Document(Source("text", "line", "text/plain"))]),
        (
            {"type": "document", "source": {"type": "content", "content": "c"}},
            [Document(Source("text", "c", "text/plain"))],
        ),
        (
            {
                "type": "document",
                "source": {
                    "type": "content",
                    "content": [{"type": "text", "text": "c"}, {"type": "image", "source": PNG}],
                },
            },
            [Document(Source("text", "c", "text/plain")), Image(Source("base64", "aGk=", "image/png"))],
        ),
        (
            {"type": "search_result", "title": "T", "source": "https://x", "content": [{"type": "text", "text": "b"}]},
            [Text("T — https://x\nb")],
        ),
        ({"type": "tool_result", "tool_use_id": "t"}, [ToolResult("t", ())]),
        (
            {"type": "tool_result", "tool_use_id": "t", "content": "r", "is_error": True},
            [ToolResult("t", (Text("r"),), is_error=True)],
        ),
        (
            {
                "type": "tool_result",
                "tool_use_id": "t",
                "content": [{"type": "tool_reference", "tool_name": "f"}, {"type": "odd", "k": 1}],
            },
            [ToolResult("t", (Text("Loaded tool: f"), Text('{"type":"odd","k":1}')))],
        ),
    ],
)
def test_what_the_user_says(block: Fields, expected: list[Part]) -> None:
    assert list(read_blocks(block)) == expected


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"type": "tool_use", "id": "t", "name": "f", "input": {"é": 1}}, [ToolCall("t", "f", '{"é":1}')]),
        ({"type": "tool_use", "id": "t", "name": "f"}, [ToolCall("t", "f", "{}")]),
        ({"type": "thinking", "thinking": "a", "signature": "S"}, [Reasoning("a", State("anthropic", "S"))]),
        (
            {"type": "thinking", "thinking": "a", "signature": "gw1.gemini.G"},
            [Reasoning("a", State("gemini", "G"))],
        ),
        ({"type": "thinking", "thinking": "a", "signature": "gw1.none."}, [Reasoning("a")]),
        ({"type": "redacted_thinking", "data": "D"}, [Reasoning("", State("anthropic-redacted", "D"))]),
        ({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}, []),
        (
            {
                "type": "code_execution_tool_result",
                "tool_use_id": "s",
                "content": {"type": "code_execution_result", "stdout": "42", "stderr": ""},
            },
            [Text("42")],
        ),
        (
            {
                "type": "web_fetch_tool_result",
                "tool_use_id": "s",
                "content": {"type": "web_fetch_result", "content": {"type": "document", "source": LINE}},
            },
            [Text("line")],
        ),
        ({"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"encrypted_content": "x"}]}, []),
    ],
)
def test_what_the_model_said(block: Fields, expected: list[Part]) -> None:
    assert list(read_blocks(block, role="assistant")) == expected


def test_leading_instructions_are_apart_and_later_ones_stay() -> None:
    messages = [
        {"role": "system", "content": "b"},
        {"role": "user", "content": "q"},
        {"role": "system", "content": [{"type": "text", "text": "c"}]},
    ]
    prompt, _ = read(system=[{"type": "text", "text": "a"}], messages=messages)
    assert prompt.system == (Text("a"), Text("b"))
    assert prompt.turns == (Turn("user", (Text("q"),)), Turn("system", (Text("c"),)))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, Thinking("on", None, 2048, True)),
        ({"thinking": {"type": "adaptive"}}, Thinking("adaptive", None, None, True)),
        (
            {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "max"}},
            Thinking("adaptive", "max", None, False),
        ),
        ({"thinking": {"type": "disabled"}}, Thinking("off")),
        ({"thinking": {"type": "between_tools"}}, Thinking("off")),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}}, Thinking(None, "low")),
        ({"output_config": {"effort": "low"}}, Thinking(None, "low")),
        ({}, None),
    ],
)
def test_thinking_is_read_in_all_its_words(fields: Fields, expected: Thinking | None) -> None:
    assert read(**fields)[0].thinking == expected


def test_settings_are_read_by_either_version() -> None:
    prompt, dropped = read(
        temperature=1,
        top_p=0.9,
        top_k=5,
        stop_sequences=["A"],
        stream=True,
        cache_control=MARK,
        metadata={"user_id": "u"},
        output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}},
    )
    assert prompt.sampling == Sampling(temperature=1, top_p=0.9, top_k=5)
    assert (prompt.stop, prompt.stream, prompt.max_tokens) == (("A",), True, 100)
    assert prompt.cache == CacheMark("1h")
    assert prompt.identity == Identity(user="u", safety_id="u")
    assert prompt.output == Output("json_schema", {"type": "object"}, strict=True)
    assert dropped == []


@pytest.mark.parametrize(
    ("fields", "dropped"),
    [
        ({"container": "c", "inference_geo": "eu", "diagnostics": {}}, ["container", "inference_geo", "diagnostics"]),
        ({"speed": "fast"}, ["speed"]),
        ({"speed": "standard", "service_tier": "auto", "mcp_servers": []}, []),
        ({"service_tier": "standard_only"}, ["service_tier"]),
        ({"metadata": {"user_id": "u", "x": "y"}}, ["metadata.x"]),
        ({"output_config": {"task_budget": {}}}, ["output_config.task_budget"]),
        ({"tools": [{"type": "web_search_20250305", "name": "w", "max_uses": 3}]}, ["tools[0].max_uses"]),
        ({"tools": [{"name": "f", "input_schema": {}, "defer_loading": True}]}, ["tools[0].defer_loading"]),
    ],
)
def test_what_only_anthropic_knows_is_reported(fields: Fields, dropped: list[str]) -> None:
    assert read(**fields)[1] == dropped


def test_tools_are_read() -> None:
    place = {"type": "approximate", "city": "Ulm"}
    tools = [
        {"name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": True, "cache_control": MARK},
        {"type": "web_search_20260209", "name": "web_search", "allowed_domains": ["x.org"], "user_location": place},
        {"type": "code_execution_20250825", "name": "code_execution"},
        {"type": "web_fetch_20250910", "name": "web_fetch"},
    ]
    assert read(tools=tools)[0].tools == (
        Tool("f", description="d", schema={"type": "object"}, strict=True, cache=CacheMark("1h")),
        Tool("web_search", "server", server="web_search", allowed_domains=("x.org",), location={"city": "Ulm"}),
        Tool("code_execution", "server", server="code_execution"),
        Tool("web_fetch", "server", server="url_fetch"),
    )


@pytest.mark.parametrize(
    ("choice", "expected", "parallel"),
    [
        ({"type": "auto"}, ToolChoice("auto"), None),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice("required"), False),
        ({"type": "none"}, ToolChoice("none"), None),
        ({"type": "tool", "name": "f"}, ToolChoice("named", ("f",)), None),
    ],
)
def test_choices_are_read(choice: Fields, expected: ToolChoice, parallel: bool | None) -> None:
    prompt, _ = read(tool_choice=choice)
    assert (prompt.tool_choice, prompt.parallel) == (expected, parallel)


def turn(content: Any, role: str = "user") -> Fields:
    return {"messages": [{"role": role, "content": content}]}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": {}}, "messages"),
        (turn("q", "tool"), "messages.0.role"),
        (turn(None), "messages.0.content"),
        (turn(1), "messages.0.content"),
        (turn([1]), "messages.0.content.0"),
        (turn([{}]), "messages.0.content.0.type"),
        (turn([{"type": "odd"}]), "messages.0.content.0"),
        (turn([{"type": "tool_use", "id": "t", "name": "f"}]), "messages.0.content.0"),
        (turn([{"type": "tool_result", "tool_use_id": "t"}], "assistant"), "messages.0.content.0"),
        (turn([{"type": "text"}]), "messages.0.content.0.text"),
        (turn([{"type": "image"}]), "messages.0.content.0.source"),
        (turn([{"type": "image", "source": {"type": "odd"}}]), "messages.0.content.0.source"),
        (turn([{"type": "image", "source": PNG}], "system"), "messages.0.content.0"),
        ({"system": 1}, "system"),
        ({"stop_sequences": "A"}, "stop_sequences"),
        ({"stop_sequences": [1]}, "stop_sequences.0"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "odd"}}, "thinking.type"),
        ({"output_config": {"effort": "huge"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "odd"}}}, "output_config.format.type"),
        ({"tools": [{}]}, "tools.0.name"),
        ({"tools": [{"name": "f"}]}, "tools.0.input_schema"),
        ({"tool_choice": {"type": "odd"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"service_tier": "odd"}, "service_tier"),
        ({"temperature": "hot"}, "temperature"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_path(fields: Fields, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(**fields)
    assert refused.value.param == param


@pytest.mark.parametrize(
    "fields",
    [
        {"mcp_servers": [{}]},
        {"thread": {"type": "continue"}},
        {"tools": [{"type": "bash_20250124", "name": "bash"}]},
        turn([{"type": "container_upload", "file_id": "f"}]),
        turn([{"type": "compaction", "content": "c"}], "assistant"),
    ],
)
def test_what_nobody_else_can_serve_is_refused(fields: Fields) -> None:
    with pytest.raises(UnsupportedParameter):
        read(**fields)


def test_arguments_too_deep_to_write_are_refused() -> None:
    deep: Any = {}
    for _ in range(300):
        deep = {"a": deep}
    with pytest.raises(InvalidRequest):
        read_blocks({"type": "tool_use", "id": "t", "name": "f", "input": deep}, role="assistant")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
NAMES = ["system", "messages", "tools", "tool_choice", "thinking", "output_config", "metadata", "cache_control"]
TYPES = ["text", "image", "document", "tool_use", "tool_result", "thinking", "search_result", "web_fetch_tool_result"]
BLOCK = st.builds(
    lambda kind, fields: {**fields, "type": kind},
    st.sampled_from(TYPES),
    st.dictionaries(st.sampled_from(["text", "source", "content", "id", "input", "title", "data"]), JSON, max_size=4),
)
MESSAGE = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["user", "assistant", "system"]),
    st.lists(BLOCK | JSON, max_size=3),
)


@given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4), st.lists(MESSAGE, max_size=3))
def test_garbage_gives_only_our_errors(fields: Fields, messages: list[Fields]) -> None:
    try:
        FORMAT.read_prompt({**REQUEST, "messages": messages, **fields}, Losses({}))
    except RequestRefused:
        return
