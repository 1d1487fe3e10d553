"""Events are cut the same however the bytes arrive, and nothing grows without a bound."""

from __future__ import annotations

import tracemalloc
from collections import deque

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
    pieces = (b"x" * 65536 for _ in range(sse.EVENT_BYTES // 65536))
    assert not splitter.feed(b"data:")
    with pytest.raises(UpstreamMalformed, match="bytes"):
        deque(map(splitter.feed, pieces), maxlen=0)
    assert not list(pieces), "refused before the limit"


@given(st.lists(st.binary(max_size=20), max_size=20))
def test_garbage_gives_bytes_and_nothing_else(pieces: list[bytes]) -> None:
    assert split(pieces) == split([b"".join(pieces)])


def test_a_carriage_return_and_its_newline_may_come_apart_anywhere() -> None:
    data = b"data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n"
    for at in range(len(data)):
        assert split([data[:at], b"", data[at:]]) == [b"a\nb", b"c"]


def test_only_the_first_bytes_of_a_stream_may_be_a_mark_of_their_order() -> None:
    mark = b"\xef\xbb\xbf"
    for pieces in ([mark + b"data: a\n\n"], [mark[:1], mark[1:], b"data: a\n", b"\n"]):
        assert split(pieces) == [b"a"]
    assert split([b"data: a\n\n" + mark + b"data: b\n\n"]) == [b"a"]


def test_names_ids_and_other_fields_are_passed_over() -> None:
    assert split([b"event:x\nid\n:data: no\ndatax: no\n data: no\nretry: 1\ndata: yes\n\nevent: data: no\n\n"]) == [
        b"yes"
    ]


def feed_all(splitter: sse.Splitter, piece: bytes, times: int) -> None:
    for _ in range(times):
        splitter.feed(piece)


@pytest.mark.parametrize("size", [3, 1000, 1_000_000])
def test_an_event_without_end_takes_no_more_memory_than_its_limit(size: int) -> None:
    splitter = sse.Splitter()
    splitter.feed(b"data: " + b"x" * (sse.EVENT_BYTES - 100_000))
    tracemalloc.start()
    try:
        with pytest.raises(UpstreamMalformed):
            feed_all(splitter, b"x" * size, 100_000 // size + 2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * sse.EVENT_BYTES


def test_events_are_told_apart_in_any_dressing() -> None:
    for end in (b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n"):
        first, second = b"data: a" + end, b"event: b\ndata: b" + end
        chunk = first + second + b"data"
        assert sse.split_events(chunk) == [first, second, b"data"]
        assert (sse.end_of_event(chunk), sse.end_of_events(chunk)) == (len(first), len(first + second))
        assert sse.event_around(chunk, 2) == (0, len(first))
        assert sse.event_around(chunk, len(first) + 2) == (len(first), len(first + second))
        assert sse.event_around(chunk, len(chunk) - 1) == (len(first + second), len(chunk))
    assert (sse.end_of_event(b"data: a\n"), sse.end_of_events(b"data: a\n")) == (0, 0)


@given(st.lists(st.sampled_from([b"data: a", b"\n", b"\r\n", b"\n\n", b": c", b"event: x"])))
def test_what_is_told_apart_is_the_chunk(pieces: list[bytes]) -> None:
    chunk = b"".join(pieces)
    events = sse.split_events(chunk)
    assert b"".join(events) == chunk
    assert all(event.endswith(sse.EVENT_ENDS) for event in events[:-1])
