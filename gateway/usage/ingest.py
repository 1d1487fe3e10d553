"""From spool segments into the analytics store, each line exactly once, whatever is killed or full in between.

Knows the order of things: rows and segment names in one transaction, then the file is removed. Does not know how the
store is opened (it is handed in) nor when it is called (`usage/ingest_thread`). One thread at a time.

A commit that raises may have happened or not. So after any error the store is shut, and every segment then in the spool
is suspect: when the store is open again it is asked which of them it has.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from duckdb import DuckDBPyConnection

import sql
from gateway import logs
from gateway.errors import ControlUnavailable
from gateway.usage import segments
from gateway.usage.segments import Segment

BATCH = 64
"""Segments taken in one transaction."""

TRIES = 3
"""After so many failures a segment is set aside, if others went through since its first: else the store is at fault."""

ROOM_BYTES = 16 * 1024 * 1024
"""Free disk below which a failure is the disk's, and no segment is set aside for it."""

ADOPT_SECONDS = 0.5
SYNC_SECONDS = 1.0
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 15.0

T = TypeVar("T")

Task = Callable[[DuckDBPyConnection], T]
"""Something to do on the writing connection."""

log = logs.get("gateway.usage.ingest")


class Store(Protocol):
    """What is needed of the analytics store."""

    def open(self) -> DuckDBPyConnection:
        """The connection to write with; raises when it cannot be had."""

    def close(self) -> None:
        """Shut it, whatever state it is in."""


@dataclass(frozen=True, slots=True)
class IngestState:
    """What ingest has done since the process started."""

    records: int = 0
    """Records taken."""
    refused: int = 0
    """Lines that could not be read; their segments are in `bad/`."""
    set_aside: int = 0
    """Segments moved to `bad/`."""
    last_us: int | None = None
    """Unix time in microseconds of the last transaction."""
    trouble: str | None = None
    """Why nothing is taken at the moment; none when all is well."""


@dataclass(frozen=True, slots=True)
class _Failures:
    """How often a segment failed on its own, and how many transactions had gone through before."""

    count: int
    commits: int


