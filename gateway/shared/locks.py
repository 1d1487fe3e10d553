"""Locks on single bytes of a file, which the kernel gives back when their holder dies, however it dies.

They belong to the open file description (Linux, `F_OFD_SETLKW` in fcntl(2)), not to the process as the older record
locks do: closing another descriptor of the same file does not drop them, and two mappings in one process exclude each
other. Threads that share a descriptor are not kept apart.

A lock and its release are two system calls, together about 2 µs; a process that waits sleeps.
"""

from __future__ import annotations

import fcntl
import struct
from errno import EACCES, EAGAIN

# struct flock of 64-bit Linux: type, whence, start, length, pid (0 for locks of this kind).
_FLOCK = struct.Struct("@hhqqi4x")


def hold(descriptor: int, offset: int) -> None:
    """Wait until the byte is ours. Raises OSError."""
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLKW, _FLOCK.pack(fcntl.F_WRLCK, 0, offset, 1, 0))


def try_to_hold(descriptor: int, offset: int) -> bool:
    """Take the byte if nobody has it. Raises OSError."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, 0, offset, 1, 0))
    except OSError as error:
        if error.errno in (EACCES, EAGAIN):
            return False
        raise
    return True


def let_go(descriptor: int, offset: int) -> None:
    """Give the byte back. Raises OSError."""
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_UNLCK, 0, offset, 1, 0))
