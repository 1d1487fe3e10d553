"""Which cores the control process keeps to, where there are more than workers.

The kernel wakes a thread up on the core it had last, even if somebody computes there and another core becomes free a
moment later. A process that computes for long, and moves from core to core, is then in the way of a worker again and
again. Knows masks of cores (sched_setaffinity(2)). Does not know what is computed.
"""

from __future__ import annotations

import os
from contextlib import suppress


def keep_aside(workers: int) -> None:
    """Have this thread, and those it begins from now on, leave a core to each worker: the first ones of those that the
    process may use. Where there are no more cores than workers, everybody may be anywhere."""
    aside = sorted(os.sched_getaffinity(0))[workers:]
    if aside:
        with suppress(OSError):
            os.sched_setaffinity(0, aside)