class Ingest:
    """Takes segments from `spool`. `step` never raises what the disk or the store raise: it pauses and tries again."""

    def __init__(self, spool: Path, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.state = IngestState()
        self.connection: DuckDBPyConnection | None = None
        """The store's, while it is open."""
        self._spool, self._store, self._clock = spool, store, clock
        self._suspects: set[str] = set()
        self._failures: dict[str, _Failures] = {}
        self._commits = 0
        self._singly = 0
        self._troubles = 0
        self._paused_until = self._adopt_at = self._sync_at = 0.0
        self._synced: dict[str, int] = {}
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)

    def step(self) -> bool:
        """Do what is due; whether segments were taken, so that it is worth while to come back at once."""
        if self._clock() < self._paused_until:
            return False
        try:
            self.look_after_open_segments()
            self.open()
            return self._take_next()
        except Exception as error:  # noqa: BLE001 - whatever it was, the next records must not be lost for it
            self.fail(error)
            return False

    def open(self) -> None:
        """Open the store where it is shut; raises what opening raises."""
        if self.connection is None:
            self.connection = self._store.open()
            self._suspects = {segment.name for segment in segments.closed(self._spool)}

    def writing(self) -> DuckDBPyConnection:
        """The connection of the open store. Raises ControlUnavailable while it is shut."""
        if self.connection is None:
            raise ControlUnavailable("The analytics store is not open at the moment.")
        return self.connection

    def fail(self, error: BaseException) -> None:
        """Shut the store and pause, longer each time: nothing is known about the last transaction."""
        log.error("ingest pauses", error=str(error), kind=type(error).__name__)
        self.connection = None
        self._store.close()
        self._troubles += 1
        self._paused_until = self._clock() + min(
            LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(self._troubles, 8)
        )
        self._note(trouble=str(error))

    def let_go(self) -> None:
        """Somebody else shuts the store, and has it opened again by `open`."""
        self.connection = None

    def drain(self, seconds: float) -> None:
        """Take whatever is closed or abandoned, once, within about `seconds`; then shut the store."""
        deadline = self._clock() + seconds
        self._paused_until = self._adopt_at = 0.0
        while self.step() and self._clock() < deadline:
            pass
        self.connection = None
        self._store.close()

    def look_after_open_segments(self) -> None:
        """Adopt and sync what is due of them: part of a step, and of whatever takes longer than one."""
        now = self._clock()
        if now >= self._adopt_at:
            self._adopt_at = now + ADOPT_SECONDS
            segments.adopt(self._spool)
        if now >= self._sync_at:
            self._sync_at = now + SYNC_SECONDS
            self._synced = segments.sync(self._spool, self._synced)

    def _take_next(self) -> bool:
        batch = self._next_batch()
        if not batch:
            self._recovered()
            return False
        try:
            self._take(batch)
        except Exception:
            self._blame(batch)
            raise
        self._recovered()
        return True

    def _next_batch(self) -> list[Segment]:
        """The oldest come first, those that failed last; one at a time while one of them is to be found out."""
        waiting = segments.closed(self._spool)
        waiting.sort(key=lambda segment: self._failures[segment.name].count if segment.name in self._failures else 0)
        batch = waiting[: 1 if self._singly else BATCH]
        self._singly = max(0, self._singly - 1)
        return batch

    def _take(self, batch: Sequence[Segment]) -> None:
        fresh = self._without_taken(batch)
        if not fresh:
            return
        lines = [segments.lines(segment.path) for segment in fresh]
        connection = self._open_connection()
        connection.begin()
        records = _insert(connection, fresh)
        refused = sum(lines) - records
        if refused and len(fresh) > 1:
            connection.rollback()
            self._singly = len(fresh)  # one of them has lines that cannot be read: find out which
            return
        for segment, count in zip(fresh, lines, strict=True):
            _mark(connection, segment, records=count - refused, refused=refused)
        connection.commit()
        self._commits += 1
        self._note(records=records, refused=refused, last_us=time.time_ns() // 1000)
        for segment in fresh:
            self._dismiss(segment, refused)

    def _without_taken(self, batch: Sequence[Segment]) -> list[Segment]:
        """Those the store does not have yet; the files of the others go now."""
        doubtful = [segment.name for segment in batch if segment.name in self._suspects]
        if not doubtful:
            return list(batch)
        connection = self._open_connection()
        taken = dict(connection.execute(sql.statement("usage/taken"), {"segments": doubtful}).fetchall())
        for segment in batch:
            if segment.name in taken:
                self._dismiss(segment, taken[segment.name])
        self._suspects.difference_update(doubtful)
        return [segment for segment in batch if segment.name not in taken]

    def _dismiss(self, segment: Segment, refused: int) -> None:
        """The store has this segment. Until its file is gone it stays suspect."""
        self._suspects.add(segment.name)
        if refused:
            self._set_aside(segment, segments.REFUSED)
        else:
            segment.path.unlink(missing_ok=True)
        self._suspects.discard(segment.name)
        self._failures.pop(segment.name, None)

    def _blame(self, batch: Sequence[Segment]) -> None:
        """A batch failed. Was it the disk, the store, or one of these segments?"""
        self._suspects.update(segment.name for segment in batch)
        if len(batch) > 1:
            self._singly = len(batch)
            return
        (segment,) = batch
        before = self._failures.get(segment.name, _Failures(0, self._commits))
        now = self._failures[segment.name] = replace(before, count=before.count + 1)
        if now.count >= TRIES and self._commits > now.commits and self._has_room_for(segment):
            self._set_aside(segment, segments.CLOSED)
            del self._failures[segment.name]

    def _has_room_for(self, segment: Segment) -> bool:
        return shutil.disk_usage(self._spool).free >= ROOM_BYTES + 4 * segment.size

    def _set_aside(self, segment: Segment, suffix: str) -> None:
        place = segments.set_aside(segment.path, suffix)
        log.error("a segment was set aside", segment=str(place), bytes=segment.size)
        self._note(set_aside=1)

    def _recovered(self) -> None:
        if self._troubles:
            log.info("ingest goes on")
            self._troubles = 0
            self._note(trouble=None)

    def _open_connection(self) -> DuckDBPyConnection:
        assert self.connection is not None
        return self.connection

    def _note(
        self,
        *,
        records: int = 0,
        refused: int = 0,
        set_aside: int = 0,
        last_us: int | None = None,
        trouble: str | None = None,
    ) -> None:
        # Replaced as a whole: other threads read it.
        was = self.state
        self.state = IngestState(
            was.records + records,
            was.refused + refused,
            was.set_aside + set_aside,
            last_us or was.last_us,
            trouble,
        )


def _insert(connection: DuckDBPyConnection, batch: Sequence[Segment]) -> int:
    """Rows made of the lines of these segments."""
    paths = [str(segment.path) for segment in batch]
    row = connection.execute(sql.statement("usage/take"), {"paths": paths}).fetchone()
    return int(row[0]) if row else 0


def _mark(connection: DuckDBPyConnection, segment: Segment, *, records: int, refused: int) -> None:
    connection.execute(
        sql.statement("usage/mark_taken"),
        {"segment": segment.name, "records": records, "refused": refused, "now_us": time.time_ns() // 1000},
    )
