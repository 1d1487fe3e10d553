"""The gateway itself, as those see it who look after it: its processes and machine, where it keeps things, what it is
made of; and having something of that done.

Knows who may. How any of it is found out, and done, is handed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from gateway.management.office import Actor
from gateway.records import JobReport

READ, WRITE = "system:read", "system:write"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFacts:
    """A process of the gateway."""

    name: str
    pid: int
    since_us: int | None
    cpu_percent: float | None
    """Of one core; None before it was looked at twice."""
    rss_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """A place for a worker, and how the one in it is doing."""

    index: int
    process: ProcessFacts | None
    """None while there is none in it."""
    restarts: int
    in_flight: int
    streams: int
    connections: int
    """To providers, busy and idle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFacts:
    """The machine that it runs on."""

    processors: int
    load: float
    memory_bytes: int
    available_bytes: int
    disk_bytes: int
    """Of the data directory's disk, what could ever be used."""
    disk_free_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolFacts:
    """Usage records on their way to the analytics store."""

    segments: int
    size_bytes: int
    most_bytes: int
    """Beyond that records are dropped."""
    lag_seconds: float
    """Age of the oldest segment that waits."""
    taken: int
    refused: int
    """Lines that could not be read."""
    set_aside: int
    """Segments that lie in `spool/bad`."""
    dropped: int
    """Records that are lost, since the gateway started."""
    last_us: int | None
    trouble: str | None
    """Why none is taken at the moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """How the gateway is doing at this moment."""

    supervisor: ProcessFacts | None
    control: ProcessFacts | None
    workers: tuple[WorkerFacts, ...]
    machine: MachineFacts | None
    """None where the system does not tell."""
    spool: SpoolFacts
    limits_answer: bool | None
    """Whether whoever counts limits for several machines answers; None where this one counts alone."""
    limits_outages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrandFacts:
    """What was asked to be done to the analytics store. Times are Unix microseconds."""

    name: str
    began_us: int
    ended_us: int | None
    error: str | None
    said: Mapping[str, int | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """What the analytics store holds."""

    file_bytes: int
    free_bytes: int
    log_bytes: int
    memory_bytes: int
    """That its database holds."""
    memory_limit: str
    """As DuckDB writes it: `953.6 MiB`."""
    requests: int
    oldest_us: int | None
    newest_us: int | None
    rolled_days: int
    rolled_until: date | None
    rolled_at_us: int | None
    days_with_requests: int
    archived_days: int
    archive_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFacts:
    """The database of users, keys, configuration and so on."""

    place: str
    """A file, or database and server; no password."""
    is_shared: bool
    """Whether other machines may use it as well."""
    size_bytes: int | None
    """None where it is no file of this machine."""
    migrations: int
    version: int
    migrated_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Where the gateway keeps things, and what it is made of."""

    store: StoreFacts | None
    """None while the analytics store does not answer."""
    errand: ErrandFacts | None
    state: StateFacts
    sizes: Mapping[str, int]
    """Bytes of the files in the data directory."""
    directory: str
    limits_place: str
    """Who counts limits for several machines; empty where this one counts alone."""
    versions: tuple[tuple[str, str], ...]
    """Of what, and which."""


class Inspecting(Protocol):
    """Finds it out."""

    async def doing(self) -> Doing:
        """How the gateway is doing."""

    async def kept(self) -> Kept:
        """Where it keeps things. Raises StateUnavailable."""

    async def compact(self) -> None:
        """Have the analytics store's file written anew. Raises Conflict, ControlUnavailable, Unacceptable."""


class Clock(Protocol):
    """Does things by the clock."""

    async def job_reports(self) -> Sequence[JobReport]:
        """Every job. Raises StateUnavailable."""

    def run_job(self, name: str) -> None:
        """Have a job done now. Raises UnknownResource."""


async def show_doing(actor: Actor, inspecting: Inspecting) -> Doing:
    """How the gateway is doing. Raises NotPermitted."""
    actor.require(READ)
    return await inspecting.doing()


async def show_kept(actor: Actor, inspecting: Inspecting) -> Kept:
    """Where it keeps things. Raises NotPermitted, StateUnavailable."""
    actor.require(READ)
    return await inspecting.kept()


async def list_jobs(actor: Actor, clock: Clock) -> Sequence[JobReport]:
    """Every job, by name. Raises NotPermitted, StateUnavailable."""
    actor.require(READ)
    return await clock.job_reports()


def run_job(actor: Actor, clock: Clock, name: str) -> None:
    """Have a job done now. Raises NotPermitted, UnknownResource."""
    actor.require(WRITE)
    clock.run_job(name)


async def compact(actor: Actor, inspecting: Inspecting) -> None:
    """Have the analytics store's file written anew. Raises NotPermitted, Conflict, ControlUnavailable, Unacceptable."""
    actor.require(WRITE)
    await inspecting.compact()
