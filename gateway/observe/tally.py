"""What is counted, as plain numbers that add up: over requests, over workers, over the lives of one worker.

Times are microseconds, money nano-USD; all of them whole numbers, so that no order of adding makes a difference.
"""

from __future__ import annotations

from operator import add
from typing import Protocol, Self, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from .series import DURATION_BOUNDS, FIRST_BYTE_BOUNDS, OVERHEAD_BOUNDS

Target = tuple[str, str, str]
"""Endpoint, provider, model."""
Outcome = tuple[str, str, str, str, str]
"""Endpoint, provider, model, status class, error."""
Try = tuple[str, str, str, str]
"""Provider, model, error, whose fault."""


class Histogram(Struct, array_like=True):
    """How many values fell into each bucket, not cumulated, and their sum."""

    buckets: list[int]
    sum: int = 0

    def __add__(self, other: Histogram) -> Histogram:
        return Histogram(list(map(add, self.buckets, other.buckets)), self.sum + other.sum)


class Totals(Struct, array_like=True):
    """Everything counted for one target."""

    duration: Histogram = field(default_factory=lambda: Histogram([0] * (len(DURATION_BOUNDS) + 1)))
    first_byte: Histogram = field(default_factory=lambda: Histogram([0] * (len(FIRST_BYTE_BOUNDS) + 1)))
    overhead: Histogram = field(default_factory=lambda: Histogram([0] * (len(OVERHEAD_BOUNDS) + 1)))
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    cost: int = 0
    unpriced: int = 0
    request_bytes: int = 0
    response_bytes: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))


class Count(Struct, array_like=True):
    """A number that several places hold on to."""

    value: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.value + other.value)


class Tally(Struct):
    """The counters of one worker, or of several added up. Pairs, not mappings, because JSON has no other keys."""

    outcomes: list[tuple[Outcome, Count]]
    targets: list[tuple[Target, Totals]]
    tries: list[tuple[Try, Count]]

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            _merged(self.outcomes, other.outcomes),
            _merged(self.targets, other.targets),
            _merged(self.tries, other.tries),
        )


class Readings(Struct, frozen=True):
    """What a worker says of itself when asked. The last five count since the process began."""

    in_flight: int = 0
    streams_open: int = 0
    connections_open: int = 0
    """Busy and idle."""
    connections_idle: int = 0
    spool_backlog_bytes: int = 0
    """Of the whole spool, which all workers share."""
    connections_opened: int = 0
    records_dropped: int = 0
    log_lines_dropped: int = 0
    spans_dropped: int = 0
    captures_dropped: int = 0

    def counters_only(self) -> Readings:
        """What remains true after the worker has died."""
        return replace(self, **dict.fromkeys(GAUGES, 0))

    def __add__(self, other: Readings) -> Readings:
        """Everything added, but the spool, which is one: the left side is believed."""
        names = self.__struct_fields__
        added = {name: getattr(self, name) + getattr(other, name) for name in names}
        return Readings(**{**added, "spool_backlog_bytes": self.spool_backlog_bytes})


GAUGES = ("in_flight", "streams_open", "connections_open", "connections_idle", "spool_backlog_bytes")


class Addable(Protocol):
    """What a tally is made of."""

    def __add__(self, other: Self) -> Self:
        """Both together."""


L = TypeVar("L", bound=tuple[str, ...])
N = TypeVar("N", bound=Addable)


def _merged(left: list[tuple[L, N]], right: list[tuple[L, N]]) -> list[tuple[L, N]]:
    merged = dict(left)
    for labels, number in right:
        known = merged.get(labels)
        merged[labels] = number if known is None else known + number
    return list(merged.items())
