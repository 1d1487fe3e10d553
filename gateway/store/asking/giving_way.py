"""Threads that give way to whoever else wants to run, and how it is noticed that they never get a turn.

The kernel lets them run where a core has nothing else to do (`SCHED_IDLE`, sched(7)): whoever wakes up on that core
runs at once in their place. Knows threads and clocks. Does not know what is done in them.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress

STARVED_SHARE = 0.1
"""Of a core: with less than this there is no end in sight."""


def give_way() -> None:
    """Have the calling thread give way from now on, for good: without privileges there is no way back."""
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


class Effort:
    """What a thread has had of a core since it began with something. Begun in the thread, asked from any."""

    def __init__(self) -> None:
        self._begun: tuple[int, float, float] | None = None

    def begin(self) -> None:
        """The calling thread begins, and will be there as long as anybody asks."""
        clock = time.pthread_getcpuclockid(threading.get_ident())
        self._begun = clock, time.clock_gettime(clock), time.monotonic()

    @property
    def has_begun(self) -> bool:
        """Whether a thread has come to it."""
        return self._begun is not None

    def is_starved(self, after_seconds: float) -> bool:
        """Whether it has begun so long ago, and had next to nothing since."""
        if self._begun is None:
            return False
        clock, used, at = self._begun
        took = time.monotonic() - at
        return took >= after_seconds and time.clock_gettime(clock) - used < STARVED_SHARE * took
