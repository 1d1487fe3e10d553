"""Tools and the choice among them, both ways."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import InvalidRequest, UnsupportedParameter
from gateway.formats.format import Fields
from gateway.formats.gemini.tool_reader import read_choice, read_tools
from gateway.formats.gemini.tool_writer import write_tools
from gateway.formats.losses import Losses
from gateway.formats.neutral import Tool, ToolChoice
from gateway.records import ModelFacts

from .asking import FIRST, THIRD

CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
SEARCH = Tool("web_search", "server", server="web_search")
CODE = Tool("code_execution", "server", server="code_execution")


def functions(*declarations: Fields) -> list[Fields]:
    return [{"functionDeclarations": list(declarations)}]


@pytest.mark.parametrize(
    ("entries", "tools"),
    [
        (functions({"name": "f"}, {"name": "g"}), (Tool("f"), Tool("g"))),
        ([*functions({"name": "f"}), *functions({"name": "g"})], (Tool("f"), Tool("g"))),
        (
            [{"function_declarations": [{"name": "f", "description": "d", "parameters_json_schema": CITY}]}],
            (Tool("f", description="d", schema=CITY),),
        ),
        (
            functions({"name": "f", "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}),
            (Tool("f", schema=CITY),),
        ),
        ([{"googleSearch": {}}, {"code_execution": {}}], (SEARCH, CODE)),
        ([{"googleSearchRetrieval": {}}], (SEARCH,)),
        ([{"urlContext": {}}], (Tool("url_fetch", "server", server="url_fetch"),)),
        ([{"functionDeclarations": [{"name": "f"}], "googleSearch": {}}], (Tool("f"), SEARCH)),
        ([], ()),
    ],
)
def test_tools_are_read(entries: list[Fields], tools: tuple[Tool, ...]) -> None:
    assert read_tools(entries, Losses({})) == tools


def test_options_that_nobody_else_has_are_reported() -> None:
    losses = Losses({})
    declaration = {"name": "f", "response": {}, "behavior": "NON_BLOCKING"}
    read_tools([{"googleSearch": {"excludeDomains": ["a"]}}, *functions(declaration)], losses)
    where = "tools[1].functionDeclarations[0]"
    assert losses.dropped == ["tools[0].googleSearch.excludeDomains", f"{where}.response", f"{where}.behavior"]


@pytest.mark.parametrize("kind", ["googleMaps", "fileSearch", "computerUse", "mcpServers", "futureTool"])
def test_tools_that_only_google_has_are_refused(kind: str) -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        read_tools([{kind: {}}], Losses({}))
    assert refused.value.param == f"tools[0].{kind}"


@pytest.mark.parametrize(
    ("entries", "param"),
    [
        (7, "tools"),
        ([7], "tools[0]"),
        ([{"functionDeclarations": 7}], "tools[0].functionDeclarations"),
        (functions({}), "tools[0].functionDeclarations[0].name"),
        (functions({"name": ""}), "tools[0].functionDeclarations[0].name"),
        (functions({"name": "f", "parameters": []}), "tools[0].functionDeclarations[0].parameters"),
        ([{"googleSearch": 7}], "tools[0].googleSearch"),
    ],
)
def test_broken_tools_are_refused_by_their_path(entries: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_tools(entries, Losses({}))
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("calling", "choice"),
    [
        ({"mode": "NONE"}, ToolChoice("none")),
        ({"mode": "auto"}, ToolChoice("auto")),
        ({"mode": "ANY"}, ToolChoice("required")),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, ToolChoice("named", ("f",))),
        ({"mode": "ANY", "allowed_function_names": ["f", "g"]}, ToolChoice("allowed", ("f", "g"), required=True)),
        ({"mode": "VALIDATED"}, ToolChoice("auto")),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["f"]}, ToolChoice("allowed", ("f",))),
        ({"mode": "MODE_UNSPECIFIED"}, None),
        ({}, None),
    ],
)
def test_the_choice_is_read(calling: Fields, choice: ToolChoice | None) -> None:
    assert read_choice({"functionCallingConfig": calling}, Losses({})) == choice


def test_other_configuration_is_reported() -> None:
    losses = Losses({})
    assert read_choice({"retrievalConfig": {"languageCode": "de"}}, losses) is None
    assert losses.dropped == ["toolConfig.retrievalConfig"]


def written(
    *tools: Tool, choice: ToolChoice | None = None, facts: ModelFacts = FIRST
) -> tuple[list[Fields], Fields, list[str]]:
    losses = Losses({})
    return (*write_tools(tools, choice, facts, losses), losses.dropped)


def test_functions_are_declared_together_with_json_schemas() -> None:
    declared = functions({"name": "f", "description": "d", "parametersJsonSchema": CITY}, {"name": "g"})
    assert written(Tool("f", description="d", schema=CITY), Tool("g")) == (declared, {}, [])


@pytest.mark.parametrize(
    "schema",
    [None, {}, {"type": "object"}, {"type": "object", "properties": {}, "additionalProperties": False}],
)
def test_a_schema_that_says_nothing_is_left_out(schema: Fields | None) -> None:
    assert written(Tool("f", schema=schema))[0] == functions({"name": "f"})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "anyOf": [CITY]},
        {"type": "object", "properties": {"default": {"type": "string"}}},
    ],
)
def test_any_other_is_not(schema: Fields) -> None:
    assert written(Tool("f", schema=schema))[0] == functions({"name": "f", "parametersJsonSchema": schema})


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        (None, {}),
        (ToolChoice("auto"), {"mode": "AUTO"}),
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("required"), {"mode": "ANY"}),
        (ToolChoice("named", ("f",)), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (ToolChoice("allowed", ("f", "x"), required=True), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (ToolChoice("allowed", ("f", "g")), {"mode": "VALIDATED", "allowedFunctionNames": ["f", "g"]}),
    ],
)
def test_the_choice_is_written(choice: ToolChoice | None, calling: Fields) -> None:
    expected = {"functionCallingConfig": calling} if calling else {}
    assert written(Tool("f"), Tool("g"), choice=choice)[1:] == (expected, [])


@pytest.mark.parametrize("choice", [None, ToolChoice("auto")])
def test_a_strict_tool_is_validated(choice: ToolChoice | None) -> None:
    config = written(Tool("f", strict=True), Tool("g"), choice=choice)[1]
    assert config == {"functionCallingConfig": {"mode": "VALIDATED"}}


def test_a_choice_of_what_is_not_there_is_reported() -> None:
    assert written(Tool("f"), choice=ToolChoice("named", ("x",)))[1:] == ({}, ["tool_choice"])
    assert written(SEARCH, choice=ToolChoice("required"))[1:] == ({}, ["tool_choice"])
    assert written(SEARCH, choice=ToolChoice("auto"))[1:] == ({}, [])


def test_google_s_own_tools_stand_alone_each() -> None:
    assert written(SEARCH, CODE, SEARCH) == ([{"googleSearch": {}}, {"codeExecution": {}}], {}, [])


def test_their_options_are_reported() -> None:
    tool = Tool("s", "server", server="web_search", allowed_domains=("a",), location={"city": "b"})
    assert written(tool) == ([{"googleSearch": {}}], {}, ["tools[0].allowed_domains", "tools[0].user_location"])


def test_an_unknown_tool_of_a_vendor_is_refused() -> None:
    with pytest.raises(UnsupportedParameter):
        written(Tool("bash", "server"))


def test_before_3_functions_go_before_google_s_own_tools() -> None:
    assert written(SEARCH, Tool("f")) == (functions({"name": "f"}), {}, ["tools[0]"])


def test_from_3_on_both_go_together() -> None:
    tools = [*functions({"name": "f"}), {"googleSearch": {}}]
    assert written(Tool("f"), SEARCH, facts=THIRD) == (tools, {"includeServerSideToolInvocations": True}, [])
    vertex = ModelFacts(thinking="level", provider="vertex")
    assert written(Tool("f"), SEARCH, facts=vertex) == (tools, {}, [])
