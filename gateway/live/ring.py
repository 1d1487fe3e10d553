"""The last that has ended, for viewers who come back: they say which event was their last. Pure."""

from __future__ import annotations

from collections import deque

from .events import Event, Finished

MOST_RECORDS = 500
"""Requests that are remembered, about: an event is remembered whole."""


class Ring:
    """The last events that nobody should miss."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._records = 0
        self._floor = 0
        """Number of the last event that is not remembered any more."""

    def add(self, event: Event) -> None:
        """Remember an event, and forget what is too old for it."""
        self._events.append(event)
        self._records += _weight(event)
        while self._records > MOST_RECORDS and len(self._events) > 1:
            oldest = self._events.popleft()
            self._records -= _weight(oldest)
            self._floor = oldest.number

    def forget(self, number: int) -> None:
        """Nothing is known of what happened up to this number."""
        self._events.clear()
        self._records, self._floor = 0, number

    def since(self, number: int) -> tuple[Event, ...] | None:
        """What happened after an event; None where that is not known any more."""
        if number < self._floor:
            return None
        return tuple(event for event in self._events if event.number > number)


def _weight(event: Event) -> int:
    return len(event.of.requests) if isinstance(event.of, Finished) else 1
