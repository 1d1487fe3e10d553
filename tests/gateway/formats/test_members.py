"""Members of JSON are found where they stand, and of anything else none or fewer."""

from __future__ import annotations

import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats.members import Member, members, without

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), VALUES), st.booleans())
def test_every_member_stands_where_it_is_said_to(fields: dict[str, Any], spaced: bool) -> None:
    body = orjson.dumps(fields, option=orjson.OPT_INDENT_2 if spaced else None)
    found = list(members(body))
    assert [orjson.loads(each.name) for each in found] == list(fields)
    assert [orjson.loads(body[each.start : each.end]) for each in found] == list(fields.values())
    assert all(body.startswith(each.name, each.key) for each in found)


@given(st.dictionaries(st.text(max_size=5), VALUES, min_size=1), st.booleans(), st.data())
def test_without_a_member_the_rest_stays(fields: dict[str, Any], spaced: bool, chosen: st.DataObject) -> None:
    name = chosen.draw(st.sampled_from(list(fields)))
    body = orjson.dumps(fields, option=orjson.OPT_INDENT_2 if spaced else None)
    (found,) = [each for each in members(body) if orjson.loads(each.name) == name]
    assert orjson.loads(without(body, found)) == {key: value for key, value in fields.items() if key != name}


def test_lines_of_data_are_one_object() -> None:
    body = b' {"a":\ndata: "x",\r\ndata:"b"\ndata: : {"c":1}}'
    assert [(each.name, body[each.start : each.end]) for each in members(body)] == [
        (b'"a"', b'"x"'),
        (b'"b"', b'{"c":1}'),
    ]


@pytest.mark.parametrize(
    "body", [b"", b"[1]", b"{", b'{"a', b'{"a"', b'{"a":', b'{"a":"x', b'{"a":[{"b":1}', b"{1:2}", b"}{"]
)
def test_what_breaks_off_has_no_such_member(body: bytes) -> None:
    assert list(members(body)) == []


@given(st.lists(st.sampled_from([b"{", b"}", b"[", b"]", b'"', b"\\", b":", b",", b"a", b"data:", b"\n", b"\xff"])))
def test_garbage_gives_members_within_it(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    for each in members(body):
        assert 0 < each.key < each.start < each.end <= len(body)
        assert len(without(body, each)) < len(body)


def test_a_long_string_costs_no_memory() -> None:
    body = b'{"a":"%b","b":[["%b"]],"c":1}' % (b"x" * 4_000_000, b"\\n" * 2_000_000)
    tracemalloc.start()
    try:
        found = [each.name for each in members(body)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == [b'"a"', b'"b"', b'"c"']
    assert peak < 3 * len(body)


def test_a_member_is_where_it_was_found() -> None:
    assert list(members(b'x{"a":1}', 1)) == [Member(b'"a"', 2, 6, 7)]
