"""A client's values are of the right kind, or refused with the field that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from gateway.errors import InvalidRequest
from gateway.formats import values

RIGHT: list[tuple[Callable[[Any, str], Any], Any, Any]] = [
    (values.an_object, {"a": None}, {"a": None}),
    (values.a_list, [1], [1]),
    (values.a_text, "", ""),
    (values.a_flag, False, False),
    (values.a_number, 0, 0),
    (values.a_number, -1.5, -1.5),
    (values.a_count, 7, 7),
    (values.a_count, 3.0, 3),
    (values.a_count, -(2**63), -(2**63)),
    (values.a_count, 2**63 - 1, 2**63 - 1),
]
WRONG: list[tuple[Callable[[Any, str], Any], list[Any], str]] = [
    (values.an_object, [None, [], "x", 1, True], "an object"),
    (values.a_list, [None, {}, "x", 1, True], "an array"),
    (values.a_text, [None, {}, [], 1, True], "a string"),
    (values.a_flag, [None, {}, [], 1, 0, "true"], "a boolean"),
    (values.a_number, [None, {}, [], "1", True], "a number"),
    (values.a_count, [None, {}, [], "1", True, 1.5], "an integer"),
    (values.a_count, [1e300, -1e300, 2**63, 2.0**63, 2**64], "an integer of 64 bits"),
]


@pytest.mark.parametrize(("check", "value", "read"), RIGHT)
def test_what_is_of_the_right_kind_is_read(check: Callable[[Any, str], Any], value: Any, read: Any) -> None:
    found = check(value, "x")
    assert (found, type(found)) == (read, type(read))
    assert orjson.loads(orjson.dumps(found)) == read


@pytest.mark.parametrize(("check", "wrong", "kind"), WRONG)
def test_what_is_not_is_refused_by_its_place(check: Callable[[Any, str], Any], wrong: list[Any], kind: str) -> None:
    for value in wrong:
        with pytest.raises(InvalidRequest) as refused:
            check(value, "messages[2].n")
        assert (refused.value.param, refused.value.message) == ("messages[2].n", f"messages[2].n must be {kind}.")


def test_a_word_is_one_of_those_allowed() -> None:
    assert values.one_of("b", {"b", "a"}, "x") == "b"
    wrong: list[Any] = ["c", "", None, 1, ["a"], {}]
    for value in wrong:
        with pytest.raises(InvalidRequest) as refused:
            values.one_of(value, {"b", "a"}, "x")
        assert (refused.value.param, refused.value.message) == ("x", "x must be one of 'a', 'b'.")


@pytest.mark.parametrize("fields", [{}, {"a": None}])
def test_what_may_be_left_out_may_be_null(fields: dict[str, Any]) -> None:
    assert values.maybe(values.a_text, fields, "a") is None


def test_what_is_given_is_checked_where_it_stands() -> None:
    assert values.maybe(values.a_flag, {"a": False}, "a", "x[0]") is False
    for path, where in (("", "a"), ("x[0]", "x[0].a")):
        with pytest.raises(InvalidRequest) as error:
            values.maybe(values.a_text, {"a": 1}, "a", path)
        assert error.value.param == where


def test_a_place_is_what_a_search_can_be_told() -> None:
    assert values.a_place({"city": "Bern", "country": 1, "type": "approximate"}) == {"city": "Bern"}
    assert values.a_place({"type": "approximate"}) is None
