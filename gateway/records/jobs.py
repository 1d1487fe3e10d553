"""What is done by the clock, as it is told of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobReport:
    """A job of the control process: how it last went, and when it is due. Times are Unix microseconds."""

    name: str
    summary: str
    """What it does, in one sentence."""
    every_seconds: float
    is_shared: bool
    """It concerns the state: of several control processes one does it."""
    started_at_us: int | None
    finished_at_us: int | None
    error: str | None
    """Why it failed the last time, if it did."""
    runs: int
    failures: int
    next_at_us: int | None
    is_running: bool
    """In this process."""
