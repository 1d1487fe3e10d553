"""Somebody who watches, and what waits for them: bounded, however slowly they take it.

What runs is told as it is when they come for it, never twice in a row the same. What has ended waits in line; when
there is too much of it the oldest is given up, and told as a gap.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from msgspec.structs import replace

from .events import End, Event, Finished, Gap, Said, Why
from .ring import MOST_RECORDS
from .wanted import Sight, Wanted, finished_for, hears_all

MOST_WAITING = MOST_RECORDS
"""Requests that have ended and wait for one viewer: all that somebody who comes back may have missed. An event that has
more waits alone."""


class Host(Protocol):
    """Whoever has viewers."""

    def running_for(self, viewer: Viewer) -> Event:
        """What runs, as they see it."""

    def gone(self, viewer: Viewer) -> None:
        """They have left."""

    def dismiss(self, viewer: Viewer, why: Why) -> None:
        """They may not go on."""


class Viewer:
    """One of them. What is offered, and when, is the feed's business."""

    def __init__(self, host: Host, boot: str, sight: Sight, wanted: Wanted) -> None:
        self.sight = sight
        """What they may see by now."""
        self.wanted = wanted
        self.over: Why | None = None
        """Why they are told nothing more."""
        self.is_gone = False
        self.waiting_since: float | None = None
        """Loop time since which something waits for them."""
        self.give_up: Callable[[], object] = _nothing
        """Set by whoever reaches them: ends it where they take nothing, not even that it is over."""
        self._host, self._boot = host, boot
        self._news = asyncio.Event()
        self._greeting: Event | None = None
        self._known = 0
        """Number of the last event that they have taken: whoever comes back with it hears what came behind."""
        self._line: deque[Event] = deque()
        self._weight = 0
        """Of all that stands in line: requests, and one for whatever else."""
        self._lost: tuple[int, int | None] | None = None
        """Number of the last event that was given up, and how many requests there were in all of them."""
        self._has_running = False
        """What runs is not what they know, as far as anybody can tell."""
        self._last_running: Said | None = None
        self._system: Event | None = None
        self._end: Event | None = None

    async def wait(self, seconds: float) -> None:
        """Until something waits for them, or so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    def take(self) -> list[Event]:
        """Everything that waits, in order."""
        lost = None if self._lost is None else Event(self._boot, self._lost[0], Gap(self._lost[1]))
        alone = (lost, self._take_running(), self._system, self._end)
        events = sorted((*self._line, *filter(None, alone)), key=lambda event: event.number)
        events[:0] = filter(None, (self._greeting,))
        if events:
            self._known = events[-1].number
        self._clear()
        self._end = self.waiting_since = None
        self._news.clear()
        return events

    def leave(self) -> None:
        """They have gone."""
        self.is_gone = True
        self._news.set()
        self._host.gone(self)

    def dismiss(self, why: Why) -> None:
        """They may not go on: this is the last they hear."""
        self._host.dismiss(self, why)

    # What the feed offers; once it is over, they take nothing more

    def greet(self, event: Event, now: float) -> None:
        """This is the first that they hear."""
        self._greeting, self._known = event, event.number
        self._tell(now)

    def offer(self, event: Event, now: float) -> None:
        """Something that stands in line: requests that have ended, or a gap."""
        if self.over is not None:
            return
        event = self._share_of(event)
        if not _weight(event):
            return
        self._weight += _weight(event)
        self._line.append(event)
        while self._weight > MOST_WAITING and len(self._line) > 1:
            self._drop(self._line.popleft())
        self._tell(now)

    def offer_running(self, now: float) -> None:
        """Something else runs now."""
        if self.over is None:
            self._has_running = True
            self._tell(now)

    def offer_system(self, event: Event, now: float) -> None:
        """In the place of what was said before."""
        if self.over is None:
            self._system = event
            self._tell(now)

    def end(self, number: int, why: Why, now: float) -> None:
        """This is the last they hear. What waits for them is told before only where nothing but our end is the reason.
        Else it is for those who may go on, and the last event has the number of what they know: whoever may, and comes
        back with it, has missed nothing."""
        if self.over is not None:
            return
        if why != "closing":
            self._clear()
            number = self._known
        self.over, self._end = why, Event(self._boot, number, End(why))
        self._tell(now)

    def _clear(self) -> None:
        self._line.clear()
        self._greeting = self._lost = self._system = None
        self._has_running, self._weight = False, 0

    def _tell(self, now: float) -> None:
        self._news.set()
        if self.waiting_since is None:
            self.waiting_since = now

    def _share_of(self, event: Event) -> Event:
        """What they want of it and may see, made once for all who see the same; the event itself where that is
        everything. How many of those that are missing would have been theirs nobody knows, unless they are told of
        all."""
        sight, wanted, said = self.sight, self.wanted, event.of
        if hears_all(sight, wanted):
            return event
        if not isinstance(said, Finished):
            return event.share(None, lambda: Gap(None))
        return event.share((sight, wanted), lambda: replace(said, requests=finished_for(sight, wanted, said.requests)))

    def _drop(self, event: Event) -> None:
        self._weight -= _weight(event)
        if isinstance(event.of, Finished) and not event.of.is_news:
            return  # nobody misses what was before they came
        before = 0 if self._lost is None else self._lost[1]
        more = event.of.missed if isinstance(event.of, Gap) else _weight(event)
        self._lost = event.number, None if before is None or more is None else before + more

    def _take_running(self) -> Event | None:
        """What runs, unless they know."""
        event = self._host.running_for(self) if self._has_running else None
        if event is None or event.of == self._last_running:
            return None
        self._last_running = event.of
        return event


def _nothing() -> None:
    """Nobody is reached."""


def _weight(event: Event) -> int:
    return len(event.of.requests) if isinstance(event.of, Finished) else 1
