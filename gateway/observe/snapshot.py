"""What a worker has counted, as a file of its own that the other workers read.

Knows whose numbers still count: those of this start of the gateway, and gauges only of processes that live.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from .tally import Readings, Tally


class Process(Struct, frozen=True):
    """A process, told apart from a later one with the same number by the moment it began."""

    pid: int
    born: int
    """As the kernel counts, in ticks since it booted."""

    @classmethod
    def current(cls) -> Process:
        """The process that asks."""
        return cls(os.getpid(), _born(os.getpid()) or 0)

    def alive(self) -> bool:
        """Whether it still runs; one that has ended but was not yet waited for does not."""
        return _born(self.pid) == self.born


class Snapshot(Struct):
    """Everything a worker has counted until one moment."""

    gateway_started_at_us: int
    process: Process
    starts: int
    """How many processes have had this worker's place, this one included."""
    readings: Readings
    tally: Tally

    def bytes(self) -> bytes:
        """As it stands in the file."""
        return msgspec.json.encode(self)


def path(directory: Path, worker: int) -> Path:
    """Where a worker's snapshot is kept."""
    return directory / f"{worker}.json"


def load(file: Path, *, gateway_started_at_us: int) -> Snapshot | None:
    """The snapshot in a file; None when there is none, or none of this start of the gateway."""
    try:
        snapshot = msgspec.json.decode(file.read_bytes(), type=Snapshot)
    except (OSError, msgspec.DecodeError):  # an older version of the gateway wrote other fields
        return None
    return snapshot if snapshot.gateway_started_at_us == gateway_started_at_us else None


def load_others(directory: Path, worker: int, *, gateway_started_at_us: int) -> list[Snapshot]:
    """The snapshots of all workers but one; of dead ones only what has no end, the counters."""
    own = path(directory, worker)
    files = sorted(file for file in directory.glob("*.json") if file != own)
    loaded = (load(file, gateway_started_at_us=gateway_started_at_us) for file in files)
    return [snapshot for snapshot in loaded if snapshot is not None]


def store(file: Path, content: bytes) -> None:
    """Put `content` in the file's place in one step, so that nobody reads half of it. Raises OSError."""
    draft = file.with_suffix(".tmp")
    draft.write_bytes(content)
    draft.replace(file)


def _born(pid: int) -> int | None:
    """When a running process began; None when there is no such process, or it has ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field, the name, may hold anything; proc(5) counts the fields after it from 3, and 22 is the start.
    fields = status.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[22 - 3])
