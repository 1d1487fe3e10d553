"""Anthropic gets what constrained decoding takes, the rest in words, and roots that are objects."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.formats.schemas_anthropic import for_anthropic_output, for_anthropic_tool


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            {"type": "integer", "minimum": 0, "maximum": 9},
            {"type": "integer", "description": "minimum: 0; maximum: 9."},
        ),
        (
            {"type": "string", "description": "A name.", "maxLength": 5, "pattern": "^a"},
            {"type": "string", "description": "A name.\nmaxLength: 5; pattern: ^a."},
        ),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": False},
            {"type": "array", "items": {"type": "string"}, "description": "minItems: 1."},
        ),
        ({"not": {"type": "null"}}, {"description": 'not: {"type":"null"}.'}),
        ({"type": "string", "format": "email"}, {"type": "string", "format": "email"}),
        ({"type": "string", "format": "byte"}, {"type": "string", "description": "format: byte."}),
        ({"oneOf": [{"type": "string"}]}, {"anyOf": [{"type": "string"}]}),
        ({"anyOf": [{"const": 1}], "oneOf": [{}]}, {"anyOf": [{"const": 1}]}),
        ({"enum": ["a", None], "default": {"a": [1]}, "title": "t"},) * 2,
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"$comment": "c", "examples": [1], "if": {}, "patternProperties": {}, "x-a": 1}, {}),
    ],
)
def test_bounds_are_said_in_words(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    """Pitfall 83: structured output refuses `minimum`, `maxLength` and the like."""
    assert for_anthropic_output(schema) == expected


def test_every_object_is_closed() -> None:
    """Also below references, in lists and in definitions."""
    schema = {
        "$schema": "s",
        "type": "object",
        "properties": {"a": {"type": ["object", "null"]}, "b": {"allOf": [{"properties": {}}]}},
        "required": ["a", "ghost"],
        "additionalProperties": True,
        "$defs": {"D": {"type": "object"}},
        "definitions": {"E": {"type": "string"}},
    }
    assert for_anthropic_output(schema) == {
        "$schema": "s",
        "type": "object",
        "properties": {
            "a": {"type": ["object", "null"], "additionalProperties": False},
            "b": {"allOf": [{"properties": {}, "additionalProperties": False}]},
        },
        "required": ["a"],
        "additionalProperties": False,
        "$defs": {"D": {"type": "object", "additionalProperties": False}},
        "definitions": {"E": {"type": "string"}},
    }


def test_properties_may_be_called_like_bounds() -> None:
    """Pitfall 75."""
    schema = {"type": "object", "properties": {"minimum": {"type": "string"}}, "additionalProperties": False}
    assert for_anthropic_output(schema) == schema


def test_beside_a_reference_there_are_only_definitions() -> None:
    schema = {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object"}}, "description": "d"}
    assert for_anthropic_output(schema) == {
        "$ref": "#/$defs/A",
        "$defs": {"A": {"type": "object", "additionalProperties": False}},
    }


def test_what_is_malformed_is_borne() -> None:
    """Pitfall 78."""
    schema = {"type": 3, "properties": 3, "required": 3, "items": 3, "anyOf": 3, "title": 3, "format": 3, "$id": None}
    assert for_anthropic_output(schema) == {}


def test_a_tool_keeps_its_schema() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^a", "oneOf": [{}]}}, "minimum": 1}
    assert for_anthropic_tool(schema) == schema
    assert for_anthropic_tool(None) == {"type": "object", "properties": {}}


def test_variants_at_a_tools_root_become_its_properties() -> None:
    first = {"type": "object", "properties": {"a": {"type": "string"}, "k": {}}, "required": ["a", "k"]}
    second = {"type": "object", "properties": {"b": {}, "k": {}}, "required": ["k"]}
    for word in ("anyOf", "oneOf"):
        assert for_anthropic_tool(
            {"description": "d", word: [first, {"$ref": "#/$defs/B"}], "$defs": {"B": second}}
        ) == {
            "type": "object",
            "description": "d",
            "properties": {"a": {"type": "string"}, "k": {}, "b": {}},
            "required": ["k"],
            "$defs": {"B": second},
        }


def test_members_at_a_tools_root_are_merged() -> None:
    schema = {
        "$ref": "#/$defs/A",
        "allOf": [{"properties": {"b": {}}, "required": ["b"]}],
        "$defs": {"A": {"properties": {"a": {}}, "required": ["a"]}},
    }
    assert for_anthropic_tool(schema) == {
        "type": "object",
        "properties": {"a": {}, "b": {}},
        "required": ["a", "b"],
        "$defs": schema["$defs"],
    }


@pytest.mark.parametrize(
    "schema", [{"anyOf": 3}, {"anyOf": [{"type": "string"}]}, {"allOf": None}, {"$ref": "#/ghost"}]
)
def test_a_tools_root_without_properties_is_an_empty_object(schema: dict[str, Any]) -> None:
    assert for_anthropic_tool(schema) == {"type": "object", "properties": {}}


def test_what_is_too_deep_is_cut_off() -> None:
    """Its bounds still say so in words."""
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(150):
        deep = {"items": deep}
    assert str(for_anthropic_output(deep)).count("items") == 101
