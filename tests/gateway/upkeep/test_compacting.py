"""The store's file is written anew: nothing is lost, whoever is killed at whatever moment, and room is given back."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pytest
from structlog.testing import capture_logs

import sql
from gateway.errors import ControlUnavailable, Unacceptable
from gateway.store.analytics import STORAGE_VERSION, Analytics, beside
from gateway.upkeep import compacting
from gateway.upkeep.compacting import compact
from gateway.usage import segments
from gateway.usage.ingest_thread import IngestThread
from gateway.usage.spool import encode
from tests.gateway.upkeep.compacting_process import POINTS
from tests.gateway.upkeep.house import FIRST, House, counted, days, some_records, us
from tests.gateway.usage.records import usage_record
from tests.waiting import until

RECORDS = some_records(200, seed=1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.store.close()
    made.store.end()


def never() -> bool:
    return False


def fill(house: House, rows: int = 300_000) -> None:
    """Records of which most are deleted again, which leaves room in the file."""
    house.take(*RECORDS)
    house.roll_up()
    house.connection.execute(
        """insert into requests (ts, id, user_agent)
        select make_timestamp(i), uuid(), repeat('x', i % 50) from range($n) as r(i)""",
        {"n": rows},
    )
    house.connection.execute("checkpoint")
    house.connection.execute("delete from requests where ts < $d", {"d": FIRST})
    house.connection.execute("checkpoint")


def everything(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, in its order."""
    tables = connection.execute(
        "select table_name from duckdb_tables() where database_name = 'usage' order by 1"
    ).fetchall()
    return {table: connection.execute(f'from usage."{table}"').fetchall() for (table,) in tables}


def test_the_file_becomes_small_and_has_what_it_had(house: House) -> None:
    fill(house)
    before = everything(house.connection)
    assert {"requests", "usage_daily", "ingested", "schema_migrations"} <= before.keys()
    done = compact(house.ingest, house.store, never)
    assert done.after_bytes == house.path.stat().st_size < done.before_bytes / 2
    assert everything(house.connection) == before
    assert house.sums(days()[-1]) == house.sums() == counted(RECORDS)
    assert list(beside(house.path).iterdir()) == []


def test_what_is_written_afterwards_is_in_the_new_file(house: House) -> None:
    house.take(*RECORDS)
    compact(house.ingest, house.store, never)
    late = usage_record(started_at_us=us(FIRST, 1))
    house.take(late)
    house.store.close()
    with duckdb.connect(str(house.path), read_only=True) as connection:
        assert connection.execute("select count(*) from requests").fetchone() == (len(RECORDS) + 1,)
    house.again()


def test_every_version_we_allow_can_open_it_and_migrations_go_on(house: House) -> None:
    house.take(*RECORDS)
    compact(house.ingest, house.store, never)
    (tags,) = house.connection.execute("select tags from duckdb_databases() where database_name = 'usage'").fetchall()
    assert tags[0]["storage_version"].startswith(STORAGE_VERSION)
    versions = house.query("select version from schema_migrations order by version")
    assert [row["version"] for row in versions] == [migration.version for migration in sql.migrations("analytics")]
    assert house.query("select * from duckdb_indexes()") == []


def test_statements_still_reach_no_other_file(house: House, tmp_path: Path) -> None:
    house.take(*RECORDS)
    compact(house.ingest, house.store, never)
    with pytest.raises(duckdb.Error):
        house.connection.execute(f"attach '{tmp_path}/other.duckdb'")


