"""Bytes from a thread that makes them to a coroutine that takes them. The thread waits while too many wait."""

from __future__ import annotations

import asyncio
import threading

from gateway.errors import ControlUnavailable

ROOM = 8
"""Pieces that may wait to be taken."""

STALL_SECONDS = 60.0
"""How long one who takes nothing is waited for: meanwhile the store cannot clean up behind what is being read."""


class Unwanted(Exception):
    """Nobody takes anything any more."""


class Pipe:
    """Of one thread and one coroutine, on the event loop on which it was made."""

    def __init__(self, *, stall_seconds: float = STALL_SECONDS) -> None:
        self._loop, self._stall_seconds = asyncio.get_running_loop(), stall_seconds
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = threading.Semaphore(ROOM)
        self._is_closed = False

    def put(self, piece: bytes) -> None:
        """Have a piece taken, from the thread; nothing is no piece. Raises Unwanted, and ControlUnavailable when nobody
        has taken anything for long."""
        if not self._room.acquire(timeout=self._stall_seconds):
            raise ControlUnavailable("Nobody has taken any of it for too long.")
        if self._is_closed:
            raise Unwanted
        if piece:
            self._loop.call_soon_threadsafe(self._pieces.put_nowait, piece)
        else:
            self._room.release()

    def end(self) -> None:
        """There is no more, from the thread."""
        self._loop.call_soon_threadsafe(self._pieces.put_nowait, None)

    async def take(self) -> bytes | None:
        """The next piece; None behind the last one."""
        piece = await self._pieces.get()
        self._room.release()
        return piece

    def close(self) -> None:
        """Nobody will take any more, from whichever thread. What has not been taken is lost."""
        self._is_closed = True
        self._room.release()
