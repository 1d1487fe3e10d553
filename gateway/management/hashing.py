"""Hashing and checking passwords in threads, a few at once, so that nothing else waits for them.

Knows threads. What is done in them is `gateway.access.passwords`' to know.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from gateway.access import passwords
from gateway.access.passwords import Scheme, Verdict
from gateway.errors import TooManyAttempts

AT_ONCE = 2
"""Each takes a core and 32 MiB for some 30 ms."""

MOST_WAITING = 64
"""Who comes after these is told to come again, in place of waiting for seconds."""

T = TypeVar("T")


class PasswordThreads:
    """The threads of one process."""

    def __init__(self, at_once: int = AT_ONCE, most_waiting: int = MOST_WAITING) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="passwords")
        self._most = at_once + most_waiting
        self._under_way = 0

    def check_room(self) -> None:
        """Raises TooManyAttempts while too many wait."""
        if self._under_way >= self._most:
            raise TooManyAttempts("Too many people log in at this moment. Try again shortly.", retry_after=2.0)

    async def hashed(self, password: str) -> str:
        """What to keep of a new password. Raises TooManyAttempts."""
        return await self._run(partial(passwords.hashed, password))

    async def verify(self, password: str, kept: str | None, *, schemes: frozenset[Scheme]) -> Verdict:
        """Whether a password is the one that was kept, as `passwords.verify`; `schemes` are those of all users' hashes.
        Raises TooManyAttempts."""
        return await self._run(partial(passwords.verify, password, kept, schemes=schemes))

    async def _run(self, work: Callable[[], T]) -> T:
        self.check_room()
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._under_way -= 1


THREADS = PasswordThreads()
"""Those of this process. None is started before the first password."""
