"""Bytes that go by are remembered up to a bound, and counted beyond it."""

from __future__ import annotations

import random

import pytest

from gateway.records.captures import Flow
from tests.gateway.captures.takes import flow, taken, tried


@pytest.mark.parametrize("room", [0, 1, 99, 100, 101, 5000])
def test_the_first_bytes_are_kept_and_all_are_counted(room: int) -> None:
    body = random.Random(room).randbytes(100)
    for size in (1, 7, 33, 100):
        made = Flow(room)
        for begin in range(0, len(body), size):
            made.add(body[begin : begin + size])
        assert (bytes(made.kept), made.size) == (body[:room], 100)


@pytest.mark.parametrize("room", [0, 3, 5, 6])
def test_a_body_that_is_there_already_is_bounded_likewise(room: int) -> None:
    made = Flow.whole(b"12345", room)
    assert (bytes(made.kept), made.size) == (b"12345"[:room], 5)
    made.add(b"67")
    assert (bytes(made.kept), made.size) == (b"12345"[:room], 7), "it has no room for more"


def test_a_body_that_fits_is_not_copied() -> None:
    body = bytes(1000)
    assert Flow.whole(body, 1000).kept is body


def test_what_an_exchange_holds_in_memory_is_known() -> None:
    one = tried(head=b"1" * 10, body=flow(b"2" * 20), answer=flow(b"3" * 30))
    refused = tried(head=b"", body=None, answer=None)
    made = taken(body=flow(b"4" * 40), answer=flow(b"5" * 500, room=50), tries=[one, refused])
    assert made.size == 10 + 20 + 30 + 40 + 50


def test_nothing_of_what_was_said_is_shown_by_accident() -> None:
    made = taken(body=flow(b"sk-secret"), tries=[tried(body=flow(b"sk-secret"))])
    assert "sk-secret" not in repr(made) + repr(made.tries)
