"""Locks on single bytes of a file, which the kernel gives back when their holder dies, however it dies.

They belong to the open file description (Linux, `F_OFD_SETLKW` in fcntl(2)), not to the process as the older record
locks do: closing another descriptor of the same file does not drop them, and two mappings in one process exclude each
other. Threads that share a descriptor are not kept apart.

A lock that is free is taken without letting go of the interpreter: Python's own `fcntl` lets other threads run around
each call, and getting the interpreter back from them costs a request many times what the two system calls do, which is
about 1 µs. Only who must wait for somebody else sleeps, and lets the others run meanwhile.
"""

from __future__ import annotations

import ctypes
import fcntl
import struct
from types import TracebackType

# struct flock of 64-bit Linux: type, whence, start, length, pid (0 for locks of this kind).
_FLOCK = struct.Struct("@hhqqi4x")

_fcntl = ctypes.PyDLL(None).fcntl
"""Takes two integers and bytes, and is not told so: to have its arguments checked would take longer than the call. What
it cannot do is asked for once more by way of Python, which knows the error."""

_SET: int = fcntl.F_OFD_SETLK
_WAIT: int = fcntl.F_OFD_SETLKW


class Locked:
    """Bytes that are ours while the block runs, or between `hold` and `let_go`: taken in the order in which they are
    named. What the kernel is told of them is written once, for those who take them often."""

    __slots__ = ("_descriptor", "_giving", "_taking")

    def __init__(self, descriptor: int, offsets: tuple[int, ...]) -> None:
        self._descriptor = descriptor
        self._taking = tuple(_told(fcntl.F_WRLCK, offset) for offset in offsets)
        self._giving = tuple(_told(fcntl.F_UNLCK, offset) for offset in offsets)

    def hold(self) -> None:
        """Wait until all of them are ours. Raises OSError."""
        descriptor = self._descriptor
        for told in self._taking:
            if _fcntl(descriptor, _SET, told):
                fcntl.fcntl(descriptor, _WAIT, told)

    def let_go(self) -> None:
        """Give them back. Raises OSError."""
        descriptor = self._descriptor
        for told in self._giving:
            if _fcntl(descriptor, _SET, told):
                fcntl.fcntl(descriptor, _SET, told)

    def __enter__(self) -> None:
        self.hold()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.let_go()


def hold(descriptor: int, offset: int) -> None:
    """Wait until the byte is ours. Raises OSError."""
    told = _told(fcntl.F_WRLCK, offset)
    if _fcntl(descriptor, _SET, told):
        fcntl.fcntl(descriptor, _WAIT, told)


def try_to_hold(descriptor: int, offset: int) -> bool:
    """Take the byte if nobody has it. Raises OSError."""
    try:
        fcntl.fcntl(descriptor, _SET, _told(fcntl.F_WRLCK, offset))
    except (BlockingIOError, PermissionError):  # the two words for it that the manual has
        return False
    return True


def let_go(descriptor: int, offset: int) -> None:
    """Give the byte back. Raises OSError."""
    told = _told(fcntl.F_UNLCK, offset)
    if _fcntl(descriptor, _SET, told):
        fcntl.fcntl(descriptor, _SET, told)


def _told(kind: int, offset: int) -> bytes:
    return _FLOCK.pack(kind, 0, offset, 1, 0)
