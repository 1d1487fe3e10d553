"""Tools as clients declare them, and the choice among them."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import InvalidRequest, UnsupportedParameter
from gateway.formats.neutral import Grammar, Tool, ToolChoice

from .scene import read

SCHEMA = {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("tool", "expected", "dropped"),
    [
        ({"type": "function", "name": "f", "parameters": None, "strict": None}, Tool("f"), []),
        (
            {"type": "function", "name": "f", "parameters": SCHEMA, "strict": True, "description": "d"},
            Tool("f", description="d", schema=SCHEMA, strict=True),
            [],
        ),
        (
            {"type": "function", "name": "f", "defer_loading": True, "async": False, "output_schema": {}},
            Tool("f"),
            ["tools[0].defer_loading", "tools[0].output_schema"],
        ),
        ({"type": "custom", "name": "c", "format": {"type": "text"}}, Tool("c", "custom"), []),
        (
            {"type": "custom", "name": "c", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
            Tool("c", "custom", grammar=Grammar("lark", "x")),
            [],
        ),
        (
            {
                "type": "web_search_preview_2025_03_11",
                "search_context_size": "low",
                "filters": {"allowed_domains": ["e.org"], "blocked_domains": ["x.org"]},
                "user_location": {"type": "approximate", "city": "Ulm", "region": None},
            },
            Tool(
                "web_search",
                "server",
                server="web_search",
                allowed_domains=("e.org",),
                location={"city": "Ulm"},
            ),
            ["tools[0].search_context_size", "tools[0].filters.blocked_domains"],
        ),
        (
            {"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["f"]}},
            Tool("code_interpreter", "server", server="code_execution"),
            ["tools[0].container.file_ids"],
        ),
        (
            {"type": "code_interpreter", "container": "cntr_1"},
            Tool("code_interpreter", "server", server="code_execution"),
            ["tools[0].container"],
        ),
    ],
)
def test_a_tool(tool: Any, expected: Tool, dropped: list[str]) -> None:
    prompt, losses = read(tools=[tool])
    assert (prompt.tools, losses) == ((expected,), dropped)


def test_tools_of_a_namespace_keep_it() -> None:
    inner = [{"type": "function", "name": "get", "defer_loading": False}, {"type": "custom", "name": "put"}]
    prompt, _ = read(tools=[{"type": "namespace", "name": "crm", "description": "CRM", "tools": inner}])
    assert prompt.tools == (Tool("get", namespace="crm"), Tool("put", "custom", namespace="crm"))


def test_of_the_same_name_the_first_counts() -> None:
    def declared(text: str) -> dict[str, Any]:
        return {"type": "function", "name": "f", "description": text}

    items = [
        {"type": "additional_tools", "role": "developer", "tools": [declared("b"), {**declared("c"), "name": "g"}]}
    ]
    prompt, _ = read(input=items, tools=[declared("a")])
    assert [(tool.name, tool.description) for tool in prompt.tools] == [("f", "a"), ("g", "c")]


@pytest.mark.parametrize(
    "kind", ["file_search", "mcp", "computer", "shell", "local_shell", "apply_patch", "tool_search"]
)
def test_a_tool_that_nobody_else_has_is_refused(kind: str) -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        read(tools=[{"type": kind}])
    assert caught.value.param == "tools[0]"


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("none", ToolChoice("none")),
        ("auto", ToolChoice("auto")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "f"}, ToolChoice("named", ("f",))),
        ({"type": "custom", "name": "c"}, ToolChoice("named", ("c",))),
        ({"type": "web_search_preview"}, ToolChoice("named", ("web_search",))),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
            ToolChoice("allowed", ("f",), required=True),
        ),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "custom", "name": "c"}]},
            ToolChoice("allowed", ("c",)),
        ),
    ],
)
def test_a_choice(choice: Any, expected: ToolChoice) -> None:
    assert read(tool_choice=choice)[0].tool_choice == expected


@pytest.mark.parametrize("choice", [{"type": "mcp", "server_label": "x"}, {"type": "shell"}, {"type": "computer_use"}])
def test_a_choice_that_nobody_else_has_is_refused(choice: Any) -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        read(tool_choice=choice)
    assert caught.value.param == "tool_choice"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [7]}, "tools[0]"),
        ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": "f", "parameters": "x"}]}, "tools[0].parameters"),
        ({"tools": [{"type": "function", "name": "f", "strict": "x"}]}, "tools[0].strict"),
        ({"tools": [{"type": "custom", "name": "c", "format": {"type": "x"}}]}, "tools[0].format.type"),
        ({"tools": [{"type": "namespace", "name": "n"}]}, "tools[0].tools"),
        ({"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "mcp"}]}]}, "tools[0].tools[0].type"),
        ({"tools": [{"type": "web_search", "filters": 1}]}, "tools[0].filters"),
        (
            {"tools": [{"type": "web_search", "filters": {"allowed_domains": [1]}}]},
            "tools[0].filters.allowed_domains[0]",
        ),
        ({"tools": [{"type": "web_search", "search_context_size": 1}]}, "tools[0].search_context_size"),
        ({"tool_choice": "any"}, "tool_choice"),
        ({"tool_choice": 7}, "tool_choice"),
        ({"tool_choice": {"type": "riddle"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "any", "tools": []}}, "tool_choice.mode"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [1]}}, "tool_choice.tools[0]"),
    ],
)
def test_the_field_at_fault_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(**fields)
    assert caught.value.param == param
