"""Stores full of requests: made once, copied for each use, and made anew when they are of no use any more."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from benchmarks import seeded
from benchmarks.errors import BenchmarkError
from benchmarks.seeded import HOURS, MADE, copied, made


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeded, "WORK", tmp_path / "work")


def ids(directory: Path) -> list[object]:
    with duckdb.connect(str(directory / "usage.duckdb"), read_only=True) as connection:
        return [row[0] for row in connection.execute("select id from requests order by rowid").fetchall()]


def test_one_is_made_once_and_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = copied(300, 2, tmp_path / "first")
    assert len(ids(first)) == 300
    assert copied(300, 2, first) == first, "what was copied is used again"
    second = copied(300, 2, tmp_path / "second")
    assert ids(second) == ids(first)
    # Too old: its last day would be empty.
    marker = made(300, 2) / MADE
    old = marker.stat().st_mtime - HOURS * 3600 - 1
    os.utime(marker, (old, old))
    assert ids(made(300, 2)) != ids(first)


def test_one_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="Invalid value for '--rows'"):
        made(0, 2)
    assert not list((tmp_path / "work").rglob(MADE))
