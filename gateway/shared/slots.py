"""Slots found by name in one area of the shared memory: found without a lock, given out under one.

Knows names, slots and their locks. Does not know what is in a slot, nor, unless it is told, which one may be taken for
another name. Callers may keep the number of a slot: `holds` tells whether it still is theirs, and only under the slot's
lock does the answer stay true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b

from gateway.shared import locks
from gateway.shared.index import NO_NAME
from gateway.shared.layout import BACKED, HAND, INDEX_LOCK, NAME_BYTES, USED
from gateway.shared.locks import Lock, Locked
from gateway.shared.memory import SharedMemory

TRIED_AT_ONCE = 256
"""Slots that one call looks at for one to take when all are given out: about 0.1 ms, however many there are."""

BACKED_AT_ONCE = 256
"""Slots for which the disk is asked for room at once."""


class SharedFull(Exception):
    """There is no slot for another name: no room in the area, or none on the disk. What is not in shared memory is not
    shared; it is no reason to refuse a request."""


def name_of(*parts: str) -> bytes:
    """The name of a slot, from what it is for."""
    return blake2b("\0".join(parts).encode(), digest_size=NAME_BYTES).digest()


class Slots:
    """The slots of one area. For one thread; another one maps the memory for itself."""

    def __init__(self, memory: SharedMemory, area: str, may_go: Callable[[int], bool] | None = None) -> None:
        """`may_go` says whether nobody would miss what is in a slot; without it none is ever taken away."""
        place = memory.layout.of(area)
        self._memory, self._place, self._may_go = memory, place, may_go
        self._index = memory.index(area)
        self._head = self._index.head
        self._locks = memory.locks(area)
        self._capacity = place.area.capacity
        self.find: Callable[[bytes], int | None] = self._index.find
        """The slot of a name, without a lock; None while there is none."""
        self.name: Callable[[int], bytes] = self._index.name
        """The name in a slot."""
        self.offset: Callable[[int], int] = place.fixed_offset
        """Where the fixed part of a slot is in the memory."""
        self.column_offset: Callable[[int, int], int] = place.column_offset
        """Where the part of a slot is that belongs to a worker."""

    @property
    def used(self) -> int:
        """Slots below this number have been given out at some time."""
        return min(self._head[USED], self._capacity)

    def holds(self, slot: int, name: bytes) -> bool:
        """Whether a slot still is the one of this name."""
        return self.name(slot) == name

    def lock(self, *slots: int) -> Locked:
        """Hold the locks of these slots while the block runs."""
        return Locked(self.locks_of(slots))

    def locks_of(self, slots: Iterable[int]) -> tuple[Lock, ...]:
        """The locks of these slots, for those who take them often. They are taken in this order, so that nobody waits
        for somebody who waits for him; whoever holds some must not ask for more."""
        return tuple(map(self._locks.of, sorted({self._place.lock_of(slot) for slot in slots})))

    def lock_of(self, slot: int) -> Lock:
        """The lock of a slot, for those who take one at a time and often."""
        return self._locks.of(self._place.lock_of(slot))

    def names(self) -> Iterator[tuple[int, bytes]]:
        """Every slot with a name."""
        for slot in range(self.used):
            if (name := self.name(slot)) != NO_NAME:
                yield slot, name

    def get(self, name: bytes) -> int:
        """The slot of a name, all zero when it is new. Raises SharedFull."""
        slot = self.find(name)
        if slot is not None:
            return slot
        with Locked((self._locks.of(INDEX_LOCK),)):
            self._index.mend()
            slot = self._index.probe(name)
            if slot is None:
                slot = self._next()
                self._index.put(name, slot)
            return slot

    def _next(self) -> int:
        """A slot without a name, all zero."""
        used = self.used
        if used == self._capacity:
            return self._take_away()
        if used >= self._head[BACKED]:
            self._back(used)
        # One that was killed here may have left something.
        self._wipe(used)
        return used

    def _back(self, first: int) -> None:
        """Have the disk set room aside: a page of the file that it has no room for would end the process that writes
        to it."""
        count = min(BACKED_AT_ONCE, self._capacity - first)
        try:
            self._memory.back(self._place, first, count)
        except OSError as error:
            raise SharedFull(f"no room for shared.mmap: {error}") from error
        self._head[BACKED] = first + count

    def _take_away(self) -> int:
        """A slot that nobody would miss."""
        for _ in range(min(TRIED_AT_ONCE, self._capacity)):
            slot = self._head[HAND] % self._capacity
            self._head[HAND] = slot + 1
            if self._may_be_taken(slot) and self._vacate(slot):
                return slot
        raise SharedFull(f"all {self._capacity} slots of {self._place.area.name} are in use")

    def _may_be_taken(self, slot: int) -> bool:
        return self.name(slot) == NO_NAME or (self._may_go is not None and self._may_go(slot))

    def _vacate(self, slot: int) -> bool:
        """Whether it could be emptied: not while somebody has its lock, nor when it came into use meanwhile."""
        lock = self.lock_of(slot)
        if not locks.try_to_hold(lock):
            return False
        try:
            if not self._may_be_taken(slot):
                return False
            if self.name(slot) != NO_NAME:
                self._index.remove(slot)
            self._wipe(slot)
            return True
        finally:
            locks.let_go(lock)

    def _wipe(self, slot: int) -> None:
        self._memory.wipe(self.offset(slot), self._place.area.fixed_bytes)
        for column in range(self._memory.columns):
            self._memory.wipe(self.column_offset(slot, column), self._place.area.column_bytes)
