"""`sluicegate seed` fills a data directory that nobody uses, and says what it made."""

from __future__ import annotations

import os
import re
from pathlib import Path

import duckdb
import pytest

from gateway import claims
from gateway.seeding.clients import KEYS
from gateway.seeding.history import Part, Writes
from tests.gateway.commands.calling import call, refuses, says

TOLD = re.compile(
    r"5,000 requests from \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d by 25 client keys of 12 people and 4 teams: "
    r"[\d.]+ s, [\d,]+ a second, \d+ MB\n"
)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_dir = tmp_path_factory.mktemp("seeded") / "data"
    assert TOLD.fullmatch(says("seed", "--rows", "5000", "--days", "5", "--data-dir", data_dir))
    return data_dir


def stored(data_dir: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(data_dir / "usage.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_it_makes_the_directory_and_fills_it(seeded: Path) -> None:
    ((requests, keys, first, last),) = stored(
        seeded, "select count(*), count(distinct key_id), min(ts)::varchar, max(ts)::varchar from requests"
    )
    assert (requests, keys) == (5000, len(KEYS))
    assert str(first) < str(last)
    assert {path.stat().st_mode & 0o077 for path in seeded.iterdir()} == {0}
    assert "alice@example.com" in says("user", "list", "--data-dir", seeded)


def test_days_that_are_over_are_rolled_up(seeded: Path) -> None:
    ((days, requests),) = stored(seeded, "select count(distinct d), sum(n) from usage_daily")
    ((over,),) = stored(seeded, "select count(*) from requests where ts < (select max(ts)::date from requests)")
    assert days in (5, 6)
    assert requests == over


def test_what_has_requests_already_is_left_alone_unless_they_are_to_be_added(seeded: Path) -> None:
    line = refuses("seed", "--rows", "10", "--data-dir", seeded)
    assert line == f"{seeded / 'usage.duckdb'} has 5,000 requests: `--add` adds to them"
    said = says("seed", "--rows", "10", "--days", "1", "--seed", "2", "--add", "--data-dir", seeded)
    assert said.startswith("10 requests ")
    assert stored(seeded, "select count(*), count(distinct id) from requests") == [(5010, 5010)]
    assert stored(seeded, "select count(distinct key_id) from requests") == [(len(KEYS),)]


def test_while_a_gateway_runs_it_is_refused(tmp_path: Path) -> None:
    lock = claims.claim_data_dir(tmp_path)
    said = claims.Announcement(pid=os.getpid(), url="http://127.0.0.1:8080", version="1", started_at="")
    claims.announce(tmp_path, said)
    try:
        line = refuses("seed", "--rows", "10", "--data-dir", tmp_path)
        assert line == (
            f"the data directory {tmp_path} is in use by the gateway at http://127.0.0.1:8080 (process {os.getpid()})"
        )
    finally:
        os.close(lock)
    assert not (tmp_path / "usage.duckdb").exists()


def test_a_store_that_cannot_be_opened_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "usage.duckdb").write_bytes(b"this is no database" * 100)
    line = refuses("seed", "--rows", "10", "--data-dir", tmp_path)
    assert line.startswith("usage.duckdb cannot be opened: ")


def test_a_disk_that_is_full_is_told_in_the_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(part: Part, connection: Writes) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Part, "write", full)
    done = call("seed", "--rows", "10", "--data-dir", tmp_path)
    assert done.exit_code == 1
    last = done.stderr.splitlines()[-1]
    assert last == f"sluicegate: {tmp_path / 'usage.duckdb'} cannot be written: no space left on device"
