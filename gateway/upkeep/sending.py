"""A copy of the archive in a bucket: which days it lacks, which it has otherwise, and which have had their time there.

What is in the bucket tells what is due, so that whatever was interrupted goes on. Knows days and sums of files;
how they travel is the bucket's business. As in the archive, a file is never replaced by one that knows less.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from io import BufferedReader
from pathlib import Path
from typing import Protocol

import duckdb

from gateway import logs
from gateway.upkeep.archive import Archive, day_named, name_of
from gateway.upkeep.copying import LEFT_OVER_BYTES, Store

SHOWN = 3
"""Days in a message; the rest are counted."""

log = logs.get("gateway.upkeep.sending")

Stamp = tuple[int, int]
"""When a file was written, in nanoseconds, and how large it is."""


class Kept(Protocol):
    """What is known of a file in a bucket without reading it."""

    @property
    def size(self) -> int:
        """In bytes."""

    @property
    def tag(self) -> str:
        """It changes with the content."""


class Bucket(Protocol):
    """What is needed of one. Every method raises where it cannot be reached, or refuses."""

    async def list(self) -> Mapping[str, Kept]:
        """Every file, by its name."""

    async def mark(self, name: str) -> str:
        """The sum that is kept with a file; empty where there is none."""

    async def put(self, name: str, file: BufferedReader, mark: str) -> None:
        """Have a file be what this one is: all of it or nothing."""

    async def get(self, name: str, path: Path) -> None:
        """Have the content of a file here."""

    async def delete(self, names: Collection[str]) -> None:
        """Have files be there no more."""


class NotSent(Exception):
    """Which days are not in the bucket as they are here, and why, in one line."""


class Sending:
    """From one archive into a bucket. Methods raise what the bucket, the store and the disk raise."""

    def __init__(self, store: Store, archive: Archive) -> None:
        self._store, self._archive = store, archive
        self._same: dict[date, tuple[Stamp, str]] = {}
        """Days that were found to be the same here and there, and by what that is recognised."""

    async def send_days(self, bucket: Bucket, since: date) -> int:
        """Have the bucket know what the archive does of the days since, the latest first, and delete what is older
        there; how many files were sent. Raises NotSent for days of which the bucket knows more."""
        there = await days_in(bucket)
        here = await asyncio.to_thread(self._archive.days)
        sent, refused = 0, dict[date, str]()
        for day in sorted((day for day in here if day >= since), reverse=True):
            if await self.is_same(bucket, day, there.get(day)):
                continue
            if day in there and (reason := await self._reason_to_keep(bucket, day, there[day])):
                refused[day] = reason
                continue
            sent += await self._send(bucket, day)
        await bucket.delete([name_of(day) for day in there if day < since])
        if refused:
            raise NotSent(_said(refused))
        return sent

    async def is_same(self, bucket: Bucket, day: date, kept: Kept | None) -> bool:
        """Whether a day's file is in the bucket as it is here. Its content is read once as long as neither changes."""
        path = self._archive.path_of(day)
        stamp = await asyncio.to_thread(_stamp, path)
        if kept is None or stamp is None or stamp[1] != kept.size:
            return False
        if self._same.get(day) != (stamp, kept.tag):
            mark = await bucket.mark(name_of(day))
            if mark != await asyncio.to_thread(_sum_at, path):
                return False
            self._same[day] = stamp, kept.tag
        return True

    @asynccontextmanager
    async def fetched(self, bucket: Bucket, day: date, kept: Kept) -> AsyncIterator[Path]:
        """A day's file from the bucket, for as long as it is looked at. Raises NotSent where there is no room for it,
        or not all of it came."""
        with self._archive.fetched(day) as path:
            if shutil.disk_usage(path.parent).free < LEFT_OVER_BYTES + kept.size:
                raise NotSent(f"no room for the {kept.size} bytes of {day} in {path.parent}")
            await bucket.get(name_of(day), path)
            if (size := path.stat().st_size) != kept.size:
                raise NotSent(f"of {day} the bucket has {kept.size} bytes, and {size} came")
            yield path

    async def _reason_to_keep(self, bucket: Bucket, day: date, kept: Kept) -> str:
        """Why the bucket's file must stay; empty where the archive's has all that is in it."""
        async with self.fetched(bucket, day, kept) as path:
            names = {"path": str(path), "other": str(self._archive.path_of(day))}
            try:
                (alone,) = await asyncio.to_thread(self._store.work, "rollups/sent_alone", names)
            except (duckdb.InvalidInputException, duckdb.IOException) as error:
                return f"it cannot be compared with the bucket's: {str(error).splitlines()[0]}"
        return f"the bucket has {alone['n']} requests of it that the archive has not" if alone["n"] else ""

    async def _send(self, bucket: Bucket, day: date) -> int:
        """Send a day's file as it is at this moment, whoever replaces it meanwhile; how many were sent."""
        try:
            file = await asyncio.to_thread(self._archive.path_of(day).open, "rb")
        except FileNotFoundError:  # it has had its time
            return 0
        with file:
            mark = await asyncio.to_thread(_sum_of, file)
            await bucket.put(name_of(day), file, mark)
            log.info("a day was copied to the bucket", day=str(day), bytes=os.fstat(file.fileno()).st_size)
        return 1


async def days_in(bucket: Bucket) -> dict[date, Kept]:
    """The days of which a bucket has files."""
    return {day: kept for name, kept in (await bucket.list()).items() if (day := day_named(name)) is not None}


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size


def _sum_at(path: Path) -> str:
    """The sum of a file; empty where there is none any more."""
    try:
        with path.open("rb") as file:
            return _sum_of(file)
    except FileNotFoundError:
        return ""


def _sum_of(file: BufferedReader) -> str:
    """The sum of a file, which is at its beginning afterwards."""
    found = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return found


def _said(refused: Mapping[date, str]) -> str:
    """What is not sent, and what to do."""
    days: Sequence[date] = list(refused)
    more = f"; and {len(days) - SHOWN} days more" if len(days) > SHOWN else ""
    reasons = "; ".join(f"{day}: {refused[day]}" for day in days[:SHOWN])
    return (
        f"not copied: {reasons}{more}. Another gateway may use this prefix; else `sluicegate import-archive` takes them"
    )
