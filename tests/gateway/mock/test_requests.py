from __future__ import annotations

import itertools

import pytest

from gateway.mock import requests
from gateway.mock.requests import Incoming, RequestReader

PLAIN = b'POST /a HTTP/1.1\r\nHost: x\r\nX-Mock: one\r\ncontent-length: 7\r\n\r\n{"a":1}'
CHUNKED = (
    b"POST /b?q=1 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=1\r\nde\r\n0\r\nt: 1\r\n\r\n"
)
BARE = b"GET /c HTTP/1.1\r\nhost: x\r\n\r\n"


def whole(data: bytes) -> list[Incoming]:
    reader = RequestReader()
    return reader.feed(data)


def in_bytes(data: bytes) -> list[Incoming]:
    reader = RequestReader()
    return [request for byte in data for request in reader.feed(bytes([byte]))]


def in_halves(data: bytes) -> list[Incoming]:
    reader = RequestReader()
    return reader.feed(data[: len(data) // 2]) + reader.feed(data[len(data) // 2 :])


@pytest.mark.parametrize("sequence", list(itertools.permutations([PLAIN, CHUNKED, BARE])))
def test_however_requests_are_cut_they_are_the_same(sequence: tuple[bytes, ...]) -> None:
    data = b"".join(sequence)
    assert whole(data) == in_bytes(data) == in_halves(data)
    assert len(whole(data)) == 3


def test_a_request_is_read_as_it_was_sent() -> None:
    (plain,) = whole(PLAIN)
    assert plain.headers[1] == (b"X-Mock", b"one")
    assert plain.lookup[b"x-mock"] == b"one"
    assert (plain.method, plain.path, plain.body, plain.keep_alive, plain.version) == (
        "POST", "/a", b'{"a":1}', True, "1.1",
    )  # fmt: skip
    (chunked,) = whole(CHUNKED)
    assert chunked.body == b"abcde"
    assert b"t" not in chunked.lookup


def test_the_same_bytes_are_read_once() -> None:
    reader = RequestReader()
    (first,), (again,) = reader.feed(PLAIN), reader.feed(PLAIN)
    assert again is first


def test_bytes_seen_before_are_a_body_when_a_body_is_awaited() -> None:
    reader = RequestReader()
    reader.feed(BARE)
    reader.feed(b"POST /a HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(BARE))
    (request,) = reader.feed(BARE)
    assert request.body == BARE


def test_the_memory_is_bounded() -> None:
    reader = RequestReader()
    for number in range(1000):
        reader.feed(b"GET /%d HTTP/1.1\r\n\r\n" % number)
    assert len(RequestReader._seen) <= 256


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00", 400),
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\n\r\n\x16\x03\x01", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 70_000, 431),
        (b"POST / HTTP/1.1\r\ncontent-length: 999999999999\r\n\r\n", 413),
    ],
)
def test_what_cannot_be_read_is_refused(data: bytes, status: int) -> None:
    for pieces in ([data], [data[place : place + 1000] for place in range(0, len(data), 1000)]):
        reader = RequestReader()
        for piece in pieces:
            reader.feed(piece)
        assert reader.failure is not None
        assert reader.failure.status == status


def test_requests_before_the_one_that_cannot_be_read_are_kept() -> None:
    reader = RequestReader()
    assert len(reader.feed(PLAIN + b"nonsense\r\n\r\n")) == 1
    assert reader.failure is not None


def test_a_body_in_chunks_has_the_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BODY_LIMIT", 10)
    reader = RequestReader()
    reader.feed(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nb\r\n")
    reader.feed(b"hello world\r\n")
    assert reader.failure is not None
    assert reader.failure.status == 413
