"""What the control process does by the clock, over HTTP."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from gateway.records import JobReport
from gateway.settings.instants import Moment, write_moment

from .desk import Desk
from .operation import Asked, Operation
from .schemas import Shown

TAG = "jobs"


class JobView(Shown, frozen=True, kw_only=True):
    """A job, and how it last went."""

    name: str
    summary: str
    every_seconds: float
    is_shared: Annotated[
        bool, Meta(description="Of several control processes that share one database, one does it: figures are of all.")
    ]
    started_at: Moment | None
    finished_at: Annotated[Moment | None, Meta(description="Null while it runs.")]
    error: Annotated[str | None, Meta(description="Why it failed the last time, if it did.")]
    runs: int
    failures: int
    next_at: Annotated[Moment | None, Meta(description="When this process begins it again.")]
    is_running: bool


class JobList(Shown, frozen=True, kw_only=True):
    """Every job, by name."""

    items: tuple[JobView, ...]


async def list_jobs(asked: Asked[Desk, None, None]) -> JobList:
    """All of them: there are few."""
    return JobList(items=tuple(_view(report) for report in await asked.office.around.job_reports()))


async def run_job(asked: Asked[Desk, None, None]) -> None:
    """It begins at once; how it went is in the list afterwards."""
    asked.office.around.run_job(asked.path["name"])


def _view(report: JobReport) -> JobView:
    return JobView(
        name=report.name,
        summary=report.summary,
        every_seconds=report.every_seconds,
        is_shared=report.is_shared,
        started_at=write_moment(report.started_at_us),
        finished_at=write_moment(report.finished_at_us),
        error=report.error,
        runs=report.runs,
        failures=report.failures,
        next_at=write_moment(report.next_at_us),
        is_running=report.is_running,
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/jobs",
        id="list_jobs",
        summary="List jobs",
        description="What the control process does by the clock, how each last went and when it is due.",
        tag=TAG,
        permission="system:read",
        answer=JobList,
        run=list_jobs,
    ),
    Operation(
        method="POST",
        path="/api/jobs/{name}/run",
        id="run_job",
        summary="Run a job now",
        description="It begins at once and goes on in its own time afterwards. A shared job that another control "
        "process does is done by that one.",
        tag=TAG,
        permission="system:write",
        status=204,
        run=run_job,
    ),
)
