"""Which files of the archive are written, and which are left as they are."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from structlog.testing import capture_logs

from gateway.upkeep import copying
from gateway.upkeep.archive import Archive
from gateway.upkeep.copying import Copying, NotCopied
from tests.gateway.upkeep.house import DAYS, FIRST, House, days, some_records, us
from tests.gateway.usage.records import usage_record


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def archive(house: House) -> Archive:
    return house.archive


@pytest.fixture
def copies(house: House, archive: Archive) -> Copying:
    return Copying(house.store, archive)


def rows(path: Path) -> int:
    found = duckdb.execute("select count(*) from read_parquet($path)", {"path": str(path)}).fetchone()
    return int(found[0]) if found else 0


def test_each_day_has_a_file_of_all_its_requests(house: House, copies: Copying, archive: Archive) -> None:
    house.take(*some_records(100, seed=1))
    house.roll_up()
    assert copies.copy_days(FIRST) == DAYS
    counts = {row["d"]: row["n"] for row in house.query("select d, n from rolled")}
    assert {day: rows(path) for day, path in archive.days().items()} == counts
    columns = duckdb.execute("describe from read_parquet($path)", {"path": str(archive.path_of(FIRST))}).fetchall()
    there = house.query("select column_name, column_type from (describe requests)")
    assert [column[:2] for column in columns] == [tuple(row.values()) for row in there]
    assert copies.copy_days(FIRST) == 0, "once is enough"


def test_days_that_are_not_over_or_too_old_have_none(house: House, copies: Copying, archive: Archive) -> None:
    house.take(*some_records(100, seed=2))
    for day in house.stale(FIRST + timedelta(days=4)):
        house.catch_up(day)
    assert copies.copy_days(FIRST + timedelta(days=1)) == 3
    assert list(archive.days()) == days(4)[1:]


def test_the_latest_come_first_and_not_too_many_at_once(
    house: House, copies: Copying, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "MOST_FILES", 2)
    house.take(*some_records(100, seed=3))
    house.roll_up()
    assert copies.copy_days(FIRST) == 2
    assert list(archive.days()) == days()[-2:]
    assert [copies.copy_days(FIRST) for _ in range(3)] == [2, 1, 0]


def test_a_file_is_written_anew_for_what_came_late(house: House, copies: Copying, archive: Archive) -> None:
    house.take(usage_record(started_at_us=us(FIRST, 1)))
    house.roll_up()
    copies.copy_days(FIRST)
    house.take(usage_record(started_at_us=us(FIRST, 2)))
    house.roll_up()
    assert copies.copy_days(FIRST) == 1
    assert rows(archive.path_of(FIRST)) == 2


def test_a_file_that_knows_more_is_left_as_it_is(house: House, copies: Copying, archive: Archive) -> None:
    """As after a store was lost: the archive is all there is of what was before."""
    house.take(*some_records(20, seed=4, days=1))
    house.roll_up()
    copies.copy_days(FIRST)
    content = archive.path_of(FIRST).read_bytes()
    house.connection.execute("delete from requests")
    house.roll_up()
    for count in (5, 30):  # fewer than the file has, and more
        house.take(*some_records(count, seed=count, days=1))
        house.roll_up()
        with capture_logs() as said:
            assert copies.copy_days(FIRST) == 0
        assert archive.path_of(FIRST).read_bytes() == content
    assert [line["event"] for line in said] == ["the archive has requests that the store has not"]


def test_a_file_that_cannot_be_read_is_set_aside(house: House, copies: Copying, archive: Archive) -> None:
    house.take(usage_record(started_at_us=us(FIRST, 1)))
    house.roll_up()
    archive.make()
    archive.path_of(FIRST).write_bytes(b"not Parquet at all, and longer than its head")
    with capture_logs() as said:
        assert copies.copy_days(FIRST) == 1
    assert [line["event"] for line in said] == ["a file of the archive cannot be read"]
    assert rows(archive.path_of(FIRST)) == 1
    assert (archive.directory / "date=2026-03-01.parquet.unreadable").exists()


def test_files_of_old_days_go(house: House, copies: Copying, archive: Archive) -> None:
    house.take(*some_records(50, seed=5))
    house.roll_up()
    copies.copy_days(FIRST)
    copies.copy_days(FIRST + timedelta(days=3))
    assert list(archive.days()) == days()[3:]


def test_without_room_nothing_is_written(
    house: House, copies: Copying, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.take(usage_record(started_at_us=us(FIRST, 1)))
    house.roll_up()
    free = copying.LEFT_OVER_BYTES + 127
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(2 * free, free, free))
    with pytest.raises(NotCopied, match=r"no room for the 1 requests of 2026-03-01 in .*usage"):
        copies.copy_days(FIRST)
    assert archive.days() == {}


def test_a_disk_that_refuses_leaves_nothing_half_done(
    house: House, copies: Copying, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.take(usage_record(started_at_us=us(FIRST, 1)))
    house.roll_up()
    real = house.store.work

    def work(name: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        if name != "rollups/archive_day":
            return real(name, parameters)
        Path(parameters["path"]).write_bytes(b"half")
        raise duckdb.IOException("the disk is full")

    monkeypatch.setattr(house.store, "work", work)
    with pytest.raises(duckdb.IOException):
        copies.copy_days(FIRST)
    assert list(archive.directory.iterdir()) == []
