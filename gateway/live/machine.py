"""What the gateway takes of the machine: processor and memory, as the kernel tells (proc(5)), and room on the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic

from .events import ProcessFigures

KEPT = (".duckdb", ".wal", ".sqlite3", ".sqlite3-wal", ".mmap")
"""How the names of the files end in which a gateway keeps things."""

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_BLOCK_BYTES = 512
"""In which stat(2) counts, whatever the file system does."""


class Processes:
    """Looks at them again and again: how busy one is takes two looks."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._seen: dict[int, tuple[float, float]] = {}
        """When each was looked at, and the seconds of processor time it had had by then."""

    def look(self, named: Mapping[str, int]) -> tuple[ProcessFigures, ...]:
        """How these are doing, by name; one that is gone is left out."""
        self._seen = {pid: seen for pid, seen in self._seen.items() if pid in named.values()}
        return tuple(found for name, pid in named.items() if (found := self._look_at(name, pid)) is not None)

    def _look_at(self, name: str, pid: int) -> ProcessFigures | None:
        with suppress(OSError):
            seconds, resident = _seconds_of(pid), _resident_bytes(pid)
            now, before = self._clock(), self._seen.get(pid)
            self._seen[pid] = now, seconds
            return ProcessFigures(name, pid, _percent(before, now, seconds), resident)
        return None


def sizes_in(data_dir: Path) -> dict[str, int]:
    """Bytes on the disk of each file in a data directory that grows, by name. Raises OSError."""
    with os.scandir(data_dir) as entries:
        found = sorted(entry.name for entry in entries if entry.name.endswith(KEPT))
    sizes: dict[str, int] = {}
    for name in found:
        with suppress(FileNotFoundError):  # gone since it was listed
            sizes[name] = (data_dir / name).stat().st_blocks * _BLOCK_BYTES
    return sizes


def _percent(before: tuple[float, float] | None, now: float, seconds: float) -> float | None:
    if before is None or now <= before[0]:
        return None
    return round(max(0.0, seconds - before[1]) / (now - before[0]) * 100, 1)


def _seconds_of(pid: int) -> float:
    # The name in the second field may hold anything; proc(5) counts the fields after it from 3: 14 and 15 are ours.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return (int(fields[14 - 3]) + int(fields[15 - 3])) / _TICKS


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
