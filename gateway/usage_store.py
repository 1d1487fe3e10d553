"""Usage records in the control process, in one hand: spool, analytics store, the thread that writes it, its upkeep, and
the bucket that the archive is copied to.

Knows how they belong together, and in which order they begin and end. Does not know who asks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from gateway.errors import SettingsError
from gateway.settings.instants import write_instant
from gateway.settings.model import Settings
from gateway.store.analytics import Analytics
from gateway.upkeep.archive import archive_in
from gateway.upkeep.rolling import Beginnings
from gateway.upkeep.sending import Bucket
from gateway.upkeep.upkeep import Around, Upkeep
from gateway.usage import segments
from gateway.usage.ingest import Ingest, Task
from gateway.usage.ingest_thread import IngestThread

PATIENCE_SECONDS = 10.0
"""How long usage records are waited for that were there before."""
LOOK_SECONDS = 0.1

KEY = "usage.bucket"

T = TypeVar("T")


class UsageStore:
    """Of one data directory, by the settings of the start where it must be, by those of the moment where it can."""

    def __init__(
        self,
        directory: Path,
        settings: Callable[[], Settings],
        begun: Callable[[], Awaitable[Beginnings]],
        *,
        threads: int | None = None,
    ) -> None:
        """`begun` tells since when limits count; `threads` work on one statement. Raises SettingsError where a bucket
        is wanted, and what it asks for is not installed."""
        check_bucket(settings())
        usage = settings().usage
        archive = archive_in(directory, usage.archive)
        self.spool = directory / "spool"
        self.analytics = Analytics(
            directory / "usage.duckdb",
            self.spool,
            memory_limit=usage.duckdb_memory_limit,
            archive=None if archive is None else archive.directory,
            threads=threads,
        )
        self.ingest = Ingest(self.spool, self.analytics)
        self.thread = IngestThread(self.ingest)
        around = Around(
            settings=lambda: settings().usage,
            begun=begun,
            clock_us=lambda: time.time_ns() // 1000,
            bucket=lambda: bucket_of(settings()),
        )
        self.upkeep = Upkeep(self.analytics, self.thread, archive, around)

    async def start(self) -> None:
        """Begin to ingest; a store that cannot be opened now is tried again and again."""
        await asyncio.to_thread(self.thread.start)
        await asyncio.to_thread(self.upkeep.begin)

    async def stop(self) -> None:
        """Take the segments that are closed, and shut the store cleanly."""
        await asyncio.to_thread(self.thread.stop)
        await self.upkeep.end()
        self.analytics.end()

    async def write(self, task: Task[T]) -> T:
        """Have this done on the writing connection; what it gives."""
        return await asyncio.wrap_future(self.thread.submit(task))

    async def catch_up(self) -> None:
        """Wait until what waits in the spool by now is in the store, though not for ever."""
        waiting = {segment.name for segment in segments.closed(self.spool)}
        for _ in range(round(PATIENCE_SECONDS / LOOK_SECONDS)):
            if waiting.isdisjoint(segment.name for segment in segments.closed(self.spool)):
                break
            await asyncio.sleep(LOOK_SECONDS)

    def state(self) -> Mapping[str, Any]:
        """How records get into the store."""
        state = self.ingest.state
        return {
            "segments_waiting": len(segments.closed(self.spool)),
            "spool_bytes": segments.weigh(self.spool),
            "records_taken": state.records,
            "lines_refused": state.refused,
            "segments_set_aside": state.set_aside,
            "last_taken_at": None if state.last_us is None else write_instant(state.last_us),
            "trouble": state.trouble,
        }


def check_bucket(settings: Settings) -> None:
    """Raises SettingsError where a bucket is wanted, and what it asks for is not installed."""
    if settings.usage.bucket.url:
        _library()


def bucket_of(settings: Settings) -> Bucket | None:
    """The bucket that the archive is copied to; None where it is not. Raises SettingsError, and BucketAway for an
    address that is none."""
    if not settings.usage.bucket.url:
        return None
    made: Bucket = _library().Bucket(settings.usage.bucket, settings.upstream)
    return made


def _library() -> Any:
    """The module that knows the library."""
    try:
        return import_module("gateway.outbound.bucket")
    except ImportError as error:
        message = f"`{KEY}` is set, and obstore is not installed: pip install 'sluicegate[s3]'"
        raise SettingsError(message, key=KEY) from error
