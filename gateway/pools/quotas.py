"""What providers have told of each rate limit of each credential: kept in shared memory, for people.

Knows credentials by the names of their slots, and a limit by what it is called. What is said of one stands until the
provider says it anew: an answer about one model tells nothing of another's limits. Where a slot is full, the limit that
nobody spoke of for longest goes. What is long over is told all the same, with when it was: to judge that is for others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

from gateway.pools.fields import read_text, write_text
from gateway.routing.rate_headers import LONGEST_WINDOW_NAME, Window
from gateway.shared.layout import QUOTA_FIXED_BYTES, WINDOW_BYTES
from gateway.shared.memory import SharedMemory
from gateway.shared.slots import SharedFull, Slots

MOST = QUOTA_FIXED_BYTES // WINDOW_BYTES

IDLE_US = 3_600_000_000
"""A slot may go, once all are given out, when nothing was told for so long."""

_ENTRY = Struct(f"<{LONGEST_WINDOW_NAME}s4d2q")
"""The name; share, remaining, limit and length, NaN for what nobody told; when it resets, when that was told."""


class Quota(NamedTuple):
    """One rate limit of a credential, as it was told. Times are Unix microseconds."""

    name: str
    share: float | None
    """That was left, 0 to 1; None where nobody told of how much."""
    remaining: float | None
    limit: float | None
    length_seconds: float | None
    resets_at_us: int
    """When it is full again; 0 where nobody told."""
    told_at_us: int


class Quotas:
    """Of all credentials of a machine. For one thread, as is the memory."""

    def __init__(self, memory: SharedMemory) -> None:
        self._bytes = memory.bytes
        self._slots = Slots(memory, "quotas", self._may_go)
        self._idle_before_us = 0

    def note(self, credential: bytes, told: Iterable[Window], now_us: int) -> None:
        """Keep what an answer told. Where there is no room for another credential, nothing is kept of it."""
        self._idle_before_us = now_us - IDLE_US
        try:
            slot = self._slots.get(credential)
        except SharedFull:
            return
        with self._slots.lock(slot):
            if self._slots.holds(slot, credential):
                known = {each.name: each for each in self._read(slot)}
                known |= {each.name: _quota(each, now_us) for each in told}
                kept = sorted(known.values(), key=lambda each: -each.told_at_us)[:MOST]
                self._write(slot, kept)

    def of(self, credential: bytes) -> tuple[Quota, ...]:
        """What was told of a credential, in no order."""
        slot = self._slots.find(credential)
        if slot is None:
            return ()
        with self._slots.lock(slot):
            return self._read(slot) if self._slots.holds(slot, credential) else ()

    def _read(self, slot: int) -> tuple[Quota, ...]:
        at = self._slots.offset(slot)
        raw = self._bytes[at : at + QUOTA_FIXED_BYTES].tobytes()
        return tuple(_read(*entry) for entry in _ENTRY.iter_unpack(raw) if entry[-1])

    def _write(self, slot: int, kept: list[Quota]) -> None:
        at = self._slots.offset(slot)
        self._bytes[at : at + QUOTA_FIXED_BYTES] = b"".join(map(_written, kept)).ljust(QUOTA_FIXED_BYTES, b"\0")

    def _may_go(self, slot: int) -> bool:
        return all(each.told_at_us < self._idle_before_us for each in self._read(slot))


def _quota(window: Window, now_us: int) -> Quota:
    resets_at_us = 0 if window.reset_seconds is None else now_us + round(window.reset_seconds * 1e6)
    told = (window.share, window.remaining, window.limit, window.length_seconds)
    return Quota(window.name, *told, resets_at_us, now_us)


def _written(quota: Quota) -> bytes:
    numbers = (math.nan if number is None else number for number in quota[1:5])
    return _ENTRY.pack(write_text(quota.name, LONGEST_WINDOW_NAME), *numbers, quota.resets_at_us, quota.told_at_us)


def _read(name: bytes, *told: float) -> Quota:
    *numbers, resets_at_us, told_at_us = told
    share, remaining, limit, length = (None if math.isnan(number) else number for number in numbers)
    return Quota(read_text(name), share, remaining, limit, length, int(resets_at_us), int(told_at_us))
