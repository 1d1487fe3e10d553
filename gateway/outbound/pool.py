"""The connections to one origin: which is free, who waits, when to dial another.

Knows the limits of `UpstreamSettings`; knows nothing of bytes (`connection`) and of how a connection is made (`dial`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.errors import UpstreamClosed, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from gateway.settings.model import UpstreamSettings

from .dial import Dial
from .origin import Origin
from .proxy import rewriter

if TYPE_CHECKING:
    from .call import Call
    from .connection import Connection
    from .dial import Dialler


class Lane:
    """The connections to one origin, and the calls that wait for one, oldest first.

    Any connection that becomes free serves the call that has waited longest, whether it was dialled for it or not.
    """

    __slots__ = (
        "_dialler",
        "_open",
        "dials",
        "idle",
        "loop",
        "opened",
        "origin",
        "rewrite",
        "settings",
        "waiting",
        "watch",
    )

    def __init__(self, origin: Origin, settings: UpstreamSettings, dialler: Dialler, watch: Callable[[], None]) -> None:
        self.origin = origin
        self.settings = settings
        self.loop = dialler.loop
        self.rewrite = rewriter(origin)
        """Makes the head that goes to an HTTP proxy; None where the head goes as it is."""
        self.idle: list[Connection] = []
        """Free connections; the one used last is at the end and taken first."""
        self.waiting: deque[Call] = deque()
        self.dials: dict[Dial, None] = {}
        self.opened = 0
        self.watch = watch
        """Called when there is something to watch the time of."""
        self._dialler = dialler
        self._open: set[Connection] = set()

    @property
    def open(self) -> set[Connection]:
        """Every connection that is not closed, busy or idle."""
        return self._open

    def admit(self, call: Call) -> None:
        """Let a call wait for a connection, and see that one is coming."""
        call.lane = self
        call.deadline = self.loop.time() + self.settings.connect_timeout_seconds
        self.waiting.append(call)
        self._balance()

    def leave(self, call: Call) -> None:
        """A waiting call was cancelled; a dial that nobody needs any more is given up."""
        call.lane = None
        self.waiting.remove(call)
        if len(self.dials) > len(self.waiting):
            self.dials.popitem()[0].cancel()

    def release(self, connection: Connection) -> None:
        """A connection is free: it goes to the oldest waiting call, or lies idle, or is closed."""
        while self.waiting:
            if self._hand_over(connection):
                return
            if connection not in self._open:
                return
        if len(self.idle) < self.settings.max_idle_connections and connection.keep_seconds > 0:
            connection.rest(self.loop.time())
            self.idle.append(connection)
        else:
            connection.abort()

    def forget(self, connection: Connection) -> None:
        """A connection was closed."""
        self._open.discard(connection)
        if connection in self.idle:
            self.idle.remove(connection)
        if self.waiting:
            self._balance()

    def dialled(self, dial: Dial, connection: Connection) -> None:
        """A dial has succeeded."""
        self.dials.pop(dial, None)
        self._open.add(connection)
        self.opened += 1
        self.release(connection)

    def dial_failed(self, dial: Dial, error: UpstreamError) -> None:
        """A dial has failed, and with it the call that has waited longest."""
        if dial in self.dials:
            del self.dials[dial]
            if self.waiting:
                self._fail_waiting(0, error)
            self._balance()

    def expire(self, now: float) -> None:
        """Give up what has taken too long."""
        for connection in [connection for connection in self._open if connection.deadline < now]:
            connection.expire(now)
        for dial in [dial for dial in self.dials if dial.deadline < now]:
            dial.cancel()
            self.dial_failed(dial, dial.overdue())
        covered = len(self.dials)
        while len(self.waiting) > covered and self.waiting[covered].deadline < now:
            self._fail_waiting(covered, UpstreamTimeout(self._crowded(), nothing_sent=True))

    def close(self) -> list[asyncio.Task[None]]:
        """Close every connection and fail every call; the tasks that still have to end."""
        tasks = [dial.task for dial in self.dials]
        for dial in list(self.dials):
            dial.cancel()
        self.dials.clear()
        while self.waiting:
            self._fail_waiting(0, UpstreamUnreachable("the gateway is closing its connections", nothing_sent=True))
        for connection in list(self._open):
            connection.shut(UpstreamClosed("the gateway is closing its connections"))
        return tasks

    def _balance(self) -> None:
        """Dial for every waiting call that no dial is under way for, as far as the limit goes."""
        while len(self.dials) < len(self.waiting) and len(self._open) + len(self.dials) < self.settings.max_connections:
            deadline = self.waiting[len(self.dials)].deadline
            self.dials[Dial(self, self._dialler, deadline)] = None
            self.watch()

    def _hand_over(self, connection: Connection) -> bool:
        call = self.waiting.popleft()
        call.lane = None
        if connection.carry(call):
            return True
        if connection.used:  # It died while it lay idle, and nothing was sent: the call waits on, first in line.
            call.lane = self
            self.waiting.appendleft(call)
            self._balance()
        else:
            error = UpstreamClosed(f"{self.origin.label} closed a new connection at once", nothing_sent=True)
            call.fail(error)
        return False

    def _fail_waiting(self, index: int, error: UpstreamError) -> None:
        call = self.waiting[index]
        del self.waiting[index]
        call.lane = None
        call.fail(error)

    def _crowded(self) -> str:
        return (
            f"no connection to {self.origin.label} became free within {self.settings.connect_timeout_seconds:g} s "
            f"(max_connections {self.settings.max_connections}, connect timeout)"
        )
