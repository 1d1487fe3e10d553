"""Schemas of tools and answers: what each provider reads stays, what it refuses goes, and names are not keywords."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.formats.format import Fields
from gateway.formats.schemas import for_gemini_proto

from .crossing import ANTHROPIC, CHAT, GEMINI, RESPONSES, sent


def for_gemini(schema: Any) -> Fields:
    """What becomes of the schema of a tool."""
    tools = [{"type": "function", "function": {"name": "look", "parameters": schema}}]
    declaration = sent(CHAT, GEMINI, tools=tools)["tools"][0]["functionDeclarations"][0]
    assert "parameters" not in declaration
    found: Fields = declaration.get("parametersJsonSchema", {})
    return found


def of_property(schema: Any) -> Any:
    """What becomes of the schema of a property."""
    return for_gemini({"type": "object", "properties": {"x": schema}})["properties"]["x"]


def answer_schema(client: str, upstream: str, schema: Fields) -> Any:
    """What becomes of the schema of an answer."""
    named = {"name": "n", "schema": schema}
    wishes: dict[str, Fields] = {
        CHAT: {"response_format": {"type": "json_schema", "json_schema": named}},
        RESPONSES: {"text": {"format": {"type": "json_schema", **named}}},
        ANTHROPIC: {"output_config": {"format": {"type": "json_schema", "schema": schema}}},
        GEMINI: {"generationConfig": {"responseMimeType": "application/json", "responseSchema": schema}},
    }
    body = sent(client, upstream, **wishes[client])
    if upstream == CHAT:
        return body["response_format"]["json_schema"]["schema"]
    if upstream == RESPONSES:
        return body["text"]["format"]["schema"]
    if upstream == GEMINI:
        return body["generationConfig"]["responseJsonSchema"]
    return body["output_config"]["format"]["schema"]


def test_what_gemini_does_not_read_is_left_out() -> None:
    schema = for_gemini({"$schema": "s", "type": "object", "properties": {"a": {"type": "string"}}, "x-own": 1})
    assert schema == {"type": "object", "properties": {"a": {"type": "string"}}}


@pytest.mark.parametrize(
    "word",
    ["default", "examples", "uniqueItems", "propertyNames", "encrypted", "enumDescriptions", "pattern", "multipleOf"],
)
def test_keywords_go_where_they_are_keywords_and_stay_where_they_are_names(word: str) -> None:
    assert of_property({"type": "string", word: {"type": "string"}}) == {"type": "string"}
    named = {"type": "object", "properties": {word: {"type": "string"}}, "required": [word]}
    assert for_gemini(named) == named


@pytest.mark.parametrize("name", ["properties", "required", "type", "format", "$ref", "items", "enum", "title"])
def test_a_property_may_be_called_like_any_keyword(name: str) -> None:
    named = {"type": "object", "properties": {name: {"type": "string"}}, "required": [name]}
    assert for_gemini(named) == named
    assert for_gemini_proto(named)["properties"] == {name: {"type": "STRING"}}
    assert list(answer_schema(CHAT, ANTHROPIC, named)["properties"]) == [name]


def test_null_references_and_constants_reach_gemini_in_its_own_way() -> None:
    assert of_property({"type": ["number", "null"]}) == {"type": ["number", "null"]}
    assert of_property({"type": "number", "nullable": True}) == {"type": ["number", "null"]}
    assert of_property({"type": "string", "const": "c"}) == {"type": "string", "enum": ["c"]}
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/definitions/A"}},
        "definitions": {"A": {"type": "string"}},
    }
    found = for_gemini(schema)
    assert found["properties"]["a"] == {"$ref": "#/$defs/A"}
    assert found["$defs"] == {"A": {"type": "string"}}


def test_the_older_schema_type_has_no_references_titles_or_lists_of_types() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A"}, "b": {"type": ["number", "null"], "default": 1, "examples": [2]}},
        "$defs": {"A": {"type": "object", "properties": {"again": {"$ref": "#/$defs/A"}}}},
        "additionalProperties": False,
    }
    found = for_gemini_proto(schema)
    assert found["type"] == "OBJECT"
    assert found["properties"]["a"] == {"type": "OBJECT", "properties": {"again": {"type": "OBJECT"}}}
    assert found["properties"]["b"] == {"type": "NUMBER", "nullable": True}
    assert not {"$defs", "additionalProperties"} & found.keys()


def test_choices_that_are_no_words_and_choices_without_a_type() -> None:
    assert of_property({"type": "boolean", "enum": [True]})["enum"] == ["true"]
    assert all(isinstance(each, str) for each in of_property({"enum": ["a", None, False]})["enum"])
    assert for_gemini_proto({"type": "integer", "enum": [1, 2]}) == {"type": "STRING", "enum": ["1", "2"]}
    assert for_gemini_proto({"enum": ["a"]})["type"] == "STRING"


def test_a_nested_object_without_properties_stays_required() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "object"}}, "required": ["a"]}
    assert for_gemini(schema) == schema
    proto = for_gemini_proto(schema)
    assert (proto["properties"], proto["required"]) == ({"a": {"type": "OBJECT"}}, ["a"])


def test_malformed_schemas_are_understood() -> None:
    assert for_gemini({"city": {"type": "string"}}) == {"type": "object", "properties": {"city": {"type": "string"}}}
    required_inside = {"type": "object", "properties": {"a": {"type": "string", "required": True}}}
    assert for_gemini(required_inside) == {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    dangling = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "gone"]}
    assert for_gemini(dangling)["required"] == ["a"]


def test_conditional_branches_become_properties() -> None:
    schema = {
        "type": "object",
        "properties": {"kind": {"type": "string"}},
        "if": {"properties": {"kind": {"const": "a"}}},
        "then": {"properties": {"more": {"type": "number"}}, "required": ["more"]},
        "else": {"properties": {"less": {"type": "string"}}},
    }
    found = for_gemini(schema)
    assert {name: each["type"] for name, each in found["properties"].items()} == {
        "kind": "string",
        "more": "number",
        "less": "string",
    }
    assert "more" not in found.get("required", [])


@pytest.mark.parametrize("text", ['{"$ref":"#/x"}', '{"a":{"$ref":"b"}}', "[1]"])
def test_a_result_that_is_json_reaches_gemini_as_text(text: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": text},
    ]
    parts = sent(CHAT, GEMINI, messages=messages)["contents"][2]["parts"]
    assert parts[0]["functionResponse"]["response"] == {"output": text}


def test_a_root_without_a_type_is_an_object_and_an_empty_one_is_left_out() -> None:
    assert for_gemini({"properties": {"a": {"type": "string"}}})["type"] == "object"
    for empty in ({}, None, {"type": "object", "properties": {}}):
        assert for_gemini(empty) == {}
        tools = [{"type": "function", "function": {"name": "look", "parameters": empty}}]
        assert sent(CHAT, ANTHROPIC, tools=tools)["tools"][0]["input_schema"]["type"] == "object"


CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("client", "upstream"),
    [(c, u) for c in (CHAT, RESPONSES, ANTHROPIC) for u in (CHAT, RESPONSES, ANTHROPIC, GEMINI) if c != u],
)
def test_the_schema_of_an_answer_stays_closed(client: str, upstream: str) -> None:
    assert answer_schema(client, upstream, CLOSED) == CLOSED


def test_bounds_that_anthropic_refuses_are_told_in_words() -> None:
    number = {"type": "integer", "minimum": 1, "maximum": 5}
    found = answer_schema(CHAT, ANTHROPIC, {"type": "object", "properties": {"n": number, "s": {"maxLength": 3}}})
    assert not {"minimum", "maximum", "maxLength"} & {*found["properties"]["n"], *found["properties"]["s"]}
    assert "5" in found["properties"]["n"]["description"]
    assert "3" in found["properties"]["s"]["description"]
    assert found["additionalProperties"] is False


def test_geminis_nullable_becomes_a_list_of_types() -> None:
    proto = {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}, "propertyOrdering": ["a"]}
    for upstream in (CHAT, RESPONSES, ANTHROPIC):
        assert answer_schema(GEMINI, upstream, proto)["properties"]["a"]["type"] == ["string", "null"]


def test_plain_json_is_asked_for_in_every_dialect() -> None:
    assert sent(CHAT, RESPONSES, response_format={"type": "json_object"})["text"] == {"format": {"type": "json_object"}}
    assert sent(RESPONSES, CHAT, text={"format": {"type": "json_object"}})["response_format"] == {"type": "json_object"}
    assert sent(CHAT, GEMINI, response_format={"type": "json_object"})["generationConfig"] == {
        "responseMimeType": "application/json"
    }
    said = sent(CHAT, ANTHROPIC, response_format={"type": "json_object"})
    assert "JSON object" in str(said["system"])
