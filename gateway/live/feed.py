"""Everything that happens, for everybody who watches: put together from what the workers tell, in one order.

Knows viewers and what each gets. Does not know who they are, nor how they are reached. The workers tell only while
somebody watches, and for a few seconds longer: whoever comes back by then has missed nothing.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from gateway import __version__, logs
from gateway.errors import ControlUnavailable
from gateway.records import UsageRecord

from .events import KINDS, Event, Finished, Gap, Greeting, ProcessFigures, Said, System, Why
from .listener import Listener
from .machine import Processes
from .picture import Picture
from .recent import Recent, last_for
from .ring import Ring
from .viewer import Viewer
from .wanted import Sight, Wanted
from .words import Frame, Hello

PUBLISH_SECONDS = 0.25
"""What runs is told so often at most."""

SYSTEM_SECONDS = 2.0
HEARTBEAT_SECONDS = 10.0
"""Viewers get a sign of life after so much silence; whoever reaches them sees to it."""

STALL_SECONDS = 60.0
"""A viewer who takes nothing of what waits for so long has left, as far as anybody can tell."""

LINGER_SECONDS = 5.0
"""The workers tell for so long after the last viewer has left."""

LOOK_SECONDS = 1.0

MOST_OF_ONE = 25
"""Viewers that are the same person: nobody takes all the seats. Those who hear how the gateway is doing are counted
apart, so that a person's keys do not keep them out."""

KEPT_SEATS = 5
"""For whoever may hear how the gateway is doing, however many others watch; of few seats a quarter."""

RETRY_SECONDS = 10.0

log = logs.get("gateway.live")


class Facts(Struct, frozen=True):
    """What the control process knows of itself and of the data directory."""

    ingest: Mapping[str, Any]
    lag_seconds: float
    sizes: Mapping[str, int]


