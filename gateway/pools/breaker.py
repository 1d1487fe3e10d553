"""The circuit breaker of a target: after so many failures in a row nobody is sent there for a while, then one request
tries it.

Knows failures in a row in the words of a slot. What is a failure of the target, and not of a credential, is not its
business. Open: it rests. Half open: its rest is over, but nothing has succeeded; one process claims the try, and until
that one knows better it rests for everybody else. A try that tells nothing of the target is given back: the next
request makes it.
"""

from __future__ import annotations

from gateway.pools.cells import Cell, Cells
from gateway.pools.deadlines import HIGHEST_LEVEL, until, us
from gateway.pools.fields import FAILURES, LEVEL, PROBE_AT, SET_AT, TOUCHED, UNTIL
from gateway.routing.standing import AVAILABLE, Standing
from gateway.settings.model import RestSettings

REASON = "breaker"

TRIED_AT = PROBE_AT
"""In the slot of a target: when the try that is under way was claimed."""


class Breaker:
    """Breakers of all targets."""

    def __init__(self, cells: Cells, settings: RestSettings) -> None:
        self._cells, self._words = cells, cells.words
        self.follow(settings)

    def follow(self, settings: RestSettings) -> None:
        """Go by these settings from now on."""
        self._threshold = settings.breaker_failures
        self._first_us = us(settings.breaker_seconds)
        self._longest_us = us(settings.breaker_longest_seconds)

    def standing(self, cell: Cell, now_us: int) -> Standing:
        """Of a target that has failed."""
        until_us = self._until(cell, now_us)
        if not until_us or not self._threshold:
            return AVAILABLE
        if until_us > now_us:
            return Standing(until_us, hard=True, reason=REASON)
        return Standing(now_us + self._first_us, hard=True, reason=REASON, probe_due=True)

    def failed(self, cell: Cell, now_us: int) -> None:
        """One more failure. Those of requests that were under way when it opened make it no longer."""
        if not self._threshold or not self._cells.make(cell):
            return
        words, at = self._words, cell.at
        with self._cells.held(cell) as is_ours:
            if not is_ours:
                return
            words[at + TOUCHED] = now_us
            words[at + FAILURES] += 1
            is_open = self._until(cell, now_us) > now_us
            if words[at + FAILURES] < self._threshold or (is_open and not words[at + TRIED_AT]):
                return
            level = words[at + LEVEL]
            words[at + LEVEL] = min(level + 1, HIGHEST_LEVEL)
            words[at + SET_AT], words[at + TRIED_AT] = now_us, 0
            words[at + UNTIL] = now_us + min(self._first_us << level, self._longest_us)

    def claim(self, cell: Cell, now_us: int) -> bool:
        """Whether the caller may try a target that is half open: one may."""
        words, at = self._words, cell.at
        with self._cells.held(cell) as is_ours:
            until_us = self._until(cell, now_us)
            if not is_ours or not until_us or until_us > now_us:
                return False
            words[at + SET_AT] = words[at + TRIED_AT] = now_us
            words[at + UNTIL] = now_us + self._first_us
            return True

    def give_back(self, cell: Cell, claimed_at_us: int, now_us: int) -> None:
        """The try that was claimed then is over and nobody is the wiser: another one may be made at once."""
        words, at = self._words, cell.at
        with self._cells.held(cell) as is_ours:
            if is_ours and words[at + TRIED_AT] == claimed_at_us:
                words[at + TRIED_AT], words[at + UNTIL] = 0, now_us

    def succeeded(self, cell: Cell, sent_at_us: int) -> None:
        """A request got an answer: it is closed, unless the request was sent before it opened."""
        words, at = self._words, cell.at
        with self._cells.held(cell) as is_ours:
            if is_ours and (not words[at + UNTIL] or sent_at_us >= words[at + SET_AT]):
                self._close(cell)

    def clear(self, cell: Cell, now_us: int) -> bool:
        """Close it, whatever it was opened for; whether it was open."""
        with self._cells.held(cell) as is_ours:
            was_open = is_ours and self._words[cell.at + UNTIL] > now_us
            if is_ours:
                self._close(cell)
            return was_open

    def _close(self, cell: Cell) -> None:
        words, at = self._words, cell.at
        words[at + UNTIL] = words[at + FAILURES] = words[at + LEVEL] = words[at + TRIED_AT] = 0

    def _until(self, cell: Cell, now_us: int) -> int:
        return until(self._words, cell.at, now_us=now_us, longest_us=max(self._first_us, self._longest_us))
