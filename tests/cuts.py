"""The same bytes, arriving differently."""

from __future__ import annotations

import random
from collections.abc import Iterator

RANDOM_CUTS = 200


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """Whole, byte by byte, and at 200 random places."""
    yield [data]
    yield [data[at : at + 1] for at in range(len(data))]
    for seed in range(RANDOM_CUTS):
        chance = random.Random(seed)
        places = sorted(chance.sample(range(1, len(data)), k=min(chance.randint(1, 12), len(data) - 1)))
        yield [data[start:stop] for start, stop in zip([0, *places], [*places, len(data)], strict=True)]


def dressings(data: bytes) -> Iterator[bytes]:
    """The same events with other line ends, comments, and data on several lines."""
    yield data
    data = data.replace(b"\r\n", b"\n")
    yield data.replace(b"\n", b"\r\n")
    yield data.replace(b"\n", b"\r")
    yield data.replace(b"data: ", b": a comment\n\ndata: ") if b"event:" not in data else b": a comment\n\n" + data
    yield data.replace(b"data: {", b"data: {\ndata:")
    yield data.replace(b"data: ", b"data:")
