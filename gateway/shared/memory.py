"""The shared memory itself: prepared by the supervisor before there are children, then mapped by each process.

Knows the file, its areas and what each of them survives; the meaning of what is in a slot is for others. Part of the
file are the words of `gateway/store/generations.py`, which are never touched here.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from contextlib import closing
from pathlib import Path

from gateway import logs
from gateway.shared.carrying import Carried, gather
from gateway.shared.index import Index
from gateway.shared.layout import (
    BACKED,
    HEADER_BYTES,
    HEADER_OFFSET,
    INDEX_LOCK,
    LAID,
    LAYOUT,
    LOCK_COUNT,
    MAX_COLUMNS,
    USED,
    Header,
    Layout,
    Place,
    lay_out,
    read_header,
    write_header,
)
from gateway.shared.locks import Locked, Locks

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

log = logs.get("shared")


class SharedMemory:
    """The file, mapped. For one thread; another one maps it for itself."""

    def __init__(self, path: Path, layout: Layout = LAYOUT) -> None:
        """Raises OSError, and ValueError where it was not prepared, or by another version."""
        self.layout = layout
        self.descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        """Of the file."""
        try:
            header = read_header(os.pread(self.descriptor, HEADER_BYTES, HEADER_OFFSET))
            if header is None or header.areas != layout.areas or os.fstat(self.descriptor).st_size < layout.size:
                raise ValueError(f"{path} is not prepared")
            self.map = mmap.mmap(self.descriptor, layout.size)
        except BaseException:
            os.close(self.descriptor)
            raise
        self.columns = header.columns
        """Workers it is prepared for: as many columns are in use."""
        self.bytes = memoryview(self.map)
        self.signed = self.bytes.cast("q")
        """The same as integers of 8 bytes: index is offset / 8."""
        self.unsigned = self.bytes.cast("Q")
        self.reals = self.bytes.cast("d")
        self._locks = {place.area.name: Locks(self.map, place.locks) for place in layout.places}
        self._indices = {place.area.name: Index(self.map, place) for place in layout.places if place.area.is_named}

    def index(self, area: str) -> Index:
        """Of a named area. Raises KeyError."""
        return self._indices[area]

    def locks(self, area: str) -> Locks:
        """Of an area. Raises KeyError."""
        return self._locks[area]

    def release(self, column: int) -> None:
        """Zero everything that a worker held, once it is dead. ValueError for a column that is not in use."""
        if not 0 <= column < self.columns:
            raise ValueError(f"there are {self.columns} columns, none has the number {column}")
        for place in self.layout.places:
            if place.area.column_bytes:
                used = min(self.index(place.area.name).head[USED], place.area.capacity)
                self.wipe(place.column_offset(0, column), used * place.area.column_bytes)

    def wipe(self, offset: int, length: int) -> None:
        """Zero a part of it."""
        self.map[offset : offset + length] = bytes(length)

    def back(self, place: Place, first: int, count: int) -> None:
        """Have the disk set room aside for slots of an area and their columns in use. Raises OSError."""
        os.posix_fallocate(self.descriptor, place.slots + first * place.slot_bytes, count * place.slot_bytes)
        if size := place.area.column_bytes:
            for column in range(self.columns):
                os.posix_fallocate(self.descriptor, place.column_offset(first, column), count * size)

    def close(self) -> None:
        """Unmap the file. Nothing may be in use of it any more."""
        for index in self._indices.values():
            index.close()
        for view in (self.signed, self.unsigned, self.reals, self.bytes):
            view.release()
        self.map.close()
        os.close(self.descriptor)


def prepare(path: Path, workers: int, layout: Layout = LAYOUT) -> None:
    """Make the file fit for so many workers, before any of them is started: nothing is in flight, and what is counted
    by the monotonic clock begins anew where the machine did. Slots of another layout are carried over; a file that is
    none is made anew. Raises OSError, and ValueError for too many workers."""
    if not 1 <= workers <= MAX_COLUMNS:
        raise ValueError(f"there is room for {MAX_COLUMNS} workers")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        boot = _boot()
        former = _former(descriptor, path)
        is_kept = former is not None and former.areas == layout.areas
        carried = () if is_kept or former is None else gather(descriptor, former, layout)
        if not is_kept:
            _clear(descriptor)
        _grow(descriptor, layout)
        _write_header(descriptor, Header(workers, boot, layout.areas))
        with closing(SharedMemory(path, layout)) as memory:
            is_new_boot = former is None or former.boot != boot or not any(boot)
            _lay_locks(memory, is_new_boot=is_new_boot)
            for each in carried:
                _put_back(memory, each)
            _settle(memory, is_new_boot=is_new_boot)
    finally:
        os.close(descriptor)


def _former(descriptor: int, path: Path) -> Header | None:
    """What the file holds already; None when it holds nothing that can be used."""
    raw = os.pread(descriptor, HEADER_BYTES, HEADER_OFFSET)
    size = os.fstat(descriptor).st_size
    header = read_header(raw)
    if header is not None and size >= lay_out(header.areas).size:
        return header
    if any(raw) or size > HEADER_OFFSET + HEADER_BYTES:
        log.warning("shared memory is made anew: limits and rests begin from nothing", path=str(path))
    return None


def _clear(descriptor: int) -> None:
    """Zero everything behind the words of generations. In place: others may have the file mapped, and must neither be
    left with another one than we have nor lose the pages under their feet."""
    os.pwrite(descriptor, bytes(HEADER_BYTES), HEADER_OFFSET)
    size = os.fstat(descriptor).st_size
    at = HEADER_OFFSET + HEADER_BYTES
    while at < size:
        try:
            at = os.lseek(descriptor, at, os.SEEK_DATA)
        except OSError:  # ENXIO: only a hole is left
            return
        hole = min(os.lseek(descriptor, at, os.SEEK_HOLE), at + 1024 * 1024)
        os.pwrite(descriptor, bytes(hole - at), at)
        at = hole


def _grow(descriptor: int, layout: Layout) -> None:
    """A sparse file of the right size, with room on the disk for what is written to without asking."""
    if os.fstat(descriptor).st_size < layout.size:
        os.ftruncate(descriptor, layout.size)
    os.posix_fallocate(descriptor, 0, HEADER_OFFSET + HEADER_BYTES)
    for place in layout.places:
        until = place.slots if place.area.is_named else place.columns
        os.posix_fallocate(descriptor, place.head, until - place.head)


def _write_header(descriptor: int, header: Header) -> None:
    raw = write_header(header)
    os.pwrite(descriptor, raw + bytes(HEADER_BYTES - len(raw)), HEADER_OFFSET)


def _lay_locks(memory: SharedMemory, *, is_new_boot: bool) -> None:
    """Locks that nobody has: where there are none yet, and where those who had them ended with the machine. All others
    stay as they are: a worker of a supervisor that was killed may not have ended yet."""
    for place in memory.layout.places:
        laid = place.head // 8 + LAID
        if is_new_boot or not memory.signed[laid]:
            memory.signed[laid] = 0
            memory.locks(place.area.name).lay(LOCK_COUNT)
            memory.signed[laid] = 1


def _put_back(memory: SharedMemory, carried: Carried) -> None:
    """As much as there is room for."""
    place = memory.layout.of(carried.area)
    if not place.area.is_named:
        memory.map[place.slots : place.slots + len(carried.table)] = carried.table
        return
    slots = carried.slots[: place.area.capacity]
    memory.back(place, 0, max(len(slots), 1))
    for slot, (name, fixed) in enumerate(slots):
        at = place.fixed_offset(slot)
        memory.map[at : at + len(fixed)] = fixed
        memory.index(carried.area).put(name, slot)


def _settle(memory: SharedMemory, *, is_new_boot: bool) -> None:
    """Nothing is in flight, every index is right, and what went by a clock that began anew is gone."""
    for place in memory.layout.places:
        if not place.area.is_named:
            continue
        index = memory.index(place.area.name)
        # A worker of a supervisor that was killed may not have ended yet.
        with Locked((memory.locks(place.area.name).of(INDEX_LOCK),)):
            index.rebuild()
        used = index.head[USED]
        memory.back(place, 0, max(used, 1))
        index.head[BACKED] = used
        if is_new_boot and place.area.monotonic_bytes:
            for slot in range(used):
                memory.wipe(place.fixed_offset(slot), place.area.monotonic_bytes)
    for column in range(memory.columns):
        memory.release(column)


def _boot() -> bytes:
    """What tells one start of the machine from another; all zero where nothing does."""
    try:
        return bytes.fromhex(BOOT_ID.read_text(encoding="ascii").strip().replace("-", ""))
    except (OSError, ValueError):
        return bytes(16)
