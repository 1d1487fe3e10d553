"""The control process as far as ingest goes, to be killed: takes what is there and checkpoints now and then.

With a second argument it kills itself at that point of its work.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from gateway.store.analytics import Analytics
from gateway.usage import ingest as work
from gateway.usage import segments
from gateway.usage.ingest import Ingest

POINTS: dict[str, tuple[object, str, int]] = {
    "before the rows": (work, "_insert", 1),
    "before the first name": (work, "_mark", 1),
    "before the last name": (work, "_mark", 3),
    "before the first file goes": (Ingest, "_dismiss", 1),
    "before the last file goes": (Ingest, "_dismiss", 3),
    "while adopting": (segments, "_whole_lines", 1),
}
"""Function before whose so-manieth call the end comes."""


def main(directory: Path, point: str | None) -> None:
    """Take segments until killed."""
    if point is not None:
        die_at(*POINTS[point])
    spool = directory / "spool"
    ingest = Ingest(spool, Analytics(directory / "usage.duckdb", spool, memory_limit="256MB"))
    steps = 0
    while True:
        steps += ingest.step()
        if steps % 10 == 9 and ingest.connection is not None:
            ingest.connection.execute("checkpoint")
            steps += 1


def die_at(place: object, name: str, call: int) -> None:
    """Have kill -9 come before this call of this function."""
    real: Callable[..., object] = getattr(place, name)
    calls = 0

    def last(*arguments: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)

    setattr(place, name, last)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
