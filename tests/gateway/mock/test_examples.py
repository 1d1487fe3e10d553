from __future__ import annotations

from typing import Any

import pytest

from gateway.mock.examples import TEXT, example

RECURSIVE = {"type": "object", "properties": {"next": {"$ref": "#"}, "name": {"type": "string"}}, "required": ["name"]}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, TEXT),
        ({"type": "STRING"}, TEXT),
        ({"type": ["null", "integer"]}, 7),
        ({"type": ["null"]}, None),
        ({"type": "number", "minimum": 3, "maximum": 9}, 3),
        ({"type": "integer", "exclusiveMinimum": 9}, 10),
        ({"type": "integer", "multipleOf": 5}, 10),
        ({"type": "integer", "maximum": 2}, 2),
        ({"type": "boolean"}, True),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"type": "string", "minLength": 12}, TEXT + "..."[: 12 - len(TEXT)] + "." * max(0, 12 - len(TEXT) - 3)),
        ({"type": "string", "maxLength": 3}, "Zür"),
        ({"type": "array", "items": {"type": "integer"}}, [7]),
        ({"items": {"type": "integer"}, "minItems": "2"}, [7, 7]),
        ({"type": "array"}, []),
        ({"type": "array", "prefixItems": [{"const": 1}, {"enum": ["a", "b"]}]}, [1, "a"]),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 7),
        ({"oneOf": [{"type": "boolean"}]}, True),
        ({"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]}, {"a": 1, "b": 2}),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}}, 7),
        ({"properties": {"a": {"enum": ["x"]}}}, {"a": "x"}),
        ({}, {}),
        (5, {}),
        (None, {}),
    ],
)
def test_an_example_fits_its_schema(schema: object, value: object) -> None:
    assert example(schema) == value


def test_an_example_of_what_contains_itself_has_an_end() -> None:
    made: Any = example(RECURSIVE)
    for _ in range(3):
        assert made["name"] == TEXT
        made = made["next"]
    assert example({"$ref": "#"}) is None


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": []}, {"enum": "a"}, {"enum": {"a": 1}}, {"anyOf": "a"}, {"anyOf": [5]}, {"allOf": {}}, {"allOf": [5]},
        {"$ref": 5}, {"$ref": "#/a/b"}, {"type": 5}, {"type": []}, {"properties": []}, {"required": 5},
        {"type": "array", "minItems": "many", "items": 5}, {"type": "integer", "minimum": "a", "multipleOf": 0},
        {"type": "string", "minLength": [], "maxLength": "b"}, {"type": "array", "minItems": 10**9},
    ],
)  # fmt: skip
def test_nonsense_has_an_example_as_well(schema: object) -> None:
    example(schema)
