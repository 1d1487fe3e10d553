from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import sql
from gateway.errors import ControlUnavailable
from gateway.store.analytics import STORAGE_VERSION, Analytics
from gateway.store.asking.run import Run

ENDLESS = "select sum(a.range * b.range) from range(1000000) a, range(1000000) b where a.range + b.range != $never"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Analytics]:
    made = Analytics(tmp_path / "usage.duckdb", tmp_path / "spool", memory_limit="256MB")
    yield made
    made.close()
    made.end()


@pytest.fixture
def prompt_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Analytics]:
    """One whose reads do not give way: on a full machine they would be begun anew, and wait where it is closed."""
    monkeypatch.setattr("gateway.store.asking.sharing.give_way", lambda: None)
    made = Analytics(tmp_path / "prompt.duckdb", tmp_path / "spool", memory_limit="256MB")
    yield made
    made.close()
    made.end()


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set as soon as a statement has a cursor."""
    said, begin = threading.Event(), Run.begin

    def begin_and_say(run: Run, cursor: duckdb.DuckDBPyConnection) -> None:
        begin(run, cursor)
        said.set()

    monkeypatch.setattr(Run, "begin", begin_and_say)
    return said


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Statements of the test, by name, in place of the program's."""
    made: dict[str, str] = {}
    monkeypatch.setattr("gateway.store.analytics.sql.statement", lambda name: made.get(name) or REAL(name))
    return made


REAL = sql.statement


def test_a_new_file_can_be_opened_by_every_version_we_allow(store: Analytics) -> None:
    connection = store.open()
    tags = connection.execute("select tags from duckdb_databases() where database_name = 'usage'").fetchone()
    assert tags is not None
    assert tags[0]["storage_version"].startswith(STORAGE_VERSION)


def test_files_are_written_by_whoever_asks_for_them(store: Analytics) -> None:
    """With threads of DuckDB's for that, about one in sixty statements that were stopped while they wrote Parquet never
    ended (DuckDB 2.0.0, one thread a statement, interrupted at random within its first 120 ms)."""
    assert store.open().execute("select current_setting('async_threads')::int").fetchone() == (0,)


def test_there_are_no_indexes_and_no_keys(store: Analytics) -> None:
    connection = store.open()
    assert connection.execute("select * from duckdb_indexes()").fetchall() == []
    kinds = connection.execute("select distinct constraint_type from duckdb_constraints()").fetchall()
    assert kinds in ([], [("NOT NULL",)])


def test_statements_reach_no_other_file(store: Analytics, tmp_path: Path) -> None:
    connection = store.open()
    (tmp_path / "secret").write_text("x")
    for attempt in (
        f"select * from read_text('{tmp_path}/secret')",
        f"select * from read_text('{tmp_path}/spool/../secret')",
        f"copy (select 1) to '{tmp_path}/out.csv'",
        f"attach '{tmp_path}/other.duckdb'",
        "install httpfs",
    ):
        with pytest.raises(duckdb.Error):
            connection.execute(attempt)
    with pytest.raises(duckdb.Error, match="locked"):
        connection.execute("set enable_external_access = true")


async def test_a_statement_is_read_by_name_into_rows(store: Analytics) -> None:
    store.open()
    assert await store.read("usage/count", {}) == [{"requests": 0}]


async def test_an_unknown_statement_is_a_mistake_of_ours(store: Analytics) -> None:
    store.open()
    with pytest.raises(KeyError):
        await store.read("usage/nothing", {})


async def test_a_shut_store_says_so(store: Analytics) -> None:
    with pytest.raises(ControlUnavailable):
        await store.read("usage/count", {})


async def test_a_statement_that_fails_says_no_more_than_that(store: Analytics, statements: dict[str, str]) -> None:
    statements["wrong"] = "select nothing from nowhere"
    store.open()
    with pytest.raises(ControlUnavailable) as refused:
        await store.read("wrong", {})
    assert "nowhere" not in refused.value.message


async def test_a_statement_that_takes_too_long_is_interrupted(store: Analytics, statements: dict[str, str]) -> None:
    statements["endless"] = ENDLESS
    store.open()
    start = time.monotonic()
    with pytest.raises(ControlUnavailable, match="too long"):
        await store.read("endless", {"never": -1}, seconds=0.1)
    assert time.monotonic() - start < 20
    assert await store.read("usage/count", {}) == [{"requests": 0}]


async def test_waiting_counts_too_and_the_loop_runs_on(store: Analytics, statements: dict[str, str]) -> None:
    statements["endless"] = ENDLESS
    store.open()
    reads = [asyncio.create_task(store.read("endless", {"never": -1}, seconds=0.2)) for _ in range(6)]
    turns = 0
    while not all(read.done() for read in reads):
        await asyncio.sleep(0.005)
        turns += 1
    assert turns > 5
    assert all(isinstance(read.exception(), ControlUnavailable) for read in reads)


async def test_a_reader_that_leaves_stops_its_statement(store: Analytics, statements: dict[str, str]) -> None:
    statements["endless"] = ENDLESS
    store.open()
    read = asyncio.create_task(store.read("endless", {"never": -1}, seconds=60))
    await asyncio.sleep(0.05)
    read.cancel()
    with pytest.raises(asyncio.CancelledError):
        await read
    start = time.monotonic()
    await asyncio.to_thread(store.close)
    assert time.monotonic() - start < 20


