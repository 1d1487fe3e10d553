from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from structlog.testing import capture_logs

from gateway import jobs
from gateway.jobs import JOBS, Chores, Job
from gateway.records import StoredResponse
from gateway.store.analytics import Analytics
from gateway.store.responses import ResponseStore
from gateway.store.state import State, Where, state_file
from gateway.usage.ingest import Task
from tests.waiting import auntil

DAY_US = 86_400_000_000


class StoreChores:
    """Chores on stores of the test."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, responses: ResponseStore) -> None:
        self.connection, self.responses = connection, responses

    async def write(self, task: Task) -> None:
        task(self.connection)


@pytest.fixture
async def chores(tmp_path: Path) -> AsyncIterator[StoreChores]:
    store = Analytics(tmp_path / "usage.duckdb", tmp_path / "spool", memory_limit="256MB")
    responses = ResponseStore(State(Where(state_file(tmp_path))), max_bytes=1024)
    yield StoreChores(store.open(), responses)
    store.close()
    await responses.close()


def test_jobs_have_names_of_their_own() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
async def test_every_job_runs_on_an_empty_store(job: Job, chores: StoreChores) -> None:
    with capture_logs() as said:
        await jobs.run(job, chores)
    assert said == []


async def test_old_segment_names_are_forgotten(chores: StoreChores) -> None:
    now_us = time.time_ns() // 1000
    for name, age in (("old", 8 * DAY_US), ("new", 6 * DAY_US)):
        chores.connection.execute(
            "insert into ingested values ($name, 1, 0, make_timestamp($at))", {"name": name, "at": now_us - age}
        )
    await jobs.forget_taken_segments(chores)
    assert chores.connection.execute("select segment from ingested").fetchall() == [("new",)]


async def test_a_checkpoint_empties_the_log(chores: StoreChores, tmp_path: Path) -> None:
    chores.connection.execute("insert into requests (ts, id) values (make_timestamp(1), uuid())")
    await jobs.checkpoint(chores)
    log = tmp_path / "usage.duckdb.wal"
    assert not log.exists() or log.stat().st_size == 0


async def test_expired_responses_are_forgotten(chores: StoreChores, tmp_path: Path) -> None:
    now = int(time.time())
    for number in range(500):
        await chores.responses.keep(response(str(number), expires_at=now - 1 if number % 2 else now + 60))
    await jobs.forget_expired_responses(chores)
    with closing(sqlite3.connect(state_file(tmp_path))) as connection:
        assert connection.execute("select count(*), min(expires_at) from responses").fetchone() == (250, now + 60)
        assert connection.execute("pragma freelist_count").fetchone() == (0,)


def response(name: str, *, expires_at: int) -> StoredResponse:
    return StoredResponse(
        id=name,
        key="team",
        created_at=0,
        expires_at=expires_at,
        previous_id=None,
        provider="mock",
        credential=None,
        model="fast",
        status="completed",
        input=b"[]",
        response=b"{}",
    )


async def test_jobs_run_by_the_clock_until_ended(chores: StoreChores, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []

    async def count(chores: Chores) -> None:
        runs.append("ran")

    async def fail(chores: Chores) -> None:
        runs.append("failed")
        raise RuntimeError("always")

    soon = timedelta(milliseconds=20)
    monkeypatch.setattr(jobs, "JOBS", (Job("count", soon, count), Job("fail", soon, fail)))
    with capture_logs() as said:
        end = jobs.schedule(chores)
        await auntil(lambda: runs.count("ran") >= 2 and runs.count("failed") >= 2)
        end()
    assert {line["job"] for line in said if line["event"] == "a job failed"} == {"fail"}
