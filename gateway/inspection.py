"""How the gateway is doing and where it keeps things, gathered from wherever it is known in the control process.

Knows where to look: the kernel, the files that workers leave, the stores. Who may be told is `management.system`'s
business. What cannot be told at the moment is left out, and says so by being left out.
"""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from gateway import __version__
from gateway.errors import ControlUnavailable
from gateway.leash import Start
from gateway.live.events import ProcessFigures
from gateway.live.look import facts_of
from gateway.live.machine import Processes, began_us, look_at_host, sizes_in
from gateway.management.system import (
    Doing,
    ErrandFacts,
    Kept,
    MachineFacts,
    ProcessFacts,
    SpoolFacts,
    StateFacts,
    StoreFacts,
    WorkerFacts,
)
from gateway.observe import snapshot
from gateway.observe.snapshot import Snapshot
from gateway.oversight import Oversight
from gateway.settings.instants import read_instant
from gateway.settings.model import Settings
from gateway.store.state import State, database_of, engine_of, state_file
from gateway.upkeep.upkeep import Upkeep

LIBRARIES = (
    "granian",
    "blacksheep",
    "duckdb",
    "msgspec",
    "orjson",
    "httpx",
    "jinja2",
    "apscheduler",
    "pynacl",
    "uvloop",
)
EXTRAS = ("psycopg", "redis", "opentelemetry-sdk")
"""Libraries that may be missing."""

FRESH_SECONDS = 1.0
"""Processes are not looked at more often: how busy one is takes some time between two looks."""


class Around(Protocol):
    """The control process, as far as it is looked at."""

    @property
    def upkeep(self) -> Upkeep:
        """What becomes of usage records."""

    @property
    def state(self) -> State:
        """The operational state."""

    @property
    def oversight(self) -> Oversight:
        """Pools and limits; there once it has started."""

    def ingest_state(self) -> Mapping[str, Any]:
        """How records get into the analytics store."""


