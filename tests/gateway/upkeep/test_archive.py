from __future__ import annotations

import stat
from datetime import date
from pathlib import Path

import pytest

from gateway.upkeep.archive import Archive, archive_in

DAY = date(2026, 3, 1)
NEXT = date(2026, 3, 2)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive" / "usage")


def write(archive: Archive, day: date, content: bytes = b"records") -> Path:
    with archive.draft(day) as draft:
        draft.write_bytes(content)
    return archive.path_of(day)


def test_a_relative_place_is_in_the_data_directory(tmp_path: Path) -> None:
    found = archive_in(tmp_path, "archive")
    assert found is not None
    assert found.directory == tmp_path / "archive" / "usage"
    elsewhere = archive_in(tmp_path, str(tmp_path / "disk"))
    assert elsewhere is not None
    assert elsewhere.directory == tmp_path / "disk" / "usage"
    assert archive_in(tmp_path, "") is None


def test_a_file_is_there_once_it_is_whole(archive: Archive) -> None:
    with archive.draft(DAY) as draft:
        draft.write_bytes(b"half")
        assert archive.days() == {}
    assert archive.days() == {DAY: archive.directory / "date=2026-03-01.parquet"}
    assert stat.S_IMODE(archive.directory.stat().st_mode) == 0o700


def _fail(draft: Path) -> None:
    draft.write_bytes(b"half")
    draft.with_name("none").read_bytes()


def test_what_cannot_be_written_leaves_the_file_that_was(archive: Archive) -> None:
    path = write(archive, DAY)
    with pytest.raises(FileNotFoundError), archive.draft(DAY) as draft:
        _fail(draft)
    assert path.read_bytes() == b"records"
    assert list(archive.directory.iterdir()) == [path]


def test_days_come_in_order_and_other_files_are_none(archive: Archive) -> None:
    assert archive.days() == {}
    for day in (NEXT, DAY):
        write(archive, day)
    for name in ("date=2026-13-01.parquet", "date=2026-03-03.parquet.new", "notes.txt", "date=2026-03-04.csv"):
        (archive.directory / name).write_bytes(b"x")
    assert list(archive.days()) == [DAY, NEXT]


def test_old_files_go_and_what_a_killed_process_left(archive: Archive) -> None:
    write(archive, DAY)
    kept = write(archive, NEXT)
    notes = archive.directory / "notes.txt"
    notes.write_bytes(b"x")
    (archive.directory / "date=2026-03-03.parquet.new").write_bytes(b"half")
    assert archive.forget(NEXT) == 1
    assert set(archive.directory.iterdir()) == {kept, notes}
    assert archive.forget(NEXT) == 0


def test_what_cannot_be_read_is_kept_for_people(archive: Archive) -> None:
    write(archive, DAY)
    aside = archive.set_aside(DAY)
    assert archive.days() == {}
    assert aside.name == "date=2026-03-01.parquet.unreadable"
    assert aside.read_bytes() == b"records"


def test_a_file_from_elsewhere_is_there_as_long_as_it_is_looked_at(archive: Archive) -> None:
    with archive.fetched(DAY) as path:
        path.write_bytes(b"records")
        assert archive.days() == {}
    assert not path.exists()
    path.write_bytes(b"what a killed process left")
    kept = write(archive, DAY)
    archive.tidy()
    assert list(archive.directory.iterdir()) == [kept]
