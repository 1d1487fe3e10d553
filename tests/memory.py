"""Files of tests in memory, where there is plenty of it."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOMY = 8 * 2**30
"""More than all tests need at a time, by far."""

AVAILABLE = re.compile(r"^MemAvailable: +(\d+) kB$", re.MULTILINE)


def roomy_memory() -> Path | None:
    """A directory in memory, where there is plenty of that. Tests make thousands of databases; on a disk that takes up
    to five times as much of a core."""
    with suppress(OSError):
        found = AVAILABLE.search(Path("/proc/meminfo").read_text())
        if found and min(int(found[1]) * 1024, shutil.disk_usage(MEMORY).free) >= ROOMY:
            return MEMORY
    return None