class Feed:
    """Of one control process, in one event loop, from `start` to `close`."""

    def __init__(self, look: Callable[[], Facts], *, most: int) -> None:
        """`look` is called in a thread of its own, `most` is how many may watch."""
        self.most = most
        self._look = look
        self._boot = f"{time.time_ns() // 1000:x}"
        self._number = 0
        self._picture, self._ring, self._recent, self._processes = Picture(), Ring(), Recent(), Processes()
        self._recalled = 0
        """Number of the last event at which a worker told what had ended before."""
        self._listener = Listener(self)
        self._viewers: dict[Viewer, str] = {}
        """Who each of them is."""
        self._shown: dict[tuple[Sight, Wanted], Event] = {}
        """What runs, as it was last published."""
        self._running_number = 0
        """Of that."""
        self._published = -1.0
        self._publishing: asyncio.TimerHandle | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._beating: asyncio.TimerHandle | None = None
        self._system_due = 0.0
        self._looking: asyncio.Task[None] | None = None
        self._is_closed = False

    async def start(self, path: Path) -> None:
        """Hear the workers at this socket. Raises OSError."""
        self._loop = asyncio.get_running_loop()
        await self._listener.start(path)

    def close(self) -> None:
        """Everybody hears that this is the end, and nobody comes any more."""
        self._is_closed = True
        for viewer in list(self._viewers):
            self.dismiss(viewer, "closing")
        for timer in (self._publishing, self._resting, self._beating):
            if timer is not None:
                timer.cancel()
        self._listener.close()

    def subscribe(self, sight: Sight, wanted: Wanted, *, who: str, last_id: str = "") -> Viewer:
        """Somebody watches from now on, until they leave; `who` is the person, `last_id` the last event that they know.
        Raises ControlUnavailable where too many do."""
        if self._is_closed:
            raise ControlUnavailable("The gateway is restarting; try again.", retry_after=1)
        if not self._has_seat(who, sight):
            raise ControlUnavailable("As many watch already as may.", retry_after=RETRY_SECONDS)
        viewer = Viewer(self, self._boot, sight, wanted)
        self._viewers[viewer] = who
        self._welcome(viewer, last_id if "finished" in wanted.kinds else "")
        self._begin()
        return viewer

    def _has_seat(self, who: str, sight: Sight) -> bool:
        """Whether one more of them may watch."""
        alike = [name for viewer, name in self._viewers.items() if viewer.sight.system == sight.system]
        room = self.most if sight.system else self.most - min(KEPT_SEATS, self.most // 4)
        return len(self._viewers) < self.most and len(alike) < room and alike.count(who) < MOST_OF_ONE

    # What workers tell

    def told(self, worker: Hello, frame: Frame) -> None:
        """A worker says what runs and what has ended."""
        if not self._listener.watching:
            return  # it was on its way when we asked for no more
        self._picture.put(worker, frame.now)
        if frame.before:
            self._recall(frame.before)
        if frame.ended:
            self._recent.add(frame.ended)
            self._publish(Finished(frame.ended))
        if frame.missed:
            self._publish(Gap(frame.missed))
        self._publish_soon()

    def left(self, worker: Hello, *, told_all: bool) -> None:
        """A worker is gone: whatever ran there does not any more."""
        self._picture.drop(worker)
        if self._listener.watching:
            if not told_all:
                self._publish(Gap(None))
            self._publish_soon()

    def knows(self, last_id: str) -> bool:
        """Whether whoever comes back with this id is told all that they have missed."""
        return self._since(last_id) is not None

    # What viewers get

    def _recall(self, records: tuple[UsageRecord, ...]) -> None:
        """A worker remembers what ended before anybody watched."""
        self._recent.add_before(records)
        self._recalled, now = self._next(), self._loop.time()
        event = Event(self._boot, self._recalled, Finished(records, is_news=False))
        for viewer in self._viewers:
            if viewer.wanted.recent:
                viewer.offer(event.share(*_last_of(viewer, records)), now)

    def _publish(self, said: Finished | Gap) -> None:
        event = self._made(said)
        self._ring.add(event)
        now = self._loop.time()
        for viewer in self._viewers:
            if "finished" in viewer.wanted.kinds:
                viewer.offer(event, now)

    def _publish_soon(self) -> None:
        if self._publishing is None:
            at = max(self._loop.time(), self._published + PUBLISH_SECONDS)
            self._publishing = self._loop.call_at(at, self._publish_running)

    def _publish_running(self) -> None:
        self._publishing = None
        self._published = now = self._loop.time()
        self._renew_running()
        for viewer in self._viewers:
            if "running" in viewer.wanted.kinds:
                viewer.offer_running(now)

    def _renew_running(self) -> None:
        self._running_number = self._next()
        self._shown.clear()

    def running_for(self, viewer: Viewer) -> Event:
        """What runs, as somebody sees it: one event for all who see the same."""
        seen = viewer.sight, viewer.wanted
        known = self._shown.get(seen)
        if known is None:
            known = self._shown[seen] = Event(self._boot, self._running_number, self._picture.running(*seen))
        return known

    def _welcome(self, viewer: Viewer, last_id: str) -> None:
        """What somebody hears first: a greeting, what they have missed, what runs."""
        missed = self._since(last_id) if last_id else ()
        known = 0 if missed is None else _number_of(last_id)
        # Whoever hears the greeting and no more has still to hear what they missed, or that nobody knows what that is.
        number = self._next() if missed == () else known
        now, kinds = self._loop.time(), tuple(kind for kind in KINDS if kind in viewer.wanted.kinds)
        viewer.greet(Event(self._boot, number, Greeting(__version__, kinds, HEARTBEAT_SECONDS)), now)
        if viewer.wanted.recent and known < max(self._recalled, 1):
            share = self._recent.for_viewer(viewer.sight, viewer.wanted)
            viewer.offer(Event(self._boot, number, Finished(share, is_news=False)), now)
        for event in (self._made(Gap(None)),) if missed is None else missed:
            viewer.offer(event, now)
        if "running" in viewer.wanted.kinds:
            self._renew_running()
            viewer.offer_running(now)

    def dismiss(self, viewer: Viewer, why: Why) -> None:
        """Somebody may not go on."""
        viewer.end(self._next(), why, self._loop.time())

    def _since(self, last_id: str) -> tuple[Event, ...] | None:
        """What has happened after an event; None where that is not known."""
        boot, number = last_id.partition("-")[0], _number_of(last_id)
        if boot != self._boot or not number or not self._listener.watching:
            return None
        return self._ring.since(number)

    def _made(self, said: Said) -> Event:
        return Event(self._boot, self._next(), said)

    def _next(self) -> int:
        self._number += 1
        return self._number

    # Beginning and end

    def _begin(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        if not self._listener.watching:
            self._listener.watch()
        if self._beating is None:
            self._beating = self._loop.call_later(0, self._beat)

    def gone(self, viewer: Viewer) -> None:
        """Somebody has left."""
        self._viewers.pop(viewer, None)
        if not self._viewers and self._resting is None and self._listener.watching:
            self._resting = self._loop.call_later(LINGER_SECONDS, self._rest)
            if self._beating is not None:
                self._beating.cancel()
                self._beating = None

    def _rest(self) -> None:
        self._resting = None
        self._listener.rest()
        self._picture.clear()
        self._recent.clear()
        self._ring.forget(self._next())

    def _beat(self) -> None:
        """As long as anybody watches: how the gateway is doing, and who has gone without a word."""
        now = self._loop.time()
        self._beating = self._loop.call_later(LOOK_SECONDS, self._beat)
        for viewer in list(self._viewers):
            if viewer.waiting_since is not None and now - viewer.waiting_since > STALL_SECONDS:
                self.dismiss(viewer, "slow")
                viewer.leave()
                viewer.give_up()
        is_free = self._looking is None or self._looking.done()
        if is_free and now >= self._system_due and any(map(_hears_system, self._viewers)):
            self._system_due = now + SYSTEM_SECONDS
            self._looking = asyncio.ensure_future(self._tell_system())

    async def _tell_system(self) -> None:
        workers = {worker.worker: worker.pid for worker in self._listener.workers}
        try:
            facts, processes = await asyncio.to_thread(self._looked, workers)
        except Exception:  # a disk that is away, or whatever it was: the next look is another chance
            log.exception("how the gateway is doing cannot be told")
            return
        event, now = self._made(self._system(facts, processes, workers)), self._loop.time()
        for viewer in self._viewers:
            if _hears_system(viewer):
                viewer.offer_system(event, now)

    def _looked(self, workers: Mapping[int, int]) -> tuple[Facts, tuple[ProcessFigures, ...]]:
        """In a thread of its own: files are looked at."""
        named = {f"worker {worker}": pid for worker, pid in sorted(workers.items())}
        pids = {"supervisor": os.getppid(), "control": os.getpid(), **named}
        return self._look(), self._processes.look(pids)

    def _system(self, facts: Facts, processes: tuple[ProcessFigures, ...], workers: Mapping[int, int]) -> System:
        figures = self._picture.workers(workers)
        return System(
            at_us=time.time_ns() // 1000,
            in_flight=sum(each.in_flight for each in figures),
            streams_open=sum(each.streams_open for each in figures),
            processes=processes,
            workers=figures,
            viewers=len(self._viewers),
            ingest=facts.ingest,
            ingest_lag_seconds=facts.lag_seconds,
            sizes=facts.sizes,
        )


def _number_of(last_id: str) -> int:
    """Of the event with this id; 0 where it has none."""
    number = last_id.partition("-")[2]
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else 0


def _last_of(viewer: Viewer, records: tuple[UsageRecord, ...]) -> tuple[Hashable, Callable[[], Said]]:
    """Who sees it, and what they see of what had ended before they came."""
    seen = sight, wanted = viewer.sight, viewer.wanted
    return seen, lambda: Finished(last_for(sight, wanted, records), is_news=False)


def _hears_system(viewer: Viewer) -> bool:
    return viewer.sight.system and "system" in viewer.wanted.kinds
