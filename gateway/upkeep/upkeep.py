"""When which day of usage records is rolled up, copied and deleted: by the settings, and by what the store has.

Knows the order: nothing is deleted that is not in sums, or not in the archive yet. Each step is small, the thread that
ingests has its turn in between, and a step that was lost is found to be due again. What the steps are is in `rolling`,
`copying` and `sending`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import asdict

from gateway.settings.model import UsageSettings
from gateway.store.analytics import Analytics
from gateway.upkeep import compacting, rolling
from gateway.upkeep.archive import Archive
from gateway.upkeep.copying import Copying
from gateway.upkeep.days import begin_us, day_of, first_kept
from gateway.upkeep.errands import Errand, Errands
from gateway.upkeep.rolling import Beginnings
from gateway.upkeep.sending import Bucket, Sending, days_in
from gateway.usage.ingest import Task
from gateway.usage.ingest_thread import IngestThread

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the process around knows."""

    settings: Callable[[], UsageSettings]
    begun: Callable[[], Awaitable[Beginnings]]
    """Since when limits count. Raises StateUnavailable."""
    clock_us: Callable[[], int]
    """Unix microseconds."""
    bucket: Callable[[], Bucket | None] = lambda: None
    """Where the archive is copied to, by the settings of the moment; None where it is not. Raises SettingsError."""


class NotForgotten(Exception):
    """Which days should have been deleted and were not, and why, in one line."""


