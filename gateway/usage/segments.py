"""Spool segments as files: how one is begun and closed, how a dead worker's is adopted, how each leaves.

Knows names, locks and bytes. Does not know what a line says. A segment is `<stem>.open` while a worker holds a flock on
it and appends, `<stem>.seg` once it is closed. Behind the lines of an open one there may be zeros, room for more; no
line has a zero byte. The kernel drops the lock of a dead worker, so an open segment that can be locked has no owner.
Stems are never used twice, whatever restarts: a process id alone would repeat in a container.
"""

from __future__ import annotations

import fcntl
import os
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

OPEN = ".open"
CLOSED = ".seg"
REFUSED = ".refused"
"""A segment of which some lines could not be read, the others being in the store: never to be taken again."""

BLOCK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed segment."""

    path: Path
    size: int
    changed_ns: int

    @property
    def name(self) -> str:
        """What the store remembers it by."""
        return self.path.stem


def begin(directory: Path, stem: str) -> int:
    """Create and lock `<stem>.open`; the descriptor to append by. Raises OSError, even when it was just adopted."""
    path = directory / (stem + OPEN)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Between its creation and our lock it was fair game for adoption, which removes an empty segment.
        path.stat()
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def close(directory: Path, stem: str, descriptor: int, size: int) -> Path:
    """Hand over a segment of `size` bytes; its path from now on. Raises OSError when it will have to be adopted."""
    closed = directory / (stem + CLOSED)
    try:
        if os.fstat(descriptor).st_size != size:
            os.ftruncate(descriptor, size)
        (directory / (stem + OPEN)).rename(closed)
    finally:
        os.close(descriptor)
    return closed


def closed(directory: Path) -> list[Segment]:
    """The closed segments, oldest first."""
    found = [
        Segment(Path(entry.path), status.st_size, status.st_mtime_ns)
        for entry, status in _entries(directory)
        if entry.name.endswith(CLOSED)
    ]
    return sorted(found, key=lambda segment: (segment.changed_ns, segment.name))


def weigh(directory: Path) -> int:
    """Bytes of all lines in segments, open ones included."""
    return sum(_size(entry, status) for entry, status in _entries(directory) if entry.name.endswith((OPEN, CLOSED)))


def adopt(directory: Path) -> int:
    """Close the segments of dead workers, each cut after its last whole line; how many there were."""
    abandoned = [Path(entry.path) for entry, _ in _entries(directory) if entry.name.endswith(OPEN)]
    return sum(_adopt_one(path) for path in abandoned)


def sync(directory: Path, synced: dict[str, int]) -> dict[str, int]:
    """Make what is in the spool survive a power loss; `synced` is what the previous call returned.

    This is for the process that ingests: the writers never wait for a disk.
    """
    sizes = {entry.name: _size(entry, status) for entry, status in _entries(directory) if entry.is_file()}
    changed = [name for name, size in sizes.items() if synced.get(name) != size]
    for name in changed:
        with suppress(FileNotFoundError):  # closed or taken meanwhile
            _sync_one(directory / name, os.O_RDONLY)
    if changed:
        _sync_one(directory, os.O_RDONLY | os.O_DIRECTORY)
    return sizes


def lines(path: Path) -> int:
    """How many lines a segment has; a torn last one counts."""
    count, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(1024 * 1024):
            count += block.count(b"\n")
            last = block[-1:]
    return count + (last != b"\n")


def set_aside(path: Path, suffix: str) -> Path:
    """Move a segment to `bad/`, for people to look at; where it is now."""
    place = path.parent / "bad"
    place.mkdir(mode=0o700, exist_ok=True)
    return path.rename(place / (path.stem + suffix))


def _entries(directory: Path) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # renamed or removed since it was listed
                yield entry, entry.stat(follow_symlinks=False)


def _adopt_one(path: Path) -> bool:
    try:
        with _locked(path) as descriptor:
            whole = _whole_lines(descriptor)
            if not whole:
                path.unlink()
                return False
            os.ftruncate(descriptor, whole)
            path.rename(path.with_suffix(CLOSED))
            return True
    except (BlockingIOError, FileNotFoundError):  # it has an owner, or was closed since it was listed
        return False


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)


def _size(entry: os.DirEntry[str], status: os.stat_result) -> int:
    """Bytes of its lines: of an open segment, without the room behind them."""
    if not entry.name.endswith(OPEN):
        return status.st_size
    try:
        descriptor = os.open(entry.path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # closed since it was listed
        return status.st_size
    try:
        return bisect_left(
            range(status.st_size), True, key=lambda place: not os.pread(descriptor, 1, place).strip(b"\0")
        )
    finally:
        os.close(descriptor)


def _whole_lines(descriptor: int) -> int:
    """Bytes up to and with the last whole line. One that was killed in the middle of a copy has zeros left in it."""
    end = _behind_line_feed(descriptor, os.fstat(descriptor).st_size)
    while end:
        start = _behind_line_feed(descriptor, end - 1)
        if b"\0" not in os.pread(descriptor, end - start, start):
            break
        end = start
    return end


def _behind_line_feed(descriptor: int, end: int) -> int:
    """Bytes up to and with the last line feed before `end`."""
    while end > 0:
        start = max(0, end - BLOCK)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _sync_one(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
