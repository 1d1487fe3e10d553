"""The oldest captures go first, by time and by room; what is being written stays as long as it can."""

from __future__ import annotations

import fcntl
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.captures.places import BLOCK_BYTES, hours, place_of
from gateway.captures.retention import LOCK, tidy, weight
from gateway.captures.writing import write_whole
from tests.gateway.captures.takes import id_at

NOW = datetime(2026, 3, 9, 12, 30, tzinfo=UTC)

HOUR = timedelta(hours=1)

PLENTY = 2**40


def keep(folder: Path, ago: timedelta, size: int = 1) -> str:
    """A capture of so long ago; its id."""
    capture_id = id_at(NOW - ago)
    write_whole(place_of(folder, capture_id), b"x" * size)
    return capture_id


def kept(folder: Path) -> list[str]:
    """What is there, the oldest first."""
    return sorted(path.stem for path in folder.rglob("*.cap"))


def test_what_had_its_time_goes_by_the_hour(tmp_path: Path) -> None:
    ids = [keep(tmp_path, HOUR * hours) for hours in (50, 26, 25, 24, 0)]
    tidy(tmp_path, keep=timedelta(days=1), most_bytes=PLENTY, now=NOW)
    assert kept(tmp_path) == ids[3:], "the hour in which the day begins is not over"
    assert not (tmp_path / "2026-03-07").exists(), "a day without hours goes too"
    assert (tmp_path / "2026-03-08").exists()


def test_where_there_is_too_much_the_oldest_hours_go(tmp_path: Path) -> None:
    ids = [keep(tmp_path, HOUR * hours, 10 * BLOCK_BYTES) for hours in (3, 2, 1, 0)]
    assert weight(tmp_path) == 40 * BLOCK_BYTES
    tidy(tmp_path, keep=HOUR * 100, most_bytes=40 * BLOCK_BYTES, now=NOW)
    assert kept(tmp_path) == ids, "they just fit"
    tidy(tmp_path, keep=HOUR * 100, most_bytes=39 * BLOCK_BYTES, now=NOW)
    assert kept(tmp_path) == ids[1:]
    tidy(tmp_path, keep=HOUR * 100, most_bytes=22 * BLOCK_BYTES, now=NOW)
    assert kept(tmp_path) == ids[3:], "a tenth is left free, so that it is not done again at once"


def test_of_the_last_hour_the_latest_stay(tmp_path: Path) -> None:
    keep(tmp_path, HOUR)
    ids = [keep(tmp_path, timedelta(seconds=100 - number), BLOCK_BYTES + 1) for number in range(10)]
    tidy(tmp_path, keep=HOUR * 100, most_bytes=10 * BLOCK_BYTES, now=NOW)
    assert kept(tmp_path) == ids[-4:], "4 of 2 blocks each fit into 9"
    assert weight(tmp_path) == 8 * BLOCK_BYTES
    keep(tmp_path, timedelta(0))
    assert weight(tmp_path) == 9 * BLOCK_BYTES


def test_a_weight_that_is_wrong_is_put_right(tmp_path: Path) -> None:
    keep(tmp_path, timedelta(0))
    (hour,) = hours(tmp_path)
    with (hour / "weight").open("ab") as file:
        file.write(bytes(1000))
    tidy(tmp_path, keep=HOUR, most_bytes=100 * BLOCK_BYTES, now=NOW)
    assert (len(kept(tmp_path)), weight(tmp_path)) == (1, BLOCK_BYTES)


def test_drafts_of_the_dead_go_with_their_hour(tmp_path: Path) -> None:
    place = place_of(tmp_path, keep(tmp_path, HOUR * 30))
    place.rename(place.with_suffix(".part"))
    tidy(tmp_path, keep=HOUR * 20, most_bytes=PLENTY, now=NOW)
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_it_is_never_done_by_two_at_once(tmp_path: Path) -> None:
    there = keep(tmp_path, HOUR * 30)
    with (tmp_path / LOCK).open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        tidy(tmp_path, keep=HOUR, most_bytes=0, now=NOW)
        assert kept(tmp_path) == [there]
    tidy(tmp_path, keep=HOUR, most_bytes=0, now=NOW)
    assert kept(tmp_path) == []


def test_where_nothing_was_ever_kept_nothing_is_made(tmp_path: Path) -> None:
    tidy(tmp_path / "captures", keep=HOUR, most_bytes=0, now=NOW)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "captures").touch()
    tidy(tmp_path / "captures", keep=HOUR, most_bytes=0, now=NOW)


def test_what_cannot_be_deleted_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(tmp_path, timedelta(0), 10 * BLOCK_BYTES)

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "truncate", refuse)
    with pytest.raises(OSError, match="Read-only"):
        tidy(tmp_path, keep=HOUR, most_bytes=0, now=NOW)
