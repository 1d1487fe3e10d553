from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from gateway.errors import ControlUnavailable, Unacceptable
from gateway.settings.model import UsageSettings
from gateway.store.analytics import Analytics
from gateway.usage.ingest import Ingest, Task
from gateway.usage.ingest_thread import IngestThread
from gateway.usage.spool import Spool, encode
from tests.gateway.usage.records import usage_record
from tests.waiting import until


def execute(text: str) -> Task[None]:
    """A task that executes this."""

    def task(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(text)

    return task


@pytest.fixture
def ingest(tmp_path: Path) -> Ingest:
    spool = tmp_path / "spool"
    return Ingest(spool, Analytics(tmp_path / "usage.duckdb", spool, memory_limit="256MB"))


@pytest.fixture
def thread(ingest: Ingest) -> Iterator[IngestThread]:
    made = IngestThread(ingest)
    made.start()
    yield made
    made.stop()


def test_the_store_is_open_once_started(ingest: Ingest, thread: IngestThread) -> None:
    assert ingest.connection is not None


def test_what_a_worker_closes_is_taken_unasked(tmp_path: Path, ingest: Ingest, thread: IngestThread) -> None:
    out = Spool(tmp_path / "spool", 0, UsageSettings())
    out.append(encode(usage_record()))
    out.close()
    until(lambda: ingest.state.records == 1)


def test_stopping_takes_what_is_closed(tmp_path: Path, ingest: Ingest) -> None:
    thread = IngestThread(ingest)
    thread.start()
    out = Spool(tmp_path / "spool", 0, UsageSettings())
    out.append(encode(usage_record()))
    out.close()
    thread.stop()
    with duckdb.connect(str(tmp_path / "usage.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) from requests").fetchone() == (1,)


def test_a_thread_that_never_started_can_be_stopped(ingest: Ingest) -> None:
    IngestThread(ingest).stop()


def test_tasks_run_on_the_thread_that_writes(thread: IngestThread) -> None:
    names: list[str] = []
    thread.submit(lambda connection: names.append(threading.current_thread().name)).result(5)
    assert names == ["ingest"]


def test_a_task_that_fails_tells_who_submitted_it_and_ingest_goes_on(
    tmp_path: Path, ingest: Ingest, thread: IngestThread
) -> None:
    with pytest.raises(duckdb.ParserException):
        thread.submit(execute("nonsense")).result(5)
    until(lambda: ingest.connection is not None)
    thread.submit(execute("checkpoint")).result(5)


def test_a_task_for_a_shut_store_is_refused(tmp_path: Path, ingest: Ingest) -> None:
    (tmp_path / "usage.duckdb").mkdir()
    thread = IngestThread(ingest)
    thread.start()
    try:
        with pytest.raises(ControlUnavailable):
            thread.submit(lambda connection: None).result(5)
    finally:
        thread.stop()


def test_what_a_task_gives_is_handed_on(thread: IngestThread) -> None:
    assert thread.submit(lambda connection: connection.execute("select 42").fetchall()).result(5) == [(42,)]


def test_whoever_occupies_the_thread_keeps_records_waiting(
    tmp_path: Path, ingest: Ingest, thread: IngestThread
) -> None:
    begun, over = threading.Event(), threading.Event()

    def occupy(ingest: Ingest) -> int:
        begun.set()
        assert over.wait(5)
        return ingest.state.records

    work = thread.occupy(occupy)
    assert begun.wait(5)
    out = Spool(tmp_path / "spool", 0, UsageSettings())
    out.append(encode(usage_record()))
    out.close()
    assert not thread.is_ending
    over.set()
    assert work.result(5) == 0
    until(lambda: ingest.state.records == 1)


def test_a_refusal_leaves_the_store_open(ingest: Ingest, thread: IngestThread) -> None:
    connection = ingest.connection

    def refuse(ingest: Ingest) -> None:
        raise Unacceptable("not now")

    with pytest.raises(Unacceptable):
        thread.occupy(refuse).result(5)
    assert ingest.connection is connection
    assert ingest.state.trouble is None
