"""Schemas are found within schemas, and what clients garble is borne."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.formats.schema_shape import (
    a_schema,
    cut,
    found,
    kinds,
    leaves_open,
    names,
    number,
    or_null,
    schemas_by_name,
    schemas_in_list,
    with_root,
    written,
)


@pytest.mark.parametrize("value", [True, None, 3, [], "anything", ""])
def test_what_makes_no_sense_allows_everything(value: object) -> None:
    assert a_schema(value) == {}


def test_a_word_names_a_type() -> None:
    assert a_schema("String") == {"type": "string"}


def test_a_bare_map_of_properties_is_an_object() -> None:
    """Pitfall 78: tool servers send properties without anything around them."""
    bare = {"city": {"type": "string"}, "title": {"type": "string"}}
    assert a_schema(bare) == {"type": "object", "properties": bare}


@pytest.mark.parametrize("schema", [{"properties": {}}, {"items": {}}, {"$defs": {}}, {"x-a": {}}, {"a": 1}, {}])
def test_a_schema_is_no_map_of_properties(schema: dict[str, Any]) -> None:
    assert a_schema(schema) is schema


def test_a_property_that_says_it_is_required_is() -> None:
    """Pitfall 78: `required: true` inside a property."""
    schema = {"properties": {"a": {"type": "string", "required": True}, "b": {"required": ["x"]}, "c": True}}
    expected = {"properties": {"a": {"type": "string"}, "b": {"required": ["x"]}, "c": True}, "required": ["a"]}
    assert a_schema(schema) == expected
    assert a_schema({**schema, "required": ["b"]}) == {**expected, "required": ["b", "a"]}
    assert a_schema({"properties": ["a"]}) == {"properties": ["a"]}


def test_a_root_is_an_object() -> None:
    """Pitfall 81: tools without a type."""
    assert with_root(None) == {"type": "object", "properties": {}}
    assert with_root({"properties": {}}) == {"type": "object", "properties": {}}
    assert with_root({"type": None}) == {"type": "object"}
    schema = {"type": "object", "additionalProperties": False}
    assert with_root(schema) == schema
    assert with_root(schema) is not schema


def test_schemas_that_allow_nothing_are_left_out() -> None:
    assert schemas_by_name({"a": False, "b": True}) == {"b": True}
    assert schemas_by_name([]) == {}
    assert schemas_in_list([False, {}]) == [{}]
    assert schemas_in_list({}) == []


def test_names_are_those_of_properties_each_once() -> None:
    assert names(["a", "ghost", 3, "a"], {"a": {}}) == ["a"]
    assert names(True, {"a": {}}) == []


def test_types_are_one_or_several() -> None:
    assert kinds({"type": "string"}) == ["string"]
    assert kinds({"type": ["string", 3, "null"]}) == ["string", "null"]
    assert kinds({"type": 3}) == kinds({}) == []


def test_null_is_allowed_besides() -> None:
    assert or_null({"type": "string"}) == {"type": ["string", "null"]}
    assert or_null({"type": ["string", "null"]}) == {"type": ["string", "null"]}
    assert or_null({"oneOf": [{}]}) == {"oneOf": [{}, {"type": "null"}]}
    assert or_null({"enum": ["a"]}) == {"enum": ["a"]}


@pytest.mark.parametrize(("value", "bound"), [(3, 3), (2.5, 2.5), ("7", 7), ("x", None), (True, None), ([], None)])
def test_a_bound_is_a_number_or_one_in_words(value: object, bound: float | None) -> None:
    assert number(value) == bound


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("#/$defs/a~1b", 1),
        ("#/$defs/c%20d", 2),
        ("#/list/1", 4),
        ("#/list/9", None),
        ("#/list/x", None),
        ("#/missing", None),
        ("#anchor", "root"),
        ("https://e.org/s.json", None),
        (3, None),
    ],
)
def test_a_reference_leads_somewhere_or_nowhere(reference: object, target: object) -> None:
    root = {"$defs": {"a/b": 1, "c d": 2}, "list": [3, 4]}
    assert found(reference, root) == (root if target == "root" else target)


def test_what_can_be_written_is_left_alone() -> None:
    schema = {"type": "object"}
    assert written(schema) is schema


def test_what_is_too_deep_to_write_is_cut_off() -> None:
    deep: Any = {"a": [1]}
    for _ in range(1000):
        deep = {"a": [deep]}
    assert orjson.dumps(written(deep)).count(b"{") < 60
    assert cut(deep, 2) == {"a": [{}]}
    assert cut(deep, 1) == {"a": []}
    assert cut({"a": "b"}, 1) == {"a": "b"}


def test_an_object_that_does_not_require_all_it_lists_leaves_something_open() -> None:
    closed = {"type": "object", "properties": {"a": {}}, "required": ["a"]}
    opened = {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"]}
    assert not leaves_open(closed)
    assert not leaves_open({"type": "object"})
    assert leaves_open(opened)
    assert leaves_open({"$defs": {"x": {"anyOf": [closed, {"items": opened}]}}})
    # Properties of these names are no keywords.
    assert not leaves_open({"properties": {"required": {}, "properties": {}}, "required": ["properties", "required"]})


def test_a_schema_without_end_is_looked_at_as_far_as_is_sensible() -> None:
    deep: Any = {"properties": {"a": {}}, "required": []}
    for _ in range(1000):
        deep = {"items": deep}
    assert not leaves_open(deep)
