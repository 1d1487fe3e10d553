"""What is done by the clock, in the control process. The only module that knows the scheduler.

Knows when, and remembers how it went. What a job does to the analytics store runs on the thread that writes to it,
between two batches of usage records; what it does to the state runs on the state's own thread. Where several control
processes share one state, one of them does what concerns all of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from apscheduler.schedulers.asyncio import AsyncIOScheduler

import sql
from gateway import logs
from gateway.errors import StateUnavailable, UnknownResource
from gateway.records import JobReport
from gateway.store.responses import ResponseStore
from gateway.store.session import Row
from gateway.store.state import State
from gateway.upkeep.upkeep import Upkeep
from gateway.usage.ingest import Task

REMEMBERED = timedelta(days=7)
"""A segment that was taken longer ago cannot come back: its removal has long been on disk."""

LONGEST_ERROR = 500
"""Characters kept of why a job failed."""

log = logs.get("gateway.jobs")


class Chores(Protocol):
    """What jobs may ask of the control process."""

    @property
    def responses(self) -> ResponseStore:
        """The responses that clients may refer to."""

    @property
    def state(self) -> State:
        """The operational state."""

    async def write(self, task: Task[object]) -> object:
        """Have this done on the analytics store's writing connection."""

    async def forget_what_is_over(self) -> None:
        """Delete sessions, links and answers that have had their time."""

    async def refresh_prices(self) -> None:
        """Fetch the registry of models and prices, if it is due."""

    async def list_models(self) -> None:
        """Ask the providers that are due which models they serve."""

    async def raise_spent(self) -> None:
        """Have counted, at least, what the analytics store knows to be spent."""

    async def watch_alerts(self) -> None:
        """See what is wrong, and have it told."""

    @property
    def upkeep(self) -> Upkeep:
        """What becomes of usage records."""

    async def forget_captures(self) -> None:
        """Delete captures that have had their time, or for which there is no room."""


@dataclass(frozen=True, slots=True)
class Job:
    """One thing done again and again."""

    name: str
    summary: str
    every: timedelta
    run: Callable[[Chores], Awaitable[None]]
    shared: bool = False
    """It concerns the state, which other control processes may share: one of them does it."""
    first: timedelta | None = None
    """How soon after the start it is done for the first time; None for after `every`."""


async def checkpoint(chores: Chores) -> None:
    """Move the store's log into its file, so that a start after a kill has little to replay."""
    await chores.write(lambda connection: connection.execute("checkpoint"))


async def forget_taken_segments(chores: Chores) -> None:
    """Names of segments are kept to recognise those that come back; old ones cannot."""
    before_us = time.time_ns() // 1000 - REMEMBERED // timedelta(microseconds=1)
    statement = sql.statement("usage/forget_taken")
    await chores.write(lambda connection: connection.execute(statement, {"before_us": before_us}))


async def forget_expired_responses(chores: Chores) -> None:
    """Delete what has expired, a little at a time, and make the file smaller by it."""
    while await chores.responses.forget_expired():
        pass
    while await chores.responses.give_back_space():
        pass


async def forget_what_is_over(chores: Chores) -> None:
    """Delete what nobody can use any more."""
    await chores.forget_what_is_over()


async def refresh_prices(chores: Chores) -> None:
    """Fetch the prices that are due. Whatever goes wrong is told with the prices: the next try is not far."""
    await chores.refresh_prices()


async def list_models(chores: Chores) -> None:
    """Ask providers which models they serve. What one of them does wrong is told by the log."""
    await chores.list_models()


async def raise_spent(chores: Chores) -> None:
    """Raise what limits have counted to what usage records say. It is never lowered."""
    await chores.raise_spent()


async def watch_alerts(chores: Chores) -> None:
    """See what is wrong, and have it told. Each control process watches its own machine; of those that share a state
    none opens or tells what another has."""
    await chores.watch_alerts()


async def forget_captures(chores: Chores) -> None:
    """Delete captures that are too old, or too many, on this machine."""
    await chores.forget_captures()


WATCH_ALERTS = "watch-alerts"
"""The job that sees what is wrong."""


async def roll_up_usage(chores: Chores) -> None:
    """Have sums of every day that is over, with what came late."""
    await chores.upkeep.roll_up()


async def archive_usage(chores: Chores) -> None:
    """Have files of them too, some at a time."""
    await chores.upkeep.copy_days()


async def send_archive(chores: Chores) -> None:
    """Have a copy of these files in the bucket, where there is one."""
    await chores.upkeep.send_days()


async def forget_usage(chores: Chores) -> None:
    """Delete a day's records at a time: none that is not in sums."""
    await chores.upkeep.forget()


LIST_MODELS = "list-models"
"""The job that asks providers; done soon after every change of the configuration as well."""

REFRESH_PRICES = "refresh-prices"
"""The job that fetches prices; whoever asks for it by name wants them now."""

