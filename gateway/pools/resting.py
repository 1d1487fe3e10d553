"""How long a credential rests, whether as a whole or for a model, and what ends it.

Knows rests in the words of a slot. Times are Unix microseconds, so that a rest outlives a restart; a clock that was set
back does not make it longer. Whoever changes a slot holds its lock; readers do not, and see the deadline change last.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from gateway.pools.cells import Cell, Cells
from gateway.pools.deadlines import HIGHEST_LEVEL, until, us
from gateway.pools.fields import (
    HARD,
    LEVEL,
    PROBE_AT,
    REASON_AT,
    REASON_BYTES,
    SET_AT,
    SINCE,
    TOUCHED,
    UNTIL,
    read_text,
    write_text,
)
from gateway.routing.standing import AVAILABLE, Standing
from gateway.routing.verdicts import Verdict, backoff
from gateway.settings.model import RestSettings

BREAK_US = 300_000_000
"""After a hard rest that nobody has proven to be over: who fails within so long is taken to have rested all the time.
Rests may be short, and somebody must come for the next to begin."""


class Resting:
    """Rests of credentials."""

    def __init__(self, cells: Cells, settings: RestSettings, chance: Callable[[], float] = random.random) -> None:
        self._cells, self._chance = cells, chance
        self._words, self._bytes = cells.words, cells.bytes
        self.follow(settings)

    def follow(self, settings: RestSettings) -> None:
        """Go by these settings for rests that begin from now on."""
        self._first_seconds = settings.first_seconds
        self._longest_backoff_seconds = settings.longest_backoff_seconds
        self._longest_us = us(settings.longest_seconds)
        self._probe_us = us(settings.probe_seconds)

    def standing(self, cells: tuple[Cell, ...], now_us: int) -> Standing:
        """How these stand together: a hard rest before a soft one, then the later one. A probe is due when none of
        them forbids it."""
        resting = [cell for cell in cells if self._until(cell, now_us) > now_us]
        if not resting:
            return AVAILABLE
        words = self._words
        hard = [cell for cell in resting if words[cell.at + HARD] > now_us]
        end = HARD if hard else UNTIL
        worst = max(hard or resting, key=lambda cell: words[cell.at + end])
        return Standing(
            until_us=words[worst.at + end],
            hard=bool(hard),
            reason=self.reason(worst),
            probe_due=all(self._is_due(cell, now_us) for cell in resting),
        )

    def reason(self, cell: Cell) -> str:
        """What a slot rests for."""
        at = cell.at * 8 + REASON_AT
        return read_text(self._bytes[at : at + REASON_BYTES].tobytes())

    def since_us(self, cell: Cell, now_us: int) -> int:
        """Since when a slot rests hard without a break, or did when it last rested."""
        at = cell.at
        # A slot may be older than this word of it.
        return min(self._words[at + SINCE] or self._words[at + SET_AT], now_us)

    def begin(self, cell: Cell, verdict: Verdict, now_us: int) -> int:
        """Let it rest; when that ends, or 0. The later deadline wins among those that are as hard: a short hard rest
        makes no long soft one hard. Where the verdict names no time it is longer each time, as long as nothing
        succeeds; failures of requests that were under way when the rest began count once."""
        if not self._cells.make(cell):
            return 0
        words = self._words
        with self._cells.held(cell) as is_ours:
            if not is_ours:
                return 0
            at = cell.at
            whole_us = self._until(cell, now_us)
            is_hard_now = words[at + HARD] > now_us
            former_us = words[at + HARD] if verdict.hard else whole_us
            left_us = former_us - now_us if former_us > now_us else None
            until_us = max(now_us + self._length(cell, verdict, left_us), former_us)
            if until_us > former_us and (verdict.hard or not is_hard_now):
                where = at * 8 + REASON_AT
                self._bytes[where : where + REASON_BYTES] = write_text(verdict.reason, REASON_BYTES)
            if verdict.hard:
                if not words[at + HARD] or now_us - words[at + HARD] > BREAK_US:
                    words[at + SINCE] = now_us
                words[at + HARD] = until_us
            words[at + SET_AT] = words[at + TOUCHED] = now_us
            words[at + PROBE_AT] = now_us + self._probe_us if self._probe_us else 0
            words[at + UNTIL] = max(until_us, whole_us)
            return until_us

    def succeeded(self, cell: Cell, sent_at_us: int) -> None:
        """A request got an answer with it: it rests no more. One that was sent before the failure proves nothing."""
        words = self._words
        with self._cells.held(cell) as is_ours:
            if is_ours and sent_at_us >= words[cell.at + SET_AT]:
                self._end(cell)

    def clear(self, cell: Cell, now_us: int) -> bool:
        """End its rest, whatever it was for; whether there was one."""
        with self._cells.held(cell) as is_ours:
            was_resting = is_ours and self._words[cell.at + UNTIL] > now_us
            if is_ours:
                self._end(cell)
            return was_resting

    def let_probe(self, cell: Cell, now_us: int) -> bool:
        """Let the next request try it; whether it rests at all."""
        with self._cells.held(cell) as is_ours:
            if not is_ours or self._until(cell, now_us) <= now_us:
                return False
            self._words[cell.at + PROBE_AT] = now_us
            return True

    def claim_probe(self, cells: tuple[Cell, ...], now_us: int) -> bool:
        """Whether the caller may try it: one may, each time a probe is due."""
        with self._cells.held(*cells) as is_ours:
            resting = [cell for cell in cells if self._until(cell, now_us) > now_us]
            if not is_ours or not resting or not all(self._is_due(cell, now_us) for cell in resting):
                return False
            for cell in resting:
                self._words[cell.at + PROBE_AT] = now_us + self._probe_us if self._probe_us else 0
            return True

    def _end(self, cell: Cell) -> None:
        words, at = self._words, cell.at
        words[at + UNTIL] = words[at + LEVEL] = words[at + HARD] = words[at + PROBE_AT] = 0

    def _is_due(self, cell: Cell, now_us: int) -> bool:
        return 0 < self._words[cell.at + PROBE_AT] <= now_us

    def _length(self, cell: Cell, verdict: Verdict, left_us: int | None) -> int:
        """How long a rest is that begins now; `left_us` of the one that is there, if there is one."""
        if verdict.seconds is not None:
            return min(us(verdict.seconds), self._longest_us)
        if left_us is not None:
            return left_us
        level = self._words[cell.at + LEVEL]
        self._words[cell.at + LEVEL] = min(level + 1, HIGHEST_LEVEL)
        seconds = backoff(level, self._first_seconds, self._longest_backoff_seconds, self._chance())
        return min(us(seconds), self._longest_us)

    def _until(self, cell: Cell, now_us: int) -> int:
        return until(self._words, cell.at, now_us=now_us, longest_us=self._longest_us)