class Inspection:
    """Of one control process."""

    def __init__(
        self,
        start: Start,
        settings: Callable[[], Settings],
        around: Around,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`settings` are those that hold at the moment."""
        self._started_at_us, self._settings, self._around = start.started_at_us, settings, around
        self._directory = Path(start.settings.server.data_dir).absolute()
        self._clock, self._processes = clock, Processes()
        self._looked_at = float("-inf")
        self._found: Mapping[int, ProcessFigures] = {}

    async def doing(self) -> Doing:
        """How the gateway is doing."""
        return await asyncio.to_thread(self._doing)

    async def kept(self) -> Kept:
        """Where it keeps things. Raises StateUnavailable."""
        errand = self._around.upkeep.errand
        return Kept(
            store=await self._store(),
            errand=None
            if errand is None
            else ErrandFacts(
                name=errand.name,
                began_us=errand.began_at_us,
                ended_us=errand.ended_at_us,
                error=errand.error,
                said=errand.said,
            ),
            state=await self._state(),
            sizes=await asyncio.to_thread(_sizes, self._directory),
            directory=str(self._directory),
            limits_place=_place(self._settings().limits.redis_url),
            versions=await asyncio.to_thread(versions),
        )

    async def compact(self) -> None:
        """Have the analytics store's file written anew. Raises Conflict, ControlUnavailable, Unacceptable."""
        await self._around.upkeep.compact()

    # In a thread: files are looked at

    def _doing(self) -> Doing:
        snapshots = [self._snapshot(index) for index in range(self._settings().server.workers)]
        alive = {each.process.pid: each for each in snapshots if each is not None and each.process.alive()}
        own = {"supervisor": os.getppid(), "control": os.getpid()}
        self._look({**own, **{f"worker {pid}": pid for pid in alive}})
        oversight = self._around.oversight
        return Doing(
            supervisor=self._process("supervisor", own["supervisor"]),
            control=self._process("control", own["control"]),
            workers=tuple(self._worker(index, each) for index, each in enumerate(snapshots)),
            machine=_machine(self._directory),
            spool=self._spool([each for each in snapshots if each is not None]),
            limits_answer=oversight.is_here,
            limits_outages=oversight.outages,
        )

    def _snapshot(self, index: int) -> Snapshot | None:
        """What a worker has left, or the one before it."""
        place = snapshot.path(self._directory / "run" / "metrics", index)
        return snapshot.load(place, gateway_started_at_us=self._started_at_us)

    def _look(self, named: Mapping[str, int]) -> None:
        now = self._clock()
        if now - self._looked_at >= FRESH_SECONDS or not {*named.values()} <= self._found.keys():
            self._looked_at = now
            self._found = {each.pid: each for each in self._processes.look(named)}

    def _process(self, name: str, pid: int) -> ProcessFacts | None:
        found = self._found.get(pid)
        if found is None:
            return None
        known = {"cpu_percent": found.cpu_percent, "rss_bytes": found.rss_bytes}
        return ProcessFacts(name=name, pid=pid, since_us=began_us(pid), **known)  # type: ignore[arg-type] # each its own

    def _worker(self, index: int, told: Snapshot | None) -> WorkerFacts:
        lives = told is not None and told.process.alive()
        process = self._process(f"worker {index}", told.process.pid) if told is not None and lives else None
        if told is None or process is None:
            restarts = 0 if told is None else told.starts - 1
            return WorkerFacts(index=index, process=None, restarts=restarts, in_flight=0, streams=0, connections=0)
        now = told.readings
        return WorkerFacts(
            index=index,
            process=process,
            restarts=told.starts - 1,
            in_flight=now.in_flight,
            streams=now.streams_open,
            connections=now.connections_open,
        )

    def _spool(self, snapshots: list[Snapshot]) -> SpoolFacts:
        facts = facts_of(self._directory, self._around.ingest_state())
        told = facts.ingest
        return SpoolFacts(
            segments=told["segments_waiting"],
            size_bytes=told["spool_bytes"],
            most_bytes=self._settings().usage.spool_max_bytes,
            lag_seconds=facts.lag_seconds,
            taken=told["records_taken"],
            refused=told["lines_refused"],
            set_aside=_count(self._directory / "spool" / "bad"),
            dropped=sum(each.readings.records_dropped for each in snapshots),
            last_us=None if told["last_taken_at"] is None else read_instant(told["last_taken_at"]),
            trouble=told["trouble"],
        )

    # Of the stores

    async def _store(self) -> StoreFacts | None:
        try:
            found = await self._around.upkeep.standing()
        except ControlUnavailable:
            return None
        return StoreFacts(**{name: found[name] for name in StoreFacts.__dataclass_fields__})

    async def _state(self) -> StateFacts:
        where = database_of(self._settings())
        (row,) = await self._around.state.read(lambda session: session.rows("system/migrations"))
        size = None if where.is_shared else sum(map(_size, _files(self._directory)))
        return StateFacts(
            place=engine_of(where).place,
            is_shared=where.is_shared,
            size_bytes=size,
            migrations=row["applied"],
            version=row["version"],
            migrated_us=row["applied_at"],
        )


def versions() -> tuple[tuple[str, str], ...]:
    """What the gateway is made of, and where it runs."""
    return (
        ("Sluicegate", __version__),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        *((name, found) for name in (*LIBRARIES, *EXTRAS) if (found := _version(name))),
        ("system", _system()),
        ("kernel", f"{platform.system()} {platform.release()}, {platform.machine()}"),
    )


def _version(name: str) -> str:
    """Of a library; empty where it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _system() -> str:
    with suppress(OSError):
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    return platform.system()


def _place(url: str) -> str:
    """Host and port of an address, which may hold a password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else ""


def _machine(directory: Path) -> MachineFacts | None:
    try:
        host, disk = look_at_host(), shutil.disk_usage(directory)
    except OSError:
        return None
    # What is kept for the administrator is not ours to use.
    return MachineFacts(**host._asdict(), disk_bytes=disk.used + disk.free, disk_free_bytes=disk.free)


def _sizes(directory: Path) -> Mapping[str, int]:
    with suppress(OSError):
        return sizes_in(directory)
    return {}


def _files(directory: Path) -> tuple[Path, Path]:
    """The state's file, and its log."""
    file = state_file(directory)
    return file, file.with_name(f"{file.name}-wal")


def _count(directory: Path) -> int:
    """Files in it; none where there is none."""
    with suppress(OSError):
        return sum(1 for _ in directory.iterdir())
    return 0


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