async def test_closing_stops_what_is_being_read_and_opening_again_goes_on(
    store: Analytics, statements: dict[str, str]
) -> None:
    statements["endless"] = ENDLESS
    store.open()
    reads = [asyncio.create_task(store.read("endless", {"never": -1}, seconds=60)) for _ in range(3)]
    await asyncio.sleep(0.05)
    await asyncio.to_thread(store.close)
    done, _ = await asyncio.wait(reads, timeout=5)
    assert len(done) == 3
    assert all(isinstance(read.exception(), ControlUnavailable) for read in done)
    store.open()
    assert await store.read("usage/count", {}) == [{"requests": 0}]


async def test_reads_and_writes_do_not_wait_for_each_other(store: Analytics) -> None:
    connection = store.open()
    connection.begin()
    connection.execute("insert into requests (ts, id) values (make_timestamp(1), uuid())")
    assert await store.read("usage/count", {}) == [{"requests": 0}]
    connection.commit()
    assert await store.read("usage/count", {}) == [{"requests": 1}]


def test_a_store_can_be_closed_twice(store: Analytics) -> None:
    store.open()
    store.close()
    store.close()
    assert not store.is_open


async def test_a_store_that_is_soon_opened_again_keeps_readers_waiting(store: Analytics) -> None:
    store.open()
    await asyncio.to_thread(store.close, patience=1.0)
    reading = asyncio.create_task(store.read("usage/count", {}))
    await asyncio.sleep(0.1)
    assert not reading.done()
    store.open()
    assert await reading == [{"requests": 0}]


async def test_it_lets_reads_that_run_come_to_an_end(
    prompt_store: Analytics, statements: dict[str, str], begun: threading.Event
) -> None:
    statements["long"] = "select sum(a.range * b.range) as n from range(20000) a, range(1200) b"
    prompt_store.open()
    reading = asyncio.create_task(prompt_store.read("long", {}))
    await asyncio.to_thread(begun.wait)
    await asyncio.to_thread(prompt_store.close, patience=20.0)
    assert await reading == [{"n": sum(range(20000)) * sum(range(1200))}]


async def test_a_store_that_does_not_come_back_says_so(
    store: Analytics, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("gateway.store.analytics.RETURN_SECONDS", 0.05)
    store.open()
    await asyncio.to_thread(store.close, patience=1.0)
    with pytest.raises(ControlUnavailable):
        await store.read("usage/count", {})
    store.path.rename(tmp_path / "elsewhere")
    store.path.mkdir()
    with pytest.raises(duckdb.Error):
        store.open()
    with pytest.raises(ControlUnavailable):
        await store.read("usage/count", {})


def test_work_may_take_as_long_as_it_takes_and_fails_as_it_fails(store: Analytics, statements: dict[str, str]) -> None:
    with pytest.raises(ControlUnavailable):
        store.work("usage/count", {})
    store.open()
    assert store.work("usage/count", {}) == [{"requests": 0}]
    statements["wrong"] = "select nothing from nowhere"
    with pytest.raises(duckdb.CatalogException):
        store.work("wrong", {})


def test_statements_reach_the_archive_where_there_is_one(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    store = Analytics(tmp_path / "usage.duckdb", tmp_path / "spool", memory_limit="256MB", archive=archive)
    connection = store.open()
    connection.execute(f"copy (select 1 as one) to '{archive}/a.parquet' (format parquet)")
    assert connection.execute(f"from read_parquet('{archive}/a.parquet')").fetchall() == [(1,)]
    with pytest.raises(duckdb.Error):
        connection.execute(f"copy (select 1) to '{archive}/../a.parquet' (format parquet)")
    store.close()
    store.end()


async def test_a_page_may_show_an_answer_of_a_moment_ago(store: Analytics) -> None:
    connection = store.open()
    assert await store.lately("usage/count", {}) == [{"requests": 0}]
    connection.execute("insert into requests (ts, id) values (make_timestamp(1), uuid())")
    assert await store.lately("usage/count", {}) == [{"requests": 0}]
    assert await store.lately("usage/count", {}, kept=0) == [{"requests": 1}]
    assert await store.read("usage/count", {}) == [{"requests": 1}]


async def test_many_who_ask_the_same_at_once_cost_one_statement(store: Analytics, statements: dict[str, str]) -> None:
    statements["drawn"] = "select random() as n, sum(range) as s from range(3000000)"
    store.open()
    answers = await asyncio.gather(*(store.read("drawn", {}) for _ in range(30)))
    assert len({rows[0]["n"] for rows in answers}) == 1


def test_statements_put_on_disk_so_much_and_no_more(store: Analytics) -> None:
    connection = store.open()
    rows = connection.execute("select current_setting('max_temp_directory_size')").fetchall()
    assert rows == [("3.7 GiB",)]
    for said in ("max_temp_directory_size = '1TB'", "memory_limit = '1TB'", "allowed_configs = ['threads']"):
        with pytest.raises(duckdb.Error, match="locked"):
            connection.execute(f"set {said}")
