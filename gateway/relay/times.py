"""When what happened to one exchange. Knows clocks; what it was that happened, others know.

`_ns` are nanoseconds of the monotonic clock, from which durations are made; the moment it began is Unix time as well.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .attempt import Trial


class Times:
    """The moments of one exchange."""

    __slots__ = (
        "admitted_us",
        "first_byte_ns",
        "head_overhead_us",
        "heard_ns",
        "paused_us",
        "started_at_us",
        "started_ns",
    )

    def __init__(self) -> None:
        self.started_ns = self.heard_ns = time.monotonic_ns()
        """`heard_ns`: when the client last sent a piece of its request."""
        self.started_at_us = time.time_ns() // 1000
        self.head_overhead_us = -1
        """What the head told the client of our overhead; -1 before that."""
        self.first_byte_ns = 0
        """When the client was handed the first byte of its answer; 0 before that."""
        self.admitted_us: int | None = None
        """Microseconds until it was let in; None before that."""
        self.paused_us = 0
        """How long nobody was asked though somebody should have been."""

    def note_first_byte(self) -> None:
        """The client is handed a byte of its answer; only the first one counts."""
        if not self.first_byte_ns:
            self.first_byte_ns = time.monotonic_ns()

    @property
    def first_byte_us(self) -> int | None:
        """Microseconds until the client was handed the first byte of its answer; None where it had none."""
        return (self.first_byte_ns - self.started_ns) // 1000 if self.first_byte_ns else None

    def seconds(self) -> float:
        """How long it has been under way."""
        return (time.monotonic_ns() - self.started_ns) / 1e9

    def silent_seconds(self) -> float:
        """How long its client has sent nothing of its request."""
        return (time.monotonic_ns() - self.heard_ns) / 1e9


def waited_us(trials: Sequence[Trial], until_ns: int) -> int:
    """Microseconds of the time until `until_ns` in which a provider was waited for: of two at once, once."""
    if len(trials) == 1:
        (trial,) = trials
        return trial.waited_us or max(until_ns - trial.sent_ns, 0) // 1000
    waited_ns = last_ns = 0
    for trial in sorted(trials, key=lambda each: each.sent_ns):
        end_ns = trial.sent_ns + trial.waited_us * 1000 if trial.waited_us else until_ns
        waited_ns += max(end_ns - max(trial.sent_ns, last_ns), 0)
        last_ns = max(last_ns, end_ns)
    return waited_ns // 1000
