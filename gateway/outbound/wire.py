"""The HTTP/1.1 client towards providers: `Pool.send` puts a request on a kept-alive connection and returns at once.

This module is the door: the pool of every origin, and the names its users need. It keeps the time for all of them with
one coarse timer, so that a request on a warm connection costs no timer, no task and no future.
"""

from __future__ import annotations

import asyncio
import ssl

from gateway.errors import UpstreamUnreachable
from gateway.settings.model import UpstreamSettings

from .addresses import Permit
from .call import Call, Receiver, Request
from .dial import Dialler
from .guard import may_reach
from .origin import Origin
from .pool import Lane

__all__ = ["Call", "Origin", "Pool", "Receiver", "Request"]

SWEEP_SECONDS = 0.1
"""How often deadlines are looked at: a timeout may fire so much late."""


class Pool:
    """Connections to every origin, for one event loop.

    `ssl_context` replaces the one made from the settings: its authorities, and no ALPN unless it offers `http/1.1`.
    `permit` is asked of every address of a guarded origin before it is connected to; of the others it is not asked.
    Guarded and unguarded calls to one place never share a connection.
    """

    def __init__(
        self,
        settings: UpstreamSettings,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        ssl_context: ssl.SSLContext | None = None,
        permit: Permit = may_reach,
    ) -> None:
        self._settings = settings
        self._loop = loop or asyncio.get_running_loop()
        self._dialler = Dialler(settings, self._loop, ssl_context, permit=permit)
        self._lanes: dict[Origin, Lane] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    def send(self, origin: Origin, request: Request, receiver: Receiver) -> Call:
        """Put a request on its way; the receiver's hooks are called later, never from within."""
        call = Call(request, receiver, request.idle_timeout)
        lane = self._lanes.get(origin) or self._add(origin)
        idle = lane.idle
        while idle:
            if idle.pop().carry(call):
                return call
        if self._closed:
            error = UpstreamUnreachable("the gateway is closing its connections", nothing_sent=True)
            self._loop.call_soon(call.fail, error)
        else:
            lane.admit(call)
        return call

    async def close(self) -> None:
        """Close every connection; calls in flight fail. Calls sent afterwards fail too."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        tasks = [task for lane in self._lanes.values() for task in lane.close()]
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def connections_open(self) -> int:
        """Connections now open, busy and idle."""
        return sum(len(lane.open) for lane in self._lanes.values())

    @property
    def connections_idle(self) -> int:
        """Connections now idle."""
        return sum(len(lane.idle) for lane in self._lanes.values())

    @property
    def connections_opened(self) -> int:
        """Connections made since the start."""
        return sum(lane.opened for lane in self._lanes.values())

    @property
    def calls_waiting(self) -> int:
        """Calls that have no connection yet."""
        return sum(len(lane.waiting) for lane in self._lanes.values())

    @property
    def calls_in_flight(self) -> int:
        """Calls on a connection or waiting for one; a pool without any can be closed and nobody notices."""
        return self.connections_open - self.connections_idle + self.calls_waiting

    def _add(self, origin: Origin) -> Lane:
        lane = self._lanes[origin] = Lane(origin, self._settings, self._dialler, self._watch)
        return lane

    def _watch(self) -> None:
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        if any(lane.open or lane.dials for lane in self._lanes.values()):
            self._watch()  # First of all: a receiver that raises must not stop the clock of the others.
        now = self._loop.time()
        for lane in list(self._lanes.values()):
            lane.expire(now)
