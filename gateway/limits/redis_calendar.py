"""Which day, week and month it is, asked often: reckoned anew when a day is over.

Knows a clock and a time zone. What a period is, is for `periods`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from gateway.limits.periods import period_of
from gateway.limits.redis_rows import Today
from gateway.settings.instants import read_zone


class Calendar:
    """The present periods in a time zone; UTC until another one is said."""

    def __init__(self, unix: Callable[[], float] = time.time) -> None:
        self.unix = unix
        """The clock: Unix seconds."""
        self.follow("UTC")

    def follow(self, time_zone: str) -> None:
        """Go by this zone. ValueError for an unknown one."""
        self._zone = read_zone(time_zone)
        self._today = self._reckon()

    def today(self) -> Today:
        """The periods that now is in; the same object as long as they are the same."""
        if not self._today.day.starts <= self.unix() < self._today.day.ends:
            self._today = self._reckon()
        return self._today

    def _reckon(self) -> Today:
        now = int(self.unix())
        return Today(
            period_of("day", now, self._zone), period_of("week", now, self._zone), period_of("month", now, self._zone)
        )
