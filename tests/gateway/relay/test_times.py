from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from gateway.relay.times import Times, waited_us

MS = 1_000_000
"""Nanoseconds."""


class Try(NamedTuple):
    """An attempt: when it was sent, and for how many microseconds it was waited for; 0 while it still is."""

    sent_ns: int
    waited_us: int


@pytest.mark.parametrize(
    ("tries", "milliseconds"),
    [
        ([], 0),
        ([Try(0, 5_000)], 5),
        ([Try(0, 5_000), Try(10 * MS, 5_000)], 10),
        ([Try(0, 20_000), Try(10 * MS, 20_000)], 30),
        ([Try(0, 20_000), Try(5 * MS, 5_000)], 20),
        ([Try(10 * MS, 20_000), Try(0, 20_000)], 30),
        ([Try(80 * MS, 0)], 20),
        ([Try(60 * MS, 0), Try(80 * MS, 0)], 40),
    ],
    ids=["nobody", "one", "in-turn", "overlapping", "within", "the-winner-last", "still-waiting", "both-still-waiting"],
)
def test_providers_that_are_waited_for_at_once_are_waited_for_once(tries: Any, milliseconds: int) -> None:
    assert waited_us(tries, 100 * MS) == milliseconds * 1000


def test_only_the_first_byte_counts() -> None:
    times = Times()
    assert not times.first_byte_ns
    times.first_byte_ns = first = times.started_ns + 5 * MS
    times.note_first_byte()
    assert (times.first_byte_ns, times.first_byte_us) == (first, 5_000)