JOBS = (
    Job(
        "checkpoint",
        "Moves the analytics store's log into its file.",
        timedelta(minutes=5),
        checkpoint,
    ),
    Job(
        "forget-taken-segments",
        "Forgets the names of spool segments that cannot come back.",
        timedelta(hours=1),
        forget_taken_segments,
    ),
    Job(
        "forget-expired-responses",
        "Deletes kept responses that have expired.",
        timedelta(minutes=10),
        forget_expired_responses,
        shared=True,
    ),
    Job(
        "forget-what-is-over",
        "Deletes sessions, links and kept answers that have had their time.",
        timedelta(minutes=10),
        forget_what_is_over,
        shared=True,
    ),
    Job(
        "forget-captures",
        "Deletes captures that are older than `capture.keep_days`, or more than `capture.max_total_bytes`.",
        timedelta(minutes=10),
        forget_captures,
        first=timedelta(minutes=1),
    ),
    Job(
        "roll-up-usage",
        "Sums up the usage records of each day that is over, with those that came late.",
        timedelta(hours=1),
        roll_up_usage,
        first=timedelta(seconds=20),
    ),
    Job(
        "archive-usage",
        "Writes each such day to a file, and deletes files older than `usage.archive_days`.",
        timedelta(hours=1),
        archive_usage,
        first=timedelta(minutes=5),
    ),
    Job(
        "send-archive",
        "Copies these files to `usage.bucket`, and deletes there those older than `usage.bucket.days`.",
        timedelta(hours=1),
        send_archive,
        first=timedelta(minutes=7),
    ),
    Job(
        "forget-usage",
        "Deletes usage records older than `usage.retention_days`, and sums older than `usage.rollup_days`.",
        timedelta(hours=1),
        forget_usage,
        first=timedelta(minutes=10),
    ),
    Job(
        REFRESH_PRICES,
        "Fetches the price list, as often as `registry.refresh_hours` says.",
        timedelta(minutes=10),
        refresh_prices,
        first=timedelta(seconds=30),
    ),
    Job(
        LIST_MODELS,
        "Asks providers which models they serve, as often as `registry.models_minutes` says.",
        timedelta(minutes=5),
        list_models,
        first=timedelta(seconds=1),
    ),
    Job(
        "raise-spent",
        "Counts against budgets and quotas, at least, what the analytics store knows to be spent.",
        timedelta(minutes=1),
        raise_spent,
        first=timedelta(seconds=0),
    ),
    Job(
        WATCH_ALERTS,
        "Sees what is wrong, and tells whoever `alerts` names.",
        timedelta(minutes=1),
        watch_alerts,
    ),
)


class Clockwork:
    """The jobs of one control process, from now until `end`, in the running event loop."""

    def __init__(self, chores: Chores, jobs: tuple[Job, ...] = JOBS) -> None:
        self._chores, self._jobs = chores, {job.name: job for job in jobs}
        self._running: set[str] = set()
        self._wanted: set[str] = set()
        """Those that somebody asked for since they last began."""
        # One runs at a time: that is seen to here. The scheduler would forget what is asked for while a job is ending.
        self._scheduler = AsyncIOScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 2})
        for job in jobs:
            seconds = job.every.total_seconds()
            begin = {} if job.first is None else {"next_run_time": datetime.now(UTC) + job.first}
            self._scheduler.add_job(self._run, "interval", seconds=seconds, args=(job,), id=job.name, **begin)
        self._scheduler.start()

    def end(self) -> None:
        """Begin nothing any more; what is being done is broken off, as by a kill."""
        self._scheduler.shutdown(wait=False)

    async def reports(self) -> list[JobReport]:
        """Every job, by name. Raises StateUnavailable."""
        kept = await self._chores.state.read(lambda session: session.rows("jobs/listed"))
        rows = {row["name"]: row for row in kept}
        return [self._report(self._jobs[name], rows.get(name, {})) for name in sorted(self._jobs)]

    def run_soon(self, name: str) -> None:
        """Have a job done now, or once more where it is being done, and then again in its own time. Raises
        UnknownResource."""
        if name not in self._jobs:
            raise UnknownResource(f"There is no job `{name}`; there are {', '.join(sorted(self._jobs))}.")
        self._wanted.add(name)
        self._scheduler.modify_job(name, next_run_time=datetime.now(self._scheduler.timezone))

    def _report(self, job: Job, row: Row | Mapping[str, Any]) -> JobReport:
        due = self._scheduler.get_job(job.name)
        next_at = due.next_run_time if due is not None else None
        return JobReport(
            name=job.name,
            summary=job.summary,
            every_seconds=job.every.total_seconds(),
            is_shared=job.shared,
            started_at_us=row.get("started_at"),
            finished_at_us=row.get("finished_at"),
            error=row.get("error"),
            runs=row.get("runs", 0),
            failures=row.get("failures", 0),
            next_at_us=None if next_at is None else round(next_at.timestamp() * 1e6),
            is_running=job.name in self._running,
        )

    async def _run(self, job: Job) -> None:
        if job.name in self._running:
            return
        self._running.add(job.name)
        self._wanted.discard(job.name)
        try:
            if not job.shared or await self._leads():
                await self._do(job)
        except asyncio.CancelledError:
            # By `end`: the scheduler takes that for a failure, and its log would say so.
            if self._scheduler.running:
                raise
        finally:
            self._running.discard(job.name)
            if job.name in self._wanted and self._scheduler.running:
                self.run_soon(job.name)

    async def _do(self, job: Job) -> None:
        await self._write_down("jobs/began", job)
        error = await _done(job, self._chores)
        await self._write_down("jobs/ended", job, error=error, failed=int(error is not None))

    async def _leads(self) -> bool:
        """Whether this process does what concerns all of them. Nobody does while nobody can be asked."""
        try:
            return await self._chores.state.read(lambda session: session.leads())
        except StateUnavailable:
            return False

    async def _write_down(self, statement: str, job: Job, **said: object) -> None:
        parameters = {"name": job.name, "now_us": time.time_ns() // 1000, **said}
        try:
            await self._chores.state.write(lambda session: session.run(statement, parameters))
        except StateUnavailable as error:
            log.warning("how a job went could not be kept", job=job.name, error=str(error))


async def _done(job: Job, chores: Chores) -> str | None:
    """Run a job once; why it failed, if it did. The next time is another chance."""
    try:
        await job.run(chores)
    except asyncio.CancelledError:
        raise
    except Exception as error:  # a job may fail in any way, and the others must go on
        log.exception("a job failed", job=job.name)
        return f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
    return None
