"""What the gateway takes of the machine: processor and memory, as the kernel tells (proc(5)), and room on the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from .events import ProcessFigures

KEPT = (".duckdb", ".wal", ".sqlite3", ".sqlite3-wal", ".mmap")
"""How the names of the files end in which a gateway keeps things."""

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_BLOCK_BYTES = 512
"""In which stat(2) counts, whatever the file system does."""


class Host(NamedTuple):
    """The machine, or what of it the kernel tells this process of."""

    processors: int
    load: float
    """Processes that ran or waited to, in the mean of the last minute."""
    memory_bytes: int
    available_bytes: int
    """Of these, what could still be had."""


def look_at_host() -> Host:
    """How busy it is. Raises OSError where the kernel does not tell."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    kilobytes = {words[0]: int(words[1]) for words in lines}
    memory, available = (kilobytes[name] * 1024 for name in ("MemTotal:", "MemAvailable:"))
    return Host(os.cpu_count() or 1, os.getloadavg()[0], memory, available)


def began_us(pid: int) -> int | None:
    """When a process began, in Unix microseconds, to within a second; None where there is none."""
    with suppress(OSError):
        ticks = int(_stat_of(pid)[22 - 3])
        booted = next(line for line in Path("/proc/stat").read_text(encoding="ascii").splitlines() if "btime" in line)
        return int(booted.split()[1]) * 1_000_000 + ticks * 1_000_000 // _TICKS
    return None


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
    fields = _stat_of(pid)
    return (int(fields[14 - 3]) + int(fields[15 - 3])) / _TICKS


def _stat_of(pid: int) -> list[str]:
    """Fields of a process behind its name, which may hold anything; proc(5) counts them from 3."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
