"""Locks that the processes of a machine share: mutexes in the shared memory, which the kernel gives back when their
holder dies, however it dies.

They are pthread's, robust and shared between processes (pthread_mutexattr_setrobust(3)): to take one that is free costs
no system call, which is most of what a lock of fcntl(2) costs. The C library is called without letting go of the
interpreter, since getting it back from other threads would cost a request many times what the lock does; only who must
wait for somebody else sleeps, and lets the others run meanwhile. A lock belongs to the thread that took it.

What is in them means something to the machine that runs only: after it was started anew they must be laid anew, and so
must memory that nobody has laid them in.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from errno import EBUSY, EDEADLK, EOWNERDEAD
from types import TracebackType

from gateway.shared.layout import LOCK_BYTES

_PROCESS_SHARED = 1
_ROBUST = 1
_ERROR_CHECK = 2
"""`PTHREAD_PROCESS_SHARED`, `PTHREAD_MUTEX_ROBUST`, `PTHREAD_MUTEX_ERRORCHECK` of Linux's <pthread.h>. The last one
makes it an error to take one's own lock once more, where others would wait for ever."""

_ATTRIBUTES_BYTES = 64
"""More than `pthread_mutexattr_t` takes."""

_library = ctypes.PyDLL(None)
_try_to_lock, _unlock = _library.pthread_mutex_trylock, _library.pthread_mutex_unlock
_make_consistent = _library.pthread_mutex_consistent
_lock = ctypes.CDLL(None).pthread_mutex_lock

Lock = ctypes.c_void_p
"""Where a lock is."""


class Locks:
    """The locks of one area, by number."""

    def __init__(self, mapped: mmap.mmap, offset: int) -> None:
        """`offset` is where they begin. Of no use once the memory is unmapped."""
        self._first = ctypes.addressof(ctypes.c_char.from_buffer(mapped)) + offset
        self._known: dict[int, Lock] = {}

    def of(self, number: int) -> Lock:
        """The lock of this number."""
        lock = self._known.get(number)
        if lock is None:
            lock = self._known[number] = Lock(self._first + number * LOCK_BYTES)
        return lock

    def lay(self, count: int) -> None:
        """Make so many of them, all free, whatever was there. Nobody may be at them. Raises OSError."""
        attributes = ctypes.create_string_buffer(_ATTRIBUTES_BYTES)
        _check(_library.pthread_mutexattr_init(attributes))
        _check(_library.pthread_mutexattr_setpshared(attributes, _PROCESS_SHARED))
        _check(_library.pthread_mutexattr_setrobust(attributes, _ROBUST))
        _check(_library.pthread_mutexattr_settype(attributes, _ERROR_CHECK))
        for number in range(count):
            _check(_library.pthread_mutex_init(self.of(number), attributes))
        _check(_library.pthread_mutexattr_destroy(attributes))


class Locked:
    """Locks that are ours while the block runs, or between `hold` and `let_go`: taken in the order in which they are
    named."""

    __slots__ = ("_locks",)

    def __init__(self, locks: tuple[Lock, ...]) -> None:
        self._locks = locks

    def hold(self) -> None:
        """Wait until all of them are ours. Raises OSError."""
        for lock in self._locks:
            if error := _try_to_lock(lock):
                _go_on(lock, error)

    def let_go(self) -> None:
        """Give them back. Raises OSError where they are not ours."""
        for lock in self._locks:
            if error := _unlock(lock):
                _check(error)

    def __enter__(self) -> None:
        self.hold()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.let_go()


def hold(lock: Lock) -> None:
    """Wait until it is ours. Raises OSError."""
    if error := _try_to_lock(lock):
        _go_on(lock, error)


def try_to_hold(lock: Lock) -> bool:
    """Take it if nobody has it. Raises OSError."""
    error = _try_to_lock(lock)
    if error in (EBUSY, EDEADLK):
        return False
    if error:
        _go_on(lock, error)
    return True


def let_go(lock: Lock) -> None:
    """Give it back. Raises OSError where it is not ours."""
    if error := _unlock(lock):
        _check(error)


def _go_on(lock: Lock, error: int) -> None:
    """After it could not simply be taken: wait for who has it, or put in order what a dead holder left."""
    if error == EBUSY:
        error = _lock(lock)
    if error == EOWNERDEAD:  # it is ours already
        error = _make_consistent(lock)
    _check(error)


def _check(error: int) -> None:
    if error:
        raise OSError(error, os.strerror(error))
