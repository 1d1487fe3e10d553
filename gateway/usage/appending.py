"""How a line gets into an open segment: copied into memory that is the file's, or by write(2).

Knows room and bytes. Does not know names, locks, nor when a segment ends. A line copied into a shared mapping is the
kernel's at once, as one that was written; the copy costs no system call. Room is asked for before it is touched, since
touching a page for which the disk has none would end the process. So memory is used only where a page that has room
keeps it: not where the file system writes every change to a new place. What of the room was not used is zeros.
"""

from __future__ import annotations

import os
from functools import cache
from mmap import mmap
from pathlib import Path
from typing import Protocol

STEP = 64 * 1024
"""Bytes of room made at a time: large enough that most lines need no page fault of their own."""

IN_PLACE = frozenset({"ext2", "ext3", "ext4", "xfs", "tmpfs"})
"""File systems, as /proc names them, on which a page that has room on the disk can be written to again and again."""

MOUNTS = Path("/proc/self/mountinfo")

_ZEROS = bytes(STEP)


class Torn(OSError):
    """A part of a line is in the segment and cannot be taken back: let go of it, and whoever adopts it cuts it."""


class Appender(Protocol):
    """Puts lines into one open segment."""

    size: int
    """Bytes of all lines."""

    def append(self, line: bytes) -> None:
        """Put a line behind the others. Raises OSError where there is no room, and then no part of it is there."""

    def close(self) -> None:
        """Let go of memory; the descriptor stays open. The file may be larger than `size`."""


def appender(descriptor: int) -> Appender:
    """Appends to this empty file, opened to read and write."""
    return Mapped(descriptor) if file_system(os.fstat(descriptor).st_dev) in IN_PLACE else Written(descriptor)


@cache
def file_system(device: int) -> str:
    """What is mounted from this device of stat(2); empty where that cannot be told (proc_pid_mountinfo(5))."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = MOUNTS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((mount.partition(" - ")[2].split()[0] for mount in mounts if mount.split()[2] == number), "")


class Mapped:
    """Copies lines into a mapping of the file, which grows by steps."""

    def __init__(self, descriptor: int) -> None:
        self.size = 0
        self._descriptor = descriptor
        self._room = 0
        self._memory: mmap | None = None

    def append(self, line: bytes) -> None:
        """Copy a line behind the others; raises OSError where the disk has no room for it."""
        start = self.size
        end = start + len(line)
        memory = self._memory
        if memory is None or end > len(memory):
            memory = self._reach(end)
        memory[start:end] = line
        self.size = end

    def close(self) -> None:
        """Unmap the file."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def _reach(self, end: int) -> mmap:
        """The memory, with room up to `end` or beyond it. What was written has its room; a hole might not get any."""
        while self._room < end:
            self._room += os.write(self._descriptor, _ZEROS)
        if self._memory is None:
            self._memory = mmap(self._descriptor, self._room)
        else:
            self._memory.resize(self._room)
        return self._memory


class Written:
    """Writes each line with write(2)."""

    def __init__(self, descriptor: int) -> None:
        self.size = 0
        self._descriptor = descriptor

    def append(self, line: bytes) -> None:
        """Write a line behind the others; raises OSError where the disk refuses it, and Torn if a part is left."""
        try:
            written = os.write(self._descriptor, line)
        except OSError:
            self._cut()
            raise
        if written != len(line):
            self._cut()
            raise OSError("only a part of the line was written")
        self.size += written

    def close(self) -> None:
        """Nothing is held."""

    def _cut(self) -> None:
        try:
            os.ftruncate(self._descriptor, self.size)
        except OSError as error:
            raise Torn(error.errno, "a part of a line cannot be taken back") from error
