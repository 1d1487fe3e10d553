"""Events are cut the same however the bytes arrive, and nothing grows without a bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UpstreamMalformed
from gateway.formats import sse
from tests.cuts import cuts, dressings

STREAM = (
    b": hello\n\n"
    b'event: a\ndata: {"text":"Gr\xc3\xbc\xc3\x9fe \xe2\x80\xa8"}\n\n'
    b'id: 7\nretry: 3\ndata: {"n":1}\n\n'
    b"\n\n"
    b"data\n\n"
    b'data: {"last":true}\n\n'
)
DATA = [b'{"text":"Gr\xc3\xbc\xc3\x9fe \xe2\x80\xa8"}', b'{"n":1}', b'{"last":true}']


def split(pieces: list[bytes]) -> list[bytes]:
    splitter = sse.Splitter()
    return [data for piece in pieces for data in splitter.feed(piece)] + splitter.close()


def test_the_data_of_events_is_the_same_however_they_are_cut() -> None:
    for dressed in (STREAM, STREAM.replace(b"\n", b"\r\n"), STREAM.replace(b"\n", b"\r"), b"\xef\xbb\xbf" + STREAM[9:]):
        for pieces in cuts(dressed):
            assert split(pieces) == DATA


def test_other_dressings_carry_the_same_json() -> None:
    for dressed in dressings(b'data: {"a":1}\n\ndata: {"a":1}\n\n'):
        assert [data.replace(b"\n", b"") for data in split([dressed])] == [b'{"a":1}'] * 2


def test_lines_of_data_are_joined() -> None:
    assert split([b"data: a\ndata:b\ndata:  c\ndata:\n\n"]) == [b"a\nb\n c\n"]


def test_a_last_event_counts_without_its_empty_line() -> None:
    assert split([b"data: a\n\ndata: b"]) == [b"a", b"b"]
    assert split([b"data: a\n\ndata: b\n"]) == [b"a", b"b"]


def test_line_ends_are_those_of_the_standard_only() -> None:
    assert split(["data: a\u2028b\u0085c\x0bd\n\n".encode()]) == ["a\u2028b\u0085c\x0bd".encode()]


def test_an_event_is_there_as_soon_as_its_empty_line_is() -> None:
    splitter = sse.Splitter()
    assert splitter.feed(b"data: a\r\n\r") == [b"a"]
    assert splitter.feed(b"\ndata: b\r\r") == [b"b"]


def test_an_event_without_end_is_refused_in_time() -> None:
    splitter = sse.Splitter()
    piece = b"data: " + b"x" * 65536
    with pytest.raises(UpstreamMalformed, match="bytes"):
        for _ in range(sse.EVENT_BYTES // 65536 + 2):
            splitter.feed(piece)


@given(st.lists(st.binary(max_size=20), max_size=20))
def test_garbage_gives_bytes_and_nothing_else(pieces: list[bytes]) -> None:
    assert split(pieces) == split([b"".join(pieces)])
