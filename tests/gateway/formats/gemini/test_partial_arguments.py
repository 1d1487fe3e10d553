"""Arguments in pieces."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.formats.gemini.partial_arguments import PartialArguments


def built(*pieces: Any, whole: dict[str, Any] | None = None) -> dict[str, Any]:
    arguments = PartialArguments(whole or {})
    for piece in pieces:
        arguments.add(piece)
    return arguments.whole


def value(path: str, found: Any, **more: Any) -> dict[str, Any]:
    kinds = {str: "stringValue", bool: "boolValue", int: "numberValue", float: "numberValue", type(None): "nullValue"}
    return {"jsonPath": path, kinds[type(found)]: "NULL_VALUE" if found is None else found, **more}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.a", {"a": 1}),
        ("$.a.b", {"a": {"b": 1}}),
        ("$.a[0]", {"a": [1]}),
        ("$.a[2].b", {"a": [None, None, {"b": 1}]}),
        ("$['a.b']", {"a.b": 1}),
        ('$["a]"].c', {"a]": {"c": 1}}),
        (r"$['it\'s']", {"it's": 1}),
        ("$.a[0][1]", {"a": [[None, 1]]}),
        ("$.ü", {"ü": 1}),
    ],
)
def test_a_value_goes_to_its_path(path: str, expected: dict[str, Any]) -> None:
    assert built(value(path, 1)) == expected


@pytest.mark.parametrize("found", ["a", "", True, False, 0, 1.5, None])
def test_values_of_every_kind(found: Any) -> None:
    assert built(value("$.a", found)) == {"a": found}


def test_a_string_goes_on_until_it_says_that_it_does_not() -> None:
    assert built(
        value("$.a", "x", willContinue=True), value("$.a", "y", willContinue=True), value("$.a", "z"), value("$.b", "u")
    ) == {"a": "xyz", "b": "u"}
    assert built(value("$.a", "x"), value("$.a", "y")) == {"a": "y"}
    assert built(value("$.a", "x", willContinue=True), value("$.b", "y"), value("$.a", "z")) == {"a": "z", "b": "y"}


def test_pieces_are_added_to_what_came_whole() -> None:
    assert built(value("$.b", 2), whole={"a": 1}) == {"a": 1, "b": 2}


def test_what_lies_in_the_way_gives_way() -> None:
    assert built(value("$.a", 1), value("$.a.b", 2)) == {"a": {"b": 2}}
    assert built(value("$.a[0]", 1), value("$.a.b", 2)) == {"a": {"b": 2}}


@pytest.mark.parametrize(
    "piece",
    [
        None,
        7,
        {},
        {"jsonPath": "$.a"},
        {"stringValue": "x"},
        value("", 1),
        value("$", 1),
        value("a.b", 1),
        value("$[0]", 1),
        value("$.a[", 1),
        value("$.a..b", 1),
        value("$" + ".a" * 100, 1),
    ],
)
def test_what_has_no_place_is_left_out(piece: Any) -> None:
    assert built(piece) == {}


def test_a_list_is_not_made_longer_than_anybody_would() -> None:
    assert built(value("$.a[999999999]", 1)) == {"a": []}
    assert built(value("$.a[999999999].b", 1)) == {"a": []}


def test_what_was_built_can_always_be_written() -> None:
    assert orjson.dumps(built(value("$" + ".a" * 60, 1), value("$" + ".a" * 59 + "[3]", 2)))
