"""A stream that is one array, cut anywhere."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UpstreamMalformed
from gateway.formats.gemini import array
from gateway.formats.gemini.array import ArraySplitter
from tests.cuts import cuts

OBJECTS = [{"a": 'x"}]{[\\'}, {}, {"b": [{"c": "ü\u2028"}, "\\\\"], "d": {"e": {}}}, {"": '\\"'}]


def split(pieces: list[bytes]) -> list[bytes]:
    splitter = ArraySplitter()
    return [found for piece in pieces for found in splitter.feed(piece)] + splitter.close()


@pytest.mark.parametrize(
    "written",
    [
        orjson.dumps(OBJECTS),
        orjson.dumps(OBJECTS, option=orjson.OPT_INDENT_2),
        b"\xef\xbb\xbf [ " + b"\r\n,\r\n".join(map(orjson.dumps, OBJECTS)) + b"]\n",
        b"\n".join(map(orjson.dumps, OBJECTS)),
    ],
)
def test_the_objects_are_the_same_however_the_bytes_arrive(written: bytes) -> None:
    for pieces in cuts(written):
        assert [orjson.loads(found) for found in split(pieces)] == OBJECTS


@given(st.lists(st.dictionaries(st.text(max_size=4), st.text(max_size=4) | st.lists(st.text(max_size=3))), max_size=4))
def test_any_array_of_objects_is_cut_into_these(objects: list[dict[str, object]]) -> None:
    written = orjson.dumps(objects)
    for pieces in ([written], [written[at : at + 1] for at in range(len(written))]):
        assert [orjson.loads(found) for found in split(pieces)] == objects


@pytest.mark.parametrize("written", [b"", b"[]", b"[", b" [ ] ", b'[{"a":1', b'[{"a":"}'])
def test_what_is_not_complete_is_no_object(written: bytes) -> None:
    assert split([written]) == []


@pytest.mark.parametrize("written", [b"<html>", b"[1]", b'["{}"]', b"null", b'[{"a":1}oops{}]', b"data: {}"])
def test_what_is_no_array_of_objects_is_malformed(written: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        split([written])


def test_an_object_may_not_grow_without_end() -> None:
    splitter = ArraySplitter()
    splitter.feed(b'[{"a":"')
    splitter.feed(b"x" * (array.OBJECT_BYTES - 10))
    with pytest.raises(UpstreamMalformed):
        splitter.feed(b"x" * 20)


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_garbage_is_objects_or_our_error(pieces: list[bytes]) -> None:
    try:
        found = split([b"[", *pieces])
    except UpstreamMalformed:
        return
    assert all(each.startswith(b"{") and each.endswith(b"}") for each in found)
