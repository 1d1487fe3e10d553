"""What is done by the clock, in the control process. The only module that knows the scheduler.

Knows when. What a job does to the analytics store runs on the thread that writes to it, between two batches of usage
records; what it does to the state runs on the state's own thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from apscheduler.schedulers.asyncio import AsyncIOScheduler

import sql
from gateway import logs
from gateway.store.responses import ResponseStore
from gateway.usage.ingest import Task

REMEMBERED = timedelta(days=7)
"""A segment that was taken longer ago cannot come back: its removal has long been on disk."""

log = logs.get("gateway.jobs")


class Chores(Protocol):
    """What jobs may ask of the control process."""

    @property
    def responses(self) -> ResponseStore:
        """The responses that clients may refer to."""

    async def write(self, task: Task) -> None:
        """Have this done on the analytics store's writing connection."""


@dataclass(frozen=True, slots=True)
class Job:
    """One thing done again and again."""

    name: str
    every: timedelta
    run: Callable[[Chores], Awaitable[None]]


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


JOBS = (
    Job("checkpoint", timedelta(minutes=5), checkpoint),
    Job("forget taken segments", timedelta(hours=1), forget_taken_segments),
    Job("forget expired responses", timedelta(minutes=10), forget_expired_responses),
)


def schedule(chores: Chores) -> Callable[[], None]:
    """Run every job from now on, in the running event loop; what is given back ends that."""
    scheduler = AsyncIOScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1})
    for job in JOBS:
        scheduler.add_job(run, "interval", seconds=job.every.total_seconds(), args=(job, chores), id=job.name)
    scheduler.start()

    def end() -> None:
        scheduler.shutdown(wait=False)

    return end


async def run(job: Job, chores: Chores) -> None:
    """Run a job once; a failure is logged, and the next time is another chance."""
    try:
        await job.run(chores)
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - a job may fail in any way, and the others must go on
        log.error("a job failed", job=job.name, error=str(error))
