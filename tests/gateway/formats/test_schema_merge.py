"""Schemas that must hold together become one, and circles end."""

from __future__ import annotations

from typing import Any

from gateway.formats.schema_merge import all_of_merged, branches_merged, joined


def test_what_holds_together_is_joined() -> None:
    first = {"type": "object", "properties": {"a": {}, "s": {}, "c": {"type": "string"}}, "required": ["a"]}
    second = {"type": "string", "properties": {"b": {}, "s": {}, "c": {"minLength": 1}}, "required": ["a", "b"]}
    assert joined(first, second) == {
        "type": "object",
        "properties": {"a": {}, "b": {}, "s": {}, "c": {"allOf": [{"type": "string"}, {"minLength": 1}]}},
        "required": ["a", "b"],
    }


def test_values_to_choose_from_are_those_of_both() -> None:
    assert joined({"enum": [1, 2]}, {"enum": [2, 3]}) == {"enum": [2]}
    assert joined({"enum": [1]}, {"enum": [2]}) == {"enum": [1]}


def test_definitions_are_those_of_both() -> None:
    assert joined({"$defs": {"a": 1}}, {"$defs": {"a": 2, "b": 3}}) == {"$defs": {"a": 1, "b": 3}}


def test_where_nothing_can_be_joined_the_first_holds() -> None:
    for word in ("properties", "$defs", "required", "enum"):
        assert joined({word: 1}, {word: 2}) == {word: 1}


def test_members_their_references_and_their_members_are_merged() -> None:
    root: dict[str, Any] = {"$defs": {"A": {"properties": {"a": {}}, "allOf": [{"required": ["a"]}]}}}
    schema = {"type": "object", "allOf": [{"$ref": "#/$defs/A"}, {"properties": {"b": {}}}, True, {"$ref": 3}]}
    expected = {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"]}
    assert all_of_merged(schema, root) == expected


def test_a_lone_reference_beside_remarks_stays_one() -> None:
    schema = {"description": "d", "allOf": [{"$ref": "#/$defs/A"}]}
    assert all_of_merged(schema, {}) == {"description": "d", "$ref": "#/$defs/A"}


def test_circles_end() -> None:
    root: dict[str, Any] = {"$defs": {"A": {"title": "t", "allOf": [{"$ref": "#/$defs/A"}]}}}
    assert all_of_merged({"type": "object", "allOf": [{"$ref": "#/$defs/A"}]}, root) == {"type": "object", "title": "t"}


def test_very_many_members_are_cut_off() -> None:
    schema: dict[str, Any] = {"allOf": [{"properties": {str(number): {}}} for number in range(500)]}
    assert len(all_of_merged(schema, {})["properties"]) == 200


def test_branches_add_properties_that_are_not_required() -> None:
    """Pitfall 79: what only `then` or `else` names was dropped, and the model never heard of it."""
    schema = {
        "properties": {"a": {"type": "string"}},
        "if": {"properties": {"x": {"const": 1}}},
        "then": {"properties": {"a": {"const": 1}, "b": {}}, "required": ["b"]},
        "else": {"properties": {"c": {}}},
    }
    merged = branches_merged(schema)
    assert merged == {**schema, "properties": {"a": {"type": "string"}, "b": {}, "c": {}}}
    assert branches_merged({"then": True}) == {"then": True}
