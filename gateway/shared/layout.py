"""Where everything is in the memory that the processes of one machine share. Numbers only: nothing is mapped here.

The file begins with the words of `gateway/store/generations.py`; at `HEADER_OFFSET` stands what tells the rest apart
from any other file. Behind the first page come the areas, one after another, each on pages of its own:

    head      used, sequence, backed, hand, laid (words of 8 bytes)
    locks     that of the index, then those of the slots, each for many of them
    index     of a named area: numbers of slots by the hash of their names
    slots     a name of 16 bytes and the fixed part; of an area without names the fixed part alone
    columns   one column after another; in each the part of every slot that belongs to one worker

That a column is in one piece makes it cheap to wipe when its worker has died, and free where there is no such worker.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

PAGE = 4096
HEADER_OFFSET = 2048
HEADER_BYTES = PAGE - HEADER_OFFSET
NAME_BYTES = 16
MAX_COLUMNS = 64
"""Most workers of one machine: `server.workers` allows no more."""

MAGIC = b"slgshare"
VERSION = 2
"""Of this arrangement. What is in the slots of an area has a version of its own."""

LIMIT_FIXED_BYTES = 1024
LIMIT_MONOTONIC_BYTES = 880
"""The beginning of the fixed part is counted by the monotonic clock, and wiped when the machine was started anew; what
is behind it goes by Unix time and lasts."""
LIMIT_COLUMN_BYTES = 32

POOL_FIXED_BYTES = 224
POOL_COLUMN_BYTES = 8

SESSION_BYTES = 80

WINDOW_BYTES = 80
QUOTA_FIXED_BYTES = 8 * WINDOW_BYTES
"""Rate limits of a credential, as its provider tells of them: so many are kept at most."""

LOCK_BYTES = 64
"""More than a mutex of pthread takes; one is in no cache line with another."""
LOCK_COUNT = 256
INDEX_LOCK = 0
"""The number of the lock of an area's index; the others are for its slots in turn."""

USED, SEQUENCE, BACKED, HAND, LAID = range(5)
"""Words of the head of an area: slots given out; a number that is odd while the index is being changed; slots for which
the disk has room set aside; where eviction goes on; whether the locks were laid, all of them."""


@dataclass(frozen=True, slots=True)
class Area:
    """Slots of one kind."""

    name: str
    """At most 12 letters."""
    version: int
    """Of what is in a slot: slots of another version are not carried over."""
    capacity: int
    """Slots; a power of two."""
    fixed_bytes: int
    """Of a slot, behind its name; a multiple of 8, as are all sizes here."""
    column_bytes: int = 0
    monotonic_bytes: int = 0
    """How much of the beginning of the fixed part means nothing after the machine was started anew."""
    is_named: bool = True
    """Slots are found by name; else the area is one table, all of it in use from the beginning."""


class Place(NamedTuple):
    """Where an area is: offsets in the file."""

    area: Area
    head: int
    locks: int
    entries: int
    entry_count: int
    """Of 4 bytes each; 0 where there are no names."""
    slots: int
    slot_bytes: int
    columns: int
    column_size: int
    """Bytes of one whole column."""
    end: int

    def fixed_offset(self, slot: int) -> int:
        """Of the fixed part of a slot."""
        return self.slots + slot * self.slot_bytes + (NAME_BYTES if self.area.is_named else 0)

    @staticmethod
    def lock_of(slot: int) -> int:
        """The number of the lock of a slot, which others have as well."""
        return INDEX_LOCK + 1 + slot % (LOCK_COUNT - 1)

    def column_offset(self, slot: int, column: int) -> int:
        """Of the part of a slot that belongs to a worker."""
        return self.columns + column * self.column_size + slot * self.area.column_bytes


class Layout(NamedTuple):
    """All areas with their places."""

    places: tuple[Place, ...]
    size: int
    """Of the whole file."""

    @property
    def areas(self) -> tuple[Area, ...]:
        """Without their places."""
        return tuple(place.area for place in self.places)

    def of(self, name: str) -> Place:
        """Where the area of this name is. Raises KeyError."""
        for place in self.places:
            if place.area.name == name:
                return place
        raise KeyError(name)


class Header(NamedTuple):
    """What the file says of itself."""

    columns: int
    """Workers that were meant to run when it was prepared."""
    boot: bytes
    areas: tuple[Area, ...]


def lay_out(areas: Sequence[Area]) -> Layout:
    """Areas one after another. Part of `VERSION`: a file of this version was laid out so."""
    places: list[Place] = []
    at = PAGE
    for area in areas:
        places.append(_place(area, at))
        at = places[-1].end
    return Layout(tuple(places), at)


def _place(area: Area, head: int) -> Place:
    locks = head + PAGE
    entries = _round_up(locks + LOCK_COUNT * LOCK_BYTES)
    entry_count = area.capacity * 2 if area.is_named else 0
    slots = _round_up(entries + entry_count * 4)
    slot_bytes = area.fixed_bytes + (NAME_BYTES if area.is_named else 0)
    columns = _round_up(slots + area.capacity * slot_bytes)
    column_size = _round_up(area.capacity * area.column_bytes)
    end = columns + column_size * MAX_COLUMNS
    return Place(area, head, locks, entries, entry_count, slots, slot_bytes, columns, column_size, end)


def _round_up(offset: int) -> int:
    return -(-offset // PAGE) * PAGE


AREAS = (
    Area("limits", 2, 65_536, LIMIT_FIXED_BYTES, LIMIT_COLUMN_BYTES, LIMIT_MONOTONIC_BYTES),
    Area("pools", 1, 32_768, POOL_FIXED_BYTES, POOL_COLUMN_BYTES),
    Area("sessions", 1, 65_536, SESSION_BYTES, is_named=False),
    Area("quotas", 1, 4_096, QUOTA_FIXED_BYTES),
)

LAYOUT = lay_out(AREAS)

_FRONT = struct.Struct("<8sIIII16s")
_ROW = struct.Struct("<12sIIIIII")
_CHECK = struct.Struct("<I")


def write_header(header: Header) -> bytes:
    """The header as it stands in the file."""
    rows = [
        _ROW.pack(
            area.name.encode(),
            *(area.version, area.capacity, area.fixed_bytes),
            *(area.column_bytes, area.monotonic_bytes, area.is_named),
        )
        for area in header.areas
    ]
    front = _FRONT.pack(MAGIC, VERSION, header.columns, len(rows), 0, header.boot)
    body = front + b"".join(rows)
    return body + _CHECK.pack(zlib.crc32(body))


def read_header(raw: bytes) -> Header | None:
    """What the bytes from `HEADER_OFFSET` on say; None when they are no header of this version, whole and unharmed."""
    if len(raw) < HEADER_BYTES:
        return None
    magic, version, columns, rows, _, boot = _FRONT.unpack_from(raw)
    end = _FRONT.size + rows * _ROW.size
    if magic != MAGIC or version != VERSION or end + _CHECK.size > len(raw):
        return None
    if _CHECK.unpack_from(raw, end) != (zlib.crc32(raw[:end]),):
        return None
    return Header(columns, boot, tuple(_read_row(row) for row in _ROW.iter_unpack(raw[_FRONT.size : end])))


def _read_row(row: tuple[bytes, int, int, int, int, int, int]) -> Area:
    name, version, capacity, fixed, column, monotonic, is_named = row
    return Area(name.rstrip(b"\0").decode(), version, capacity, fixed, column, monotonic, bool(is_named))