class Upkeep:
    """Of one store, and of its archive if there is one. Methods may raise ControlUnavailable and duckdb.Error."""

    def __init__(self, store: Analytics, thread: IngestThread, archive: Archive | None, around: Around) -> None:
        self._store, self._thread, self._around = store, thread, around
        self._copying = None if archive is None else Copying(store, archive)
        self._sending = None if archive is None else Sending(store, archive)
        self._errands = Errands(around.clock_us)
        self.rolled_until_us = 0
        """The midnight up to which all days are rolled up; 0 before that is known."""
        self._trouble = ""
        """Why the archive could not be written the last time; empty where it could."""

    @property
    def errand(self) -> Errand | None:
        """What is done because somebody asked for it, or was done last."""
        return self._errands.last

    async def errand_done(self) -> Errand:
        """Wait for it, once it has begun."""
        return await self._errands.done()

    def begin(self) -> None:
        """Remove what a killed process has left. Not on the event loop, and once the store was to be opened."""
        if self._store.is_open:
            compacting.clear(self._store.path)
        if self._copying is not None:
            self._copying.archive.tidy()

    async def end(self) -> None:
        """The thread that ingests has ended: nothing is done any more."""
        await self._errands.end()

    # By the clock

    async def roll_up(self) -> None:
        """Have sums of every day that is over. Raises StateUnavailable too."""
        now_us = self._around.clock_us()
        today_us = begin_us(day_of(now_us))
        begun = await self._around.begun()
        for row in await self._ask("rollups/stale_days", today_us=today_us):
            await self._write(partial(rolling.catch_up, day=row["d"], begun=begun, now_us=now_us))
        self.rolled_until_us = today_us

    async def forget(self) -> None:
        """Delete what has had its time: requests, of which sums are kept, and sums. Raises StateUnavailable too, and
        NotForgotten where days wait for an archive that cannot be written."""
        settings, now_us = self._around.settings(), self._around.clock_us()
        requests_before = first_kept(day_of(now_us), settings.retention_days)
        sums_before = first_kept(day_of(now_us), settings.rollup_days)
        due = await self._ask("rollups/expired_days", requests_before=requests_before, sums_before=sums_before)
        if not due:
            return
        begun, lacking = await self._around.begun(), await asyncio.to_thread(self._not_copied)
        days = [row["d"] for row in due if row["kept"] == "requests"]
        for day in days:
            if day not in lacking:
                await self._write(partial(rolling.remove_requests, day=day, begun=begun, now_us=now_us))
        if due[0]["d"] < sums_before:
            resets = begun.of_keys
            await self._write(partial(rolling.remove_sums, before=sums_before, resets=resets, now_us=now_us))
        if self._trouble and (waiting := [day for day in days if day in lacking]):
            raise NotForgotten(f"{_said(waiting)} to be in the archive, which cannot be written: {self._trouble}")

    async def copy_days(self) -> None:
        """Have a file of every day that is over and has requests, and delete old ones. Raises NotCopied, OSError."""
        if self._copying is None:
            return
        self._trouble = ""
        try:
            await asyncio.to_thread(self._copying.copy_days, self._archived_since())
        except Exception as error:
            self._trouble = str(error)
            raise

    async def send_days(self) -> None:
        """Have a copy of these files in the bucket, and delete old ones there. Raises NotSent, and what the bucket, the
        settings and the disk raise."""
        bucket = None if self._sending is None else self._around.bucket()
        if self._sending is None or bucket is None:
            return
        days = self._around.settings().bucket.days
        await self._sending.send_days(bucket, first_kept(day_of(self._around.clock_us()), days))

    # For whoever asks

    async def compact(self) -> Errand:
        """Write the store's file anew, from now on. Raises Conflict; Unacceptable where there is no room for it."""
        (size,) = await self._store.read("rollups/size", {})
        await asyncio.to_thread(compacting.check_room, self._store.path, size["used_bytes"])
        return self._errands.begin("compact", self._compact)

    async def bring_back(self, since: date) -> Errand:
        """Take what archive and bucket have of this day and later ones, and the store has not, from now on. Raises
        Conflict."""
        return self._errands.begin("import-archive", partial(self._bring_back, since))

    async def standing(self) -> dict[str, Any]:
        """What there is, and how much room it takes."""
        (row,) = await self._store.read("rollups/standing", {})
        return {**row, **await asyncio.to_thread(self._sizes)}

    async def _compact(self) -> Mapping[str, int | float]:
        store, thread = self._store, self._thread
        work = partial(compacting.compact, store=store, is_ending=lambda: thread.is_ending)
        return asdict(await asyncio.wrap_future(thread.occupy(work)))

    async def _bring_back(self, since: date) -> Mapping[str, int | float]:
        said = {"days": 0, "requests": 0, "unreadable": 0}
        if self._copying is None or self._sending is None:
            return said
        for day, path in (await asyncio.to_thread(self._copying.archive.days)).items():
            if day >= since:
                await self._take(self._copying, day, path, said)
        if (bucket := self._around.bucket()) is not None:
            for day, kept in sorted((await days_in(bucket)).items()):
                if day >= since and not await self._sending.is_same(bucket, day, kept):
                    async with self._sending.fetched(bucket, day, kept) as path:
                        await self._take(self._copying, day, path, said)
        return said

    async def _take(self, copying: Copying, day: date, path: Path, said: dict[str, int]) -> None:
        """Take what a file has and the store has not, and count it."""
        if await asyncio.to_thread(copying.count, path) is None:
            said["unreadable"] += 1
            return
        said["requests"] += await self._write(partial(rolling.bring_back, day=day, path=path))
        said["days"] += 1

    def _sizes(self) -> Mapping[str, Any]:
        files = {} if self._copying is None else self._copying.archive.days()
        return {
            "log_bytes": _size(self._store.path.with_name(f"{self._store.path.name}.wal")),
            "archive_bytes": sum(map(_size, files.values())),
            "archived_days": len(files),
            "archived_since": min(files, default=None),
            "archived_until": max(files, default=None),
        }

    def _archived_since(self) -> date:
        return first_kept(day_of(self._around.clock_us()), self._around.settings().archive_days)

    def _not_copied(self) -> frozenset[date]:
        """Days whose requests are to be in the archive, and are not."""
        if self._copying is None:
            return frozenset()
        days = self._store.work("rollups/archivable_days", {"since": self._archived_since()})
        return frozenset(row["d"] for row in days).difference(self._copying.archive.days())

    async def _ask(self, name: str, **parameters: object) -> list[dict[str, Any]]:
        """Of a statement that may take long."""
        return await asyncio.to_thread(self._store.work, name, parameters)

    async def _write(self, task: Task[T]) -> T:
        """Have this done on the writing connection."""
        return await asyncio.wrap_future(self._thread.submit(task))


def _said(days: Sequence[date]) -> str:
    """`2026-03-01 waits`, or `3 days from 2026-03-01 to 2026-03-03 wait`."""
    return f"{days[0]} waits" if len(days) == 1 else f"{len(days)} days from {days[0]} to {days[-1]} wait"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
