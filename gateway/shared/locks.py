"""Locks on single bytes of a file, which the kernel gives back when their holder dies, however it dies.

They belong to the open file description (Linux, `F_OFD_SETLKW` in fcntl(2)), not to the process as the older record
locks do: closing another descriptor of the same file does not drop them, and two mappings in one process exclude each
other. Threads that share a descriptor are not kept apart.

A lock that is free is taken without letting go of the interpreter: Python's own `fcntl` lets other threads run around
each call, and getting the interpreter back from them costs a request many times what the two system calls do, which is
about 2 µs. Only who must wait for somebody else sleeps, and lets the others run meanwhile.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
from errno import EACCES, EAGAIN

# struct flock of 64-bit Linux: type, whence, start, length, pid (0 for locks of this kind).
_FLOCK = struct.Struct("@hhqqi4x")

_fcntl = ctypes.PyDLL(None, use_errno=True).fcntl
_fcntl.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_char_p)
_fcntl.restype = ctypes.c_int


def hold(descriptor: int, offset: int) -> None:
    """Wait until the byte is ours. Raises OSError."""
    if not try_to_hold(descriptor, offset):
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLKW, _FLOCK.pack(fcntl.F_WRLCK, 0, offset, 1, 0))


def try_to_hold(descriptor: int, offset: int) -> bool:
    """Take the byte if nobody has it. Raises OSError."""
    if _fcntl(descriptor, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, 0, offset, 1, 0)) == 0:
        return True
    error = ctypes.get_errno()
    if error in (EACCES, EAGAIN):
        return False
    raise OSError(error, os.strerror(error))


def let_go(descriptor: int, offset: int) -> None:
    """Give the byte back. Raises OSError."""
    if _fcntl(descriptor, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_UNLCK, 0, offset, 1, 0)) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