async def test_reads_go_on_meanwhile_and_wait_for_no_longer_than_the_swap(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(house)
    thread = IngestThread(house.ingest)
    thread.start()
    until_open, copy, answered = compacting._check_let_go, compacting._copy, threading.Event()

    def slow(path: Path) -> None:
        time.sleep(0.3)
        until_open(path)

    def copy_until_answered(cursor: duckdb.DuckDBPyConnection, draft: Path) -> None:
        copy(cursor, draft)
        assert answered.wait(20.0)

    monkeypatch.setattr(compacting, "_check_let_go", slow)
    monkeypatch.setattr(compacting, "_copy", copy_until_answered)
    work = asyncio.wrap_future(thread.occupy(lambda ingest: compact(ingest, house.store, never)))
    longest, count = 0.0, 0
    while not work.done():
        began = time.monotonic()
        assert await house.store.read("usage/count", {}) == [{"requests": len(RECORDS)}]
        longest, count = max(longest, time.monotonic() - began), count + 1
        if count == 3:
            answered.set()
    assert work.result().seconds > 0
    assert 0.2 < longest < 3
    await asyncio.to_thread(thread.stop)


def test_records_wait_meanwhile_and_open_segments_are_looked_after(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.take(*RECORDS)
    real, seen = compacting._copy, []

    def copy(cursor: duckdb.DuckDBPyConnection, draft: Path) -> None:
        house.put("torn", usage_record(), raw=b"torn", suffix=segments.OPEN)
        house.put("waiting", usage_record())
        seen.append(until(adopted))
        real(cursor, draft)

    def adopted() -> bool:
        house.clock.now += 1
        return (house.spool / "torn.seg").exists()

    monkeypatch.setattr(compacting, "_copy", copy)
    compact(house.ingest, house.store, never)
    assert seen
    assert house.one("select count(*) from requests") == len(RECORDS)
    house.steps()
    assert house.one("select count(*) from requests") == len(RECORDS) + 2


def test_without_room_nothing_is_done(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.take(*RECORDS)
    free = compacting.MARGIN_BYTES
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(2 * free, free, free))
    with pytest.raises(Unacceptable, match=r"a copy of usage.duckdb needs \d+ MB of disk, and 68 MB are free"):
        compact(house.ingest, house.store, never)
    assert house.store.is_open
    assert not beside(house.path).exists()


def test_a_link_is_not_replaced_by_a_file(house: House, tmp_path: Path) -> None:
    house.take(*RECORDS)
    house.store.close()
    house.path.rename(tmp_path / "elsewhere.duckdb")
    house.path.symlink_to(tmp_path / "elsewhere.duckdb")
    house.again()
    house.ingest.open()
    with pytest.raises(Unacceptable, match="symbolic link"):
        compact(house.ingest, house.store, never)
    assert house.path.is_symlink()


def test_a_shut_store_is_not_compacted(house: House) -> None:
    with pytest.raises(ControlUnavailable):
        compact(house.ingest, house.store, never)


def test_a_copy_that_is_not_the_same_is_not_used(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.take(*RECORDS)
    real = compacting._compare

    def lose(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
        cursor.execute("delete from compacted.requests where rowid < 3")
        real(cursor, name)

    monkeypatch.setattr(compacting, "_compare", lose)
    inode = house.path.stat().st_ino
    with pytest.raises(Unacceptable, match="the copy is not what was copied"):
        compact(house.ingest, house.store, never)
    assert house.path.stat().st_ino == inode
    assert house.one("select count(*) from requests") == len(RECORDS)
    assert list(beside(house.path).iterdir()) == []


def test_a_copy_that_cannot_be_opened_gives_way_to_the_former_file(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.take(*RECORDS)
    real = Analytics.open
    calls = 0

    def fail_once(store: Analytics) -> duckdb.DuckDBPyConnection:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise duckdb.IOException("no")
        return real(store)

    monkeypatch.setattr(Analytics, "open", fail_once)
    inode = house.path.stat().st_ino
    with pytest.raises(duckdb.IOException), capture_logs() as said:
        compact(house.ingest, house.store, never)
    assert [line["event"] for line in said] == ["the copy cannot be opened; the former file is used again"]
    assert house.path.stat().st_ino == inode
    assert house.one("select count(*) from requests") == len(RECORDS)
    assert list(beside(house.path).iterdir()) == []


def test_a_file_that_somebody_has_open_is_not_replaced(house: House) -> None:
    """Whoever has it would go on writing to a file without a name."""
    house.take(*RECORDS)
    with house.path.open("rb"), pytest.raises(Unacceptable, match="still open"):
        compact(house.ingest, house.store, never)
    assert house.one("select count(*) from requests") == len(RECORDS)


def test_a_log_that_was_left_is_not_replayed_into_the_copy(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.take(*RECORDS)
    log_of = house.path.with_name("usage.duckdb.wal")
    real = Analytics.close

    def leave(store: Analytics, **patience: float) -> None:
        real(store, **patience)
        log_of.write_bytes(b"something")

    monkeypatch.setattr(Analytics, "close", leave)
    with pytest.raises(Unacceptable, match=r"usage.duckdb.wal is not empty"):
        compact(house.ingest, house.store, never)
    monkeypatch.undo()
    log_of.unlink()
    assert house.one("select count(*) from requests") == len(RECORDS)


def test_what_is_ending_does_not_wait_for_a_copy(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.take(*RECORDS)
    begun = threading.Event()

    def endless(cursor: duckdb.DuckDBPyConnection, draft: Path) -> None:
        draft.write_bytes(b"half")
        begun.set()
        cursor.execute("select sum(a.range * b.range) from range(1000000) a, range(1000000) b")

    monkeypatch.setattr(compacting, "_copy", endless)
    thread = IngestThread(house.ingest)
    thread.start()
    work = thread.occupy(lambda ingest: compact(ingest, house.store, lambda: thread.is_ending))
    assert begun.wait(5)
    thread.stop()
    assert isinstance(work.exception(), duckdb.InterruptException)
    assert list(beside(house.path).iterdir()) == []
    with duckdb.connect(str(house.path), read_only=True) as connection:
        assert connection.execute("select count(*) from requests").fetchone() == (len(RECORDS),)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_the_worst_moment_loses_nothing(house: House, tmp_path: Path, point: str) -> None:
    house.take(*RECORDS)
    house.roll_up()
    house.store.close()
    waiting = usage_record(started_at_us=us(FIRST, 1))
    (house.spool / "waiting.seg").write_bytes(encode(waiting))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.gateway.upkeep.compacting_process", tmp_path, point],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert process.wait(timeout=20) == -signal.SIGKILL
    assert_whole(house, [*RECORDS, waiting])


def test_kills_at_any_moment_lose_nothing(house: House, tmp_path: Path) -> None:
    fill(house, rows=100_000)
    house.store.close()
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.gateway.upkeep.compacting_process", tmp_path],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(random.uniform(0.4, 1.2))
        process.kill()
        process.wait()
        assert_whole(house, RECORDS)


def assert_whole(house: House, records: Sequence[object]) -> None:
    """The file in its place has all of these, and what is left beside it goes when the store is next begun."""
    house.again()
    while house.ingest.step():
        pass
    assert house.one("select count(*) from requests") == len(records)
    house.roll_up()
    assert house.sums(days()[-1]) == house.sums()
    compacting.clear(house.path)
    assert not beside(house.path).exists() or list(beside(house.path).iterdir()) == []
    house.store.close()
    house.again()
