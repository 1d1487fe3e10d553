"""The proto gets one type each and no references; what it says is understood."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.formats.schemas_proto import for_gemini_proto, from_proto


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "string", "description": "d", "title": "t"}, {"type": "STRING", "description": "d"}),
        ({"type": ["integer", "null"], "minimum": "1"}, {"type": "INTEGER", "nullable": True, "minimum": 1}),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}),
        (
            {"type": ["string", "integer", "null"]},
            {"anyOf": [{"type": "STRING", "nullable": True}, {"type": "INTEGER", "nullable": True}]},
        ),
        ({"type": "null"}, {"type": "NULL", "nullable": True}),
        ({"const": 1}, {"type": "STRING", "enum": ["1"]}),
        ({"type": "object"}, {"type": "OBJECT"}),
        ({}, {"type": "OBJECT"}),
        ({"items": {"type": "string"}}, {"type": "ARRAY", "items": {"type": "STRING"}}),
        ({"type": "array"}, {"type": "ARRAY", "items": {"type": "STRING"}}),
        ({"prefixItems": [{"type": "string"}]}, {"type": "ARRAY", "items": {"type": "STRING"}}),
        (
            {"description": "d", "oneOf": [{"type": "string"}, {"type": "null"}]},
            {"description": "d", "type": "STRING", "nullable": True},
        ),
        ({"anyOf": [{"type": "null"}]}, {"type": "OBJECT", "nullable": True}),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "string"}},
                "required": ["a"],
                "additionalProperties": False,
            },
            {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}, "required": ["a"]},
        ),
    ],
)
def test_a_schema_is_written_as_the_message(schema: dict[str, Any], message: dict[str, Any]) -> None:
    """Pitfalls 71 to 73 and 76."""
    assert for_gemini_proto(schema) == message


def test_references_are_written_out_and_circles_end() -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"$ref": "#/definitions/N"}, "far": {"$ref": "https://e.org/x"}},
        "definitions": {"N": {"type": "object", "properties": {"next": {"$ref": "#/definitions/N"}}}},
    }
    assert for_gemini_proto(schema) == {
        "type": "OBJECT",
        "properties": {
            "n": {"type": "OBJECT", "properties": {"next": {"type": "OBJECT"}}},
            "far": {"type": "OBJECT"},
        },
    }


def test_a_message_that_would_be_very_large_is_cut_off() -> None:
    definitions: dict[str, Any] = {
        str(number): {"properties": {side: {"$ref": f"#/$defs/{number + 1}"} for side in "ab"}} for number in range(40)
    }
    message = for_gemini_proto({"$ref": "#/$defs/0", "$defs": definitions})
    assert str(message).count("properties") < 5000


@pytest.mark.parametrize(
    ("message", "schema"),
    [
        ({"type": "STRING", "nullable": True}, {"type": ["string", "null"]}),
        ({"anyOf": [{"type": "STRING"}], "nullable": True}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({"nullable": True}, {}),
        ({"nullable": False, "type": "TYPE_UNSPECIFIED"}, {}),
        ({"type": ["STRING", "NULL", 3]}, {"type": ["string", "null"]}),
        ({"type": [3]}, {}),
        ({"type": "STRING", "format": "enum", "enum": ["a"]}, {"type": "string", "enum": ["a"]}),
        ({"type": "INTEGER", "format": "int32", "example": 3}, {"type": "integer", "format": "int32"}),
        (
            {"type": "ARRAY", "items": {"type": "NUMBER"}, "minItems": "1", "max_items": "9"},
            {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 9},
        ),
        (
            {
                "type": "OBJECT",
                "properties": {"type": {"type": "STRING"}, "nullable": {"any_of": [{"type": "BOOLEAN"}]}},
                "required": ["type"],
                "propertyOrdering": ["type"],
                "property_ordering": ["type"],
            },
            {
                "type": "object",
                "properties": {"type": {"type": "string"}, "nullable": {"anyOf": [{"type": "boolean"}]}},
                "required": ["type"],
            },
        ),
        ({"additionalProperties": {"type": "STRING"}}, {"additionalProperties": {"type": "string"}}),
        ({"additional_properties": False}, {"additionalProperties": False}),
        ({"title": "t", "items": 3, "anyOf": 3}, {"title": "t", "items": {}}),
    ],
)
def test_a_message_is_read_as_a_schema(message: dict[str, Any], schema: dict[str, Any]) -> None:
    assert from_proto(message) == schema
