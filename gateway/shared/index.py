"""Numbers of slots by name: open addressing in shared memory. Readers take no lock, writers hold that of the area.

Knows entries, names and the order in which they are changed. Does not know which slots are free. While an entry is
changed the area's sequence is odd: a reader who found nothing looks again if it was, and a writer who finds it odd
comes after one that was killed half-way, and makes the index anew from the names in the slots.
"""

from __future__ import annotations

import mmap

from gateway.shared.layout import NAME_BYTES, SEQUENCE, USED, Place

LOOKS = 3
"""How often a reader looks while a writer is at work; then it goes by what it has seen."""

NO_NAME = bytes(NAME_BYTES)


class Index:
    """The index of one named area."""

    def __init__(self, mapped: mmap.mmap, place: Place) -> None:
        with memoryview(mapped) as whole:
            self.head = whole[place.head : place.entries].cast("Q")
            self._entries = whole[place.entries : place.entries + place.entry_count * 4].cast("I")
        self._map, self._slots, self._slot_bytes = mapped, place.slots, place.slot_bytes
        self._mask = place.entry_count - 1
        self._capacity = place.area.capacity

    def find(self, name: bytes) -> int | None:
        """The slot of this name."""
        for _ in range(LOOKS):
            sequence = self.head[SEQUENCE]
            slot = self.probe(name)
            if slot is not None:
                return slot
            if sequence == self.head[SEQUENCE] and not sequence & 1:
                return None
        return None

    def probe(self, name: bytes) -> int | None:
        """The slot of this name, as it looks now: under the lock it is so."""
        position = _home(name) & self._mask
        for _ in range(self._mask):
            entry = self._entries[position]
            if not entry:
                return None
            if self.name(entry - 1) == name:
                return entry - 1
            position = (position + 1) & self._mask
        return None

    def name(self, slot: int) -> bytes:
        """The name in a slot; all zero where it has none."""
        at = self._slots + slot * self._slot_bytes
        return self._map[at : at + NAME_BYTES]

    def put(self, name: bytes, slot: int) -> None:
        """Name a slot that has no name."""
        at = self._slots + slot * self._slot_bytes
        self.head[SEQUENCE] |= 1
        self._map[at : at + NAME_BYTES] = name
        self.head[USED] = max(self.head[USED], slot + 1)
        self._enter(name, slot)
        self.head[SEQUENCE] += 1

    def remove(self, slot: int) -> None:
        """Take the name from a slot."""
        at = self._slots + slot * self._slot_bytes
        position = self._position(self.name(slot), slot)
        self.head[SEQUENCE] |= 1
        if position is not None:
            self._close_gap(position)
        self._map[at : at + NAME_BYTES] = NO_NAME
        self.head[SEQUENCE] += 1

    def mend(self) -> None:
        """Make the index anew where a writer was killed at it."""
        if self.head[SEQUENCE] & 1:
            self.rebuild()

    def rebuild(self) -> None:
        """Make the index anew from the names in the slots; of two of the same name the first one keeps it."""
        self.head[SEQUENCE] |= 1
        self.head[USED] = min(self.head[USED], self._capacity)
        self._entries[:] = memoryview(bytes(self._entries.nbytes)).cast("I")
        for slot in range(self.head[USED]):
            name = self.name(slot)
            if name == NO_NAME:
                continue
            if self.probe(name) is None:
                self._enter(name, slot)
            else:
                at = self._slots + slot * self._slot_bytes
                self._map[at : at + NAME_BYTES] = NO_NAME
        self.head[SEQUENCE] += 1

    def close(self) -> None:
        """Let go of the memory."""
        self.head.release()
        self._entries.release()

    def _enter(self, name: bytes, slot: int) -> None:
        position = _home(name) & self._mask
        while self._entries[position]:
            position = (position + 1) & self._mask
        self._entries[position] = slot + 1

    def _position(self, name: bytes, slot: int) -> int | None:
        position = _home(name) & self._mask
        while entry := self._entries[position]:
            if entry == slot + 1:
                return position
            position = (position + 1) & self._mask
        return None

    def _close_gap(self, gap: int) -> None:
        """Take out the entry at `gap`, and move those behind it up as far as their homes allow: no marks of what was
        once there are left, which would make every search longer as time goes by."""
        position = gap
        while True:
            position = (position + 1) & self._mask
            entry = self._entries[position]
            if not entry:
                break
            home = _home(self.name(entry - 1)) & self._mask
            if (position - home) & self._mask >= (position - gap) & self._mask:
                self._entries[gap] = entry
                gap = position
        self._entries[gap] = 0


def _home(name: bytes) -> int:
    return int.from_bytes(name[:8], "little")
