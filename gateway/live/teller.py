"""A worker's end of the line to the control process: tells what runs and what has ended, as long as somebody watches.

Knows when to tell. What there is to tell is handed in. While nobody watches it does nothing but keep its connection,
look for one once a second where there is none, and remember the last that have ended: the records of these may not be
in the analytics store yet when somebody begins to watch. Nothing is ever queued: a control process that does not read
misses what runs at that moment, and hears how many have ended of which it was not told.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import msgspec

from gateway import logs
from gateway.records import UsageRecord

from .words import MOST_ENDED, Frame, Glimpse, Hello, Order, Told, Watch

FRAME_SECONDS = 0.25
"""Frames are at least so far apart."""

SHARE = 50
"""And so many times as far as it took to make the last one: telling takes a small part of a worker's time, however
much it carries."""

LONGEST_PAUSE = 1
"""Ticks that are left out between two looks for a control process that is away."""

LAST_WORDS_SECONDS = 0.5
"""How long the control process may take to hear the last frame."""

log = logs.get("gateway.live")


class Teller(asyncio.Protocol):
    """Of one worker. Not for several threads."""

    watched = False
    """Somebody wants to know."""

    def __init__(self, path: Path, worker: int, take: Callable[[], Glimpse]) -> None:
        """`path` is the control process's socket, `take` tells what runs."""
        self._path, self._worker, self._take = path, worker, take
        self._transport: asyncio.WriteTransport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._pause = self._ticks = 0
        self._timer: asyncio.TimerHandle | None = None
        self._heard = b""
        self._orders = msgspec.json.Decoder(Order)
        self._closed: asyncio.Future[None] | None = None
        self._shown = Glimpse()
        """What the control process was last told of."""
        self._ended: deque[UsageRecord] = deque(maxlen=MOST_ENDED)
        self._missed = 0
        self._recent: deque[UsageRecord] = deque(maxlen=MOST_ENDED)
        """The last that have ended, told or not."""
        self._before: tuple[UsageRecord, ...] = ()
        """What is to be told of these."""

    def tick(self) -> None:
        """Once a second: look for the control process, where there is no connection to it."""
        if self._transport is not None or self._connecting is not None:
            return
        self._ticks += 1
        if self._ticks > self._pause:
            self._ticks, self._pause = 0, min(self._pause + 1, LONGEST_PAUSE)
            self._connecting = asyncio.ensure_future(self._connect())

    def note(self, records: Sequence[UsageRecord]) -> None:
        """These have ended."""
        self._recent.extend(records)
        if self.watched:
            self._missed += max(0, len(self._ended) + len(records) - MOST_ENDED)
            self._ended.extend(records)

    async def close(self) -> None:
        """Tell what has not been told, and hang up."""
        if self._connecting is not None:
            self._connecting.cancel()
        transport = self._transport
        if transport is None:
            return
        self._closed = asyncio.get_running_loop().create_future()
        if self.watched:
            self._tell(Frame(ended=tuple(self._ended), missed=self._missed, last=True, before=self._before))
        transport.close()
        await asyncio.wait((self._closed,), timeout=LAST_WORDS_SECONDS)
        transport.abort()

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: self, str(self._path))
        except OSError:
            return  # it is away; the next look is another chance
        finally:
            self._connecting = None

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The control process is there."""
        self._transport = cast(asyncio.WriteTransport, transport)
        self._pause, self._heard = 0, b""
        self._tell(Hello(self._worker, os.getpid()))

    def data_received(self, data: bytes) -> None:
        """Orders."""
        *lines, self._heard = (self._heard + data).split(b"\n")
        try:
            for line in lines:
                self._obey(self._orders.decode(line))
        except msgspec.DecodeError as error:
            log.error("the control process says what no worker understands", reason=str(error))
            self._hang_up()

    def connection_lost(self, error: Exception | None) -> None:
        """The control process is gone."""
        self._transport = None
        self._rest()
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    # What it does

    def _obey(self, order: Order) -> None:
        if not isinstance(order, Watch):
            self._rest()
        elif not self.watched:
            self.watched, self._before = True, tuple(self._recent)
            self._beat()

    def _rest(self) -> None:
        self.watched = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._ended.clear()
        self._missed, self._shown, self._before = 0, Glimpse(), ()

    def _beat(self) -> None:
        """Tell, unless the control process has still to read what it was told before."""
        began = time.perf_counter()
        try:
            if self._transport is not None and not self._transport.get_write_buffer_size():
                self._tell_news()
        except Exception:  # whatever it was, the worker has better things to do
            log.exception("what runs cannot be told")
            self._hang_up()
            return
        pause = max(FRAME_SECONDS, SHARE * (time.perf_counter() - began))
        self._timer = asyncio.get_running_loop().call_later(pause, self._beat)

    def _tell_news(self) -> None:
        now = self._take()
        if now == self._shown and not (self._ended or self._missed or self._before):
            return
        self._tell(Frame(now, tuple(self._ended), self._missed, before=self._before))
        self._shown, self._missed, self._before = now, 0, ()
        self._ended.clear()

    def _tell(self, word: Told) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(msgspec.json.encode(word) + b"\n")

    def _hang_up(self) -> None:
        if self._transport is not None:
            self._transport.abort()
