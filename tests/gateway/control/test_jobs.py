from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from structlog.testing import capture_logs

from gateway import jobs
from gateway.errors import UnknownResource
from gateway.jobs import JOBS, Chores, Clockwork, Job
from gateway.records import JobReport, StoredResponse
from gateway.settings.model import UsageSettings
from gateway.store.analytics import Analytics
from gateway.store.responses import ResponseStore
from gateway.store.sqlite import SqliteSession
from gateway.store.state import State, Where, make_ready, state_file
from gateway.upkeep.rolling import Beginnings
from gateway.upkeep.upkeep import Around, Upkeep
from gateway.usage.ingest import Ingest, Task
from gateway.usage.ingest_thread import IngestThread
from tests.waiting import auntil

DAY_US = 86_400_000_000

T = TypeVar("T")


class StoreChores:
    """Chores on stores of the test."""

    def __init__(self, store: Analytics, state: State, place: Path) -> None:
        ingest = Ingest(place / "spool", store)
        ingest.open()
        self.connection, self.state = ingest.writing(), state
        around = Around(settings=UsageSettings, begun=nothing_begun, clock_us=lambda: time.time_ns() // 1000)
        self.upkeep = Upkeep(store, AtOnce(ingest), None, around)
        self.place = state_file(place)
        self.responses = ResponseStore(state, max_bytes=1024)
        self.forgotten = self.refreshed = self.watched = 0

    async def write(self, task: Task[object]) -> None:
        task(self.connection)

    async def forget_what_is_over(self) -> None:
        self.forgotten += 1

    async def refresh_prices(self) -> None:
        self.refreshed += 1

    async def list_models(self) -> None:
        pass

    async def raise_spent(self) -> None:
        pass

    async def forget_captures(self) -> None:
        pass

    async def watch_alerts(self) -> None:
        self.watched += 1


class AtOnce(IngestThread):
    """Does what is asked for in the thread that asks."""

    def occupy(self, work: Callable[[Ingest], T]) -> Future[T]:
        outcome: Future[T] = Future()
        outcome.set_result(work(self._ingest))
        return outcome


async def nothing_begun() -> Beginnings:
    return Beginnings()


@pytest.fixture
async def chores(tmp_path: Path) -> AsyncIterator[StoreChores]:
    store = Analytics(tmp_path / "usage.duckdb", tmp_path / "spool", memory_limit="256MB")
    where = Where(state_file(tmp_path))
    make_ready(where)
    state = State(where)
    yield StoreChores(store, state, tmp_path)
    store.close()
    await state.close()


def test_jobs_have_names_of_their_own() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
async def test_every_job_runs_on_an_empty_store(job: Job, chores: StoreChores) -> None:
    await job.run(chores)


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


async def test_days_of_usage_records_are_summed_up_and_then_go(chores: StoreChores) -> None:
    now_us = time.time_ns() // 1000
    chores.connection.execute(
        """insert into requests (ts, id, key, cost_nano_usd, tries)
        select make_timestamp($now - cast(i as bigint) * $day), uuid(), 'app', 5, 1 from range(100) as r(i)""",
        {"now": now_us, "day": DAY_US},
    )
    for job in (jobs.roll_up_usage, jobs.archive_usage, jobs.forget_usage):
        await job(chores)
    counts = "select (select count(*) from requests), (select cast(sum(n) as bigint) from usage_daily)"
    assert chores.connection.execute(counts).fetchall() == [(91, 99)]


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


SOON = timedelta(milliseconds=20)


@asynccontextmanager
async def clockwork(chores: StoreChores, *some: Job) -> AsyncIterator[Clockwork]:
    clock = Clockwork(chores, some)
    try:
        yield clock
    finally:
        clock.end()


async def test_a_job_may_be_done_long_before_its_time_comes_round(chores: StoreChores) -> None:
    day = timedelta(days=1)
    soon, later = Job("soon", "Soon.", day, nothing, first=SOON), Job("later", "Later.", day, nothing)
    async with clockwork(chores, soon, later) as clock:
        await auntil(lambda: written(chores, "soon"))
        known = await reports(clock)
    assert (written(chores, "soon"), written(chores, "later")) == (1, 0)
    assert known["soon"].next_at_us is not None
    assert known["soon"].next_at_us > time.time_ns() // 1000 + 3600 * 10**6


async def nothing(chores: Chores) -> None:
    """A job that goes well."""


async def failing(chores: Chores) -> None:
    raise RuntimeError("always")


async def reports(clock: Clockwork) -> dict[str, JobReport]:
    return {report.name: report for report in await clock.reports()}


async def test_jobs_run_by_the_clock_and_are_remembered(chores: StoreChores) -> None:
    count, fail = Job("count", "Counts.", SOON, nothing), Job("fail", "Fails.", SOON, failing)
    with capture_logs() as said:
        async with clockwork(chores, count, fail) as clock:
            await auntil(lambda: written(chores, "count") >= 2 and written(chores, "fail") >= 2)
            known = await reports(clock)
    assert {line["job"] for line in said if line["event"] == "a job failed"} == {"fail"}
    assert known["count"].failures == 0
    assert known["count"].next_at_us is not None
    assert known["fail"].failures >= 1
    with closing(sqlite3.connect(chores.place)) as connection:
        (error,) = connection.execute("select error from jobs where name = 'fail'").fetchone()
    assert error in ("RuntimeError: always", None), "null while it runs once more"


async def test_a_job_is_run_when_somebody_asks(chores: StoreChores) -> None:
    async with clockwork(chores, Job("seldom", "Seldom.", timedelta(days=1), nothing)) as clock:
        assert (await reports(clock))["seldom"].started_at_us is None
        clock.run_soon("seldom")
        await auntil(lambda: written(chores, "seldom") == 1)
        with pytest.raises(UnknownResource, match="There is no job `never`; there are seldom"):
            clock.run_soon("never")


async def test_a_job_that_is_asked_for_while_it_runs_is_done_once_more(chores: StoreChores) -> None:
    going, let_go = asyncio.Event(), asyncio.Event()

    async def held(chores: Chores) -> None:
        going.set()
        await let_go.wait()

    async with clockwork(chores, Job("held", "Held.", timedelta(days=1), held)) as clock:
        clock.run_soon("held")
        await going.wait()
        going.clear()
        for _ in range(3):
            clock.run_soon("held")
            await asyncio.sleep(0.02)  # the scheduler has had its chance to begin it a second time
        assert not going.is_set(), "one at a time"
        assert (await reports(clock))["held"].is_running
        let_go.set()
        await auntil(lambda: written(chores, "held") == 2)
        await auntil(going.is_set)
        await asyncio.sleep(0.05)
    assert written(chores, "held") == 2, "once more, however often it was asked for"


async def test_a_job_that_is_broken_off_at_the_end_is_no_failure(
    chores: StoreChores, caplog: pytest.LogCaptureFixture
) -> None:
    going, left = asyncio.Event(), asyncio.Event()

    async def held(chores: Chores) -> None:
        going.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    async with clockwork(chores, Job("held", "Held.", timedelta(days=1), held)) as clock:
        clock.run_soon("held")
        await going.wait()
    await left.wait()
    await asyncio.sleep(0)  # what the scheduler makes of it comes with the turn after that
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_job_that_is_asked_for_as_it_ends_is_done_once_more(chores: StoreChores) -> None:
    async with clockwork(chores, Job("short", "Short.", timedelta(days=1), nothing)) as clock:
        for number in range(1, 20):
            clock.run_soon("short")
            await auntil(lambda number=number: written(chores, "short") >= number)  # type: ignore[misc]


async def test_what_concerns_all_is_done_by_the_one_that_leads(
    chores: StoreChores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqliteSession, "leads", lambda session: False)
    ours, shared = Job("ours", "Ours.", SOON, nothing), Job("shared", "All.", SOON, nothing, shared=True)
    async with clockwork(chores, ours, shared):
        await auntil(lambda: written(chores, "ours") >= 3)
        assert written(chores, "shared") == 0
        monkeypatch.undo()
        await auntil(lambda: written(chores, "shared") >= 1)


def written(chores: StoreChores, name: str) -> int:
    """How often a job began, as the state has it."""
    with closing(sqlite3.connect(chores.place)) as connection:
        found = connection.execute("select runs from jobs where name = ?", (name,)).fetchone()
    return int(found[0]) if found else 0
