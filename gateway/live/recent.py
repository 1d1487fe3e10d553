"""The last that have ended, for viewers who begin to watch: what ended a moment before they came may not be in the
analytics store yet. Pure."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable

from gateway.records import UsageRecord

from .events import ended_at_us
from .ring import MOST_RECORDS
from .wanted import Sight, Wanted, finished_for

MOST_TOLD = 50
"""Of them to one viewer."""


class Recent:
    """Of all workers together."""

    def __init__(self) -> None:
        self._records: deque[UsageRecord] = deque(maxlen=MOST_RECORDS)
        """Those that ended last stand last, about: workers tell four times a second."""

    def add(self, records: Iterable[UsageRecord]) -> None:
        """These have just ended."""
        self._records.extend(records)

    def add_before(self, records: Iterable[UsageRecord]) -> None:
        """These ended a while ago, as a worker remembers; some of them may be known."""
        every = {record.id: record for record in (*self._records, *records)}
        self._records.clear()
        self._records.extend(sorted(every.values(), key=ended_at_us))

    def clear(self) -> None:
        """Nobody knows anything."""
        self._records.clear()

    def for_viewer(self, sight: Sight, wanted: Wanted) -> tuple[UsageRecord, ...]:
        """Those that somebody wants and may see, the last of them."""
        return last_for(sight, wanted, tuple(self._records))


def last_for(sight: Sight, wanted: Wanted, records: tuple[UsageRecord, ...]) -> tuple[UsageRecord, ...]:
    """Of these, those that somebody wants and may see: the last that ended, the latest first."""
    return tuple(heapq.nlargest(MOST_TOLD, finished_for(sight, wanted, records), key=ended_at_us))
