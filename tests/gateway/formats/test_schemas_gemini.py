"""Gemini gets the keywords it reads, and properties keep their names whatever these are."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.formats.schemas_gemini import for_gemini


@pytest.mark.parametrize(
    "word",
    [
        "$schema",
        "$comment",
        "default",
        "examples",
        "pattern",
        "minLength",
        "maxLength",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "uniqueItems",
        "patternProperties",
        "propertyNames",
        "not",
        "if",
        "deprecated",
        "readOnly",
        "writeOnly",
        "x-order",
        "enumDescriptions",
        "encrypted",
        "contains",
        "defer_loading",
    ],
)
def test_a_keyword_that_gemini_does_not_read_is_removed_but_a_property_of_that_name_stays(word: str) -> None:
    """Pitfalls 71, 74 and 75."""
    schema = {"type": "object", "properties": {word: {"type": "string", word: 1}}, "required": [word], word: 1}
    assert for_gemini(schema) == {"type": "object", "properties": {word: {"type": "string"}}, "required": [word]}


@pytest.mark.parametrize("word", ["properties", "$ref", "items", "type", "required", "enum", "anyOf", "allOf", "const"])
def test_properties_may_be_called_like_keywords(word: str) -> None:
    """Pitfall 75: a property named `properties` was taken for the keyword."""
    schema = {"type": "object", "properties": {word: {"type": "string"}}, "required": [word]}
    assert for_gemini(schema) == schema


def test_what_gemini_reads_is_kept() -> None:
    """Pitfall 82: `additionalProperties: false` must stay."""
    schema = {
        "$id": "x",
        "type": "object",
        "title": "T",
        "description": "d",
        "properties": {
            "a": {"type": ["integer", "null"], "minimum": 1, "maximum": 2, "format": "int32"},
            "b": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2},
            "c": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "d": {"oneOf": [{"type": "string"}]},
            "e": {"prefixItems": [{"type": "string"}], "$anchor": "e"},
            "f": {"enum": ["a", 1, 2.5]},
            "g": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "required": ["a"],
        "propertyOrdering": ["b", "a"],
        "additionalProperties": False,
        "$defs": {"N": {"type": "string"}},
    }
    assert for_gemini(schema) == schema


def test_required_names_without_a_property_are_removed() -> None:
    assert for_gemini({"properties": {"a": {}}, "required": ["a", "b"]}) == {"properties": {"a": {}}, "required": ["a"]}
    assert for_gemini({"type": "object", "required": ["a"]}) == {"type": "object"}
    assert for_gemini({"type": "object", "required": True}) == {"type": "object"}


def test_a_constant_is_a_choice_of_one() -> None:
    """Pitfall 73."""
    assert for_gemini({"const": "a"}) == {"enum": ["a"]}


def test_choices_are_words_or_numbers() -> None:
    """Pitfall 76."""
    assert for_gemini({"enum": ["a", 1, True, None, {"b": 1}]}) == {"enum": ["a", 1, "true", "null", '{"b":1}']}
    assert for_gemini({"type": "boolean", "enum": [True]}) == {"type": "string", "enum": ["true"]}
    assert for_gemini({"enum": []}) == for_gemini({"enum": "a"}) == {}


def test_definitions_are_moved_and_references_follow() -> None:
    schema = {
        "properties": {"a": {"$ref": "#/definitions/A", "description": "d"}, "b": {"$ref": "#/$defs/B"}},
        "definitions": {"A": {"const": 1}},
        "$defs": {"B": {}},
    }
    assert for_gemini(schema) == {
        "properties": {"a": {"$ref": "#/$defs/A"}, "b": {"$ref": "#/$defs/B"}},
        "$defs": {"A": {"enum": [1]}, "B": {}},
    }


def test_a_root_may_be_a_reference() -> None:
    schema = {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object"}}, "title": "t"}
    assert for_gemini(schema) == {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object"}}}


@pytest.mark.parametrize("reference", ["#/$defs/Ghost", 3, None])
def test_a_reference_that_leads_nowhere_allows_everything(reference: object) -> None:
    assert for_gemini({"properties": {"a": {"$ref": reference}}}) == {"properties": {"a": {}}}


def test_null_is_allowed_where_it_was() -> None:
    """Pitfalls 73 and 84."""
    nullable = {"nullable": True}
    assert for_gemini({"type": "string", **nullable}) == {"type": ["string", "null"]}
    assert for_gemini({"anyOf": [{}], **nullable}) == {"anyOf": [{}, {"type": "null"}]}
    reference = {"$ref": "#/$defs/A", **nullable}
    assert for_gemini({"items": reference, "$defs": {"A": {}}})["items"] == {
        "anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]
    }


def test_a_format_is_kept_where_gemini_knows_it_for_the_type() -> None:
    assert for_gemini({"type": "string", "format": "date-time"}) == {"type": "string", "format": "date-time"}
    assert for_gemini({"format": "double"}) == {"format": "double"}
    assert for_gemini({"type": ["integer", "null"], "format": "int64"})["format"] == "int64"
    assert for_gemini({"type": "string", "format": "int64"}) == {"type": "string"}
    assert for_gemini({"type": "string", "format": "uuid"}) == {"type": "string"}


def test_members_and_branches_are_merged() -> None:
    """Pitfall 79."""
    schema = {"allOf": [{"type": "object", "properties": {"a": {}}}], "then": {"properties": {"b": {}}}}
    assert for_gemini(schema) == {"type": "object", "properties": {"a": {}, "b": {}}}


def test_nested_objects_without_properties_stay() -> None:
    """Pitfall 77: their names are in `required`, and were defined nowhere any more."""
    schema = {"type": "object", "properties": {"a": {"type": "object", "properties": {}}}, "required": ["a"]}
    assert for_gemini(schema) == schema


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"a": {"type": "string", "required": True}}, {"type": "object", "properties": {"a": {"type": "string"}}}),
        ({"properties": None}, {}),
        ({"properties": {"a": "string", "b": None, "c": False}}, {"properties": {"a": {"type": "string"}, "b": {}}}),
        ({"type": "STRING"}, {"type": "string"}),
        ({"type": "any"}, {}),
        ({"type": ["String", "any", 3]}, {"type": ["string"]}),
        ({"type": []}, {}),
        ({"items": [{"type": "string"}]}, {"prefixItems": [{"type": "string"}]}),
        ({"items": False, "anyOf": 3, "oneOf": []}, {}),
        ({"additionalProperties": "no"}, {}),
        ({"description": 3, "minItems": "3", "maximum": "x", "propertyOrdering": 3}, {"minItems": 3}),
    ],
)
def test_what_is_malformed_is_borne(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    """Pitfall 78."""
    got = for_gemini(schema)
    got.pop("required", None)
    assert got == expected


def test_a_schema_that_stands_for_very_much_is_cut_off() -> None:
    """Each of these properties stands for two of the next."""
    definitions = {
        "A": {"allOf": [{"$ref": "#/$defs/B"}, {"$ref": "#/$defs/C"}]},
        "B": {"properties": {"x": {"$ref": "#/$defs/A"}, "y": {"$ref": "#/$defs/A"}}},
        "C": {"properties": {"x": {"$ref": "#/$defs/A", "title": "t"}, "y": {"$ref": "#/$defs/A", "title": "t"}}},
    }
    assert str(for_gemini({"$ref": "#/$defs/A", "$defs": definitions})).count("properties") < 5000
