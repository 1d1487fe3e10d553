"""A client's tools, in their present and their older form, and the choice among them."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import InvalidRequest, UnsupportedParameter
from gateway.formats.neutral import Grammar, Tool, ToolChoice

from .scene import read

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def tool(value: dict[str, Any]) -> Tool:
    (only,) = read(tools=[value])[0].tools
    return only


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ({"type": "function", "function": {"name": "f"}}, Tool("f")),
        ({"function": {"name": "f", "parameters": None, "strict": None, "description": None}}, Tool("f")),
        (
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}},
            Tool("f", description="d", schema=SCHEMA, strict=True),
        ),
        ({"type": "function", "function": {"name": "f", "strict": False}}, Tool("f", strict=False)),
        ({"type": "custom", "custom": {"name": "p"}}, Tool("p", "custom")),
        (
            {"type": "custom", "custom": {"name": "p", "description": "d", "format": {"type": "text"}}},
            Tool("p", "custom", "d"),
        ),
        (
            {
                "type": "custom",
                "custom": {
                    "name": "p",
                    "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: A"}},
                },
            },
            Tool("p", "custom", grammar=Grammar("lark", "start: A")),
        ),
    ],
)
def test_a_tool_is_read(value: dict[str, Any], meant: Tool) -> None:
    assert tool(value) == meant


def test_older_functions_are_tools_behind_the_others() -> None:
    tools = read(tools=[{"function": {"name": "f"}}], functions=[{"name": "g", "parameters": SCHEMA}])[0].tools
    assert tools == (Tool("f"), Tool("g", schema=SCHEMA))


def test_web_search_is_a_tool_that_remembers_its_own_name() -> None:
    place = {"type": "approximate", "approximate": {"city": "Bern", "country": "CH", "region": None, "planet": "x"}}
    (search,) = read(web_search_options={"user_location": place})[0].tools
    assert search.server == "web_search"
    assert search.location == {"city": "Bern", "country": "CH"}
    assert search.path == "web_search_options"
    (search,) = read(web_search_options={})[0].tools
    assert search.location is None


@pytest.mark.parametrize(
    ("choice", "meant"),
    [
        ("none", ToolChoice("none")),
        ("auto", ToolChoice("auto")),
        ("required", ToolChoice("required")),
        ("any", ToolChoice("required")),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice("named", ("f",))),
        ({"type": "custom", "custom": {"name": "p"}}, ToolChoice("named", ("p",))),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [
                        {"type": "function", "function": {"name": "f"}},
                        {"type": "custom", "custom": {"name": "p"}},
                        {"type": "function", "name": "flat"},
                    ],
                },
            },
            ToolChoice("allowed", ("f", "p", "flat"), required=True),
        ),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}},
            ToolChoice("allowed", ()),
        ),
    ],
)
def test_a_choice_is_read(choice: Any, meant: ToolChoice) -> None:
    assert read(tools=[{"function": {"name": "f"}}], tool_choice=choice)[0].tool_choice == meant


@pytest.mark.parametrize(
    ("choice", "meant"),
    [("auto", ToolChoice("auto")), ("none", ToolChoice("none")), ({"name": "f"}, ToolChoice("named", ("f",)))],
)
def test_an_older_choice_is_read_where_there_is_no_newer(choice: Any, meant: ToolChoice) -> None:
    assert read(functions=[{"name": "f"}], function_call=choice)[0].tool_choice == meant
    newer = read(functions=[{"name": "f"}], function_call=choice, tool_choice="required")[0]
    assert newer.tool_choice == ToolChoice("required")


def test_a_tool_that_others_do_not_run_is_refused() -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        read(tools=[{"function": {"name": "f"}}, {"type": "code_interpreter"}])
    assert refused.value.param == "tools[1]"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": {}}, "tools"),
        ({"tools": [7]}, "tools[0]"),
        ({"tools": [{"type": 7}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"function": {}}]}, "tools[0].function.name"),
        ({"tools": [{"function": {"name": "f", "description": 7}}]}, "tools[0].function.description"),
        ({"tools": [{"function": {"name": "f", "parameters": []}}]}, "tools[0].function.parameters"),
        ({"tools": [{"function": {"name": "f", "strict": "yes"}}]}, "tools[0].function.strict"),
        ({"tools": [{"type": "custom", "custom": {}}]}, "tools[0].custom.name"),
        ({"tools": [{"type": "custom", "custom": {"name": "p", "format": 7}}]}, "tools[0].custom.format"),
        (
            {"tools": [{"type": "custom", "custom": {"name": "p", "format": {"type": "x"}}}]},
            "tools[0].custom.format.type",
        ),
        (
            {"tools": [{"type": "custom", "custom": {"name": "p", "format": {"type": "grammar"}}}]},
            "tools[0].custom.format.grammar",
        ),
        ({"functions": [{}]}, "functions[0].name"),
        ({"functions": 7}, "functions"),
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"tool_choice": 7}, "tool_choice"),
        ({"tool_choice": {"type": "x"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function"),
        ({"tool_choice": {"type": "function", "function": {}}}, "tool_choice.function.name"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice.allowed_tools"),
        ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {}}}, "tool_choice.allowed_tools.mode"),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{}]}}},
            "tool_choice.allowed_tools.tools[0].name",
        ),
        ({"function_call": "required"}, "function_call"),
        ({"function_call": {}}, "function_call.name"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(**fields)
    assert refused.value.param == param
