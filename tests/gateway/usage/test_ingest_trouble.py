"""What comes of segments when the store, the disk or a segment fails: nothing is lost, nothing comes twice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gateway.store.analytics import Analytics
from gateway.usage import ingest as ingest_module
from gateway.usage import segments
from tests.gateway.usage.bench import Bench, Clock
from tests.gateway.usage.records import usage_record


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


def test_a_segment_that_came_back_after_its_commit_is_not_taken_twice(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after kill -9 between commit and unlink, or a power loss that undid the unlink."""
    record = usage_record()
    path = bench.put("a", record)
    content = path.read_bytes()
    bench.ingest.step()
    bench.store.close()
    path.write_bytes(content)
    bench.again()
    bench.steps()
    assert bench.rows() == [record.id]
    assert not path.exists()


def test_a_file_that_cannot_be_removed_is_not_taken_twice(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    record = usage_record()
    path = bench.put("a", record)

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(self)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        bench.steps(3)
        assert path.exists() or (bench.spool / "bad").exists()
    bench.steps()
    assert bench.rows() == [record.id]
    assert not path.exists()


class Unsure:
    """A store whose first commit happens, and raises all the same: so DuckDB does when its checkpoint finds no room."""

    def __init__(self, store: Analytics) -> None:
        self._store = store
        self.opened = 0

    def open(self) -> duckdb.DuckDBPyConnection:
        self.opened += 1
        connection = self._store.open()
        return connection if self.opened > 1 else _RaisingConnection(connection)  # type: ignore[return-value] # it is one

    def close(self) -> None:
        self._store.close()


class _RaisingConnection:
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def commit(self) -> None:
        self._connection.commit()
        raise duckdb.FatalException("the commit is durable, the checkpoint failed")


def test_a_commit_that_raised_but_happened_is_not_repeated(bench: Bench) -> None:
    records = [usage_record() for _ in range(3)]
    for number, record in enumerate(records):
        bench.put(f"segment{number}", record)
    store = Unsure(bench.store)
    bench.again(store)
    bench.steps()
    assert store.opened == 2
    assert sorted(bench.rows()) == sorted(record.id for record in records)
    assert list(bench.spool.iterdir()) == []


class Shut:
    """A store that cannot be opened until it is allowed to; notes when that was tried."""

    def __init__(self, store: Analytics, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self.shut = True
        self.tried: list[float] = []

    def open(self) -> duckdb.DuckDBPyConnection:
        self.tried.append(self._clock())
        if self.shut:
            raise duckdb.IOException("no room")
        return self._store.open()

    def close(self) -> None:
        self._store.close()


def test_after_trouble_there_is_a_pause_that_grows_and_ends(bench: Bench) -> None:
    bench.put("a", usage_record())
    store = Shut(bench.store, bench.clock)
    bench.again(store)
    for _ in range(1000):
        bench.ingest.step()
        bench.clock.now += 0.1
    pauses = [later - earlier for earlier, later in pairwise(store.tried)]
    assert pauses == sorted(pauses)
    assert 0.3 < pauses[0] < 0.6
    assert 14 < pauses[-1] < 16
    assert bench.ingest.state.trouble == "no room"
    store.shut = False
    bench.steps()
    assert len(bench.rows()) == 1
    assert bench.ingest.state.trouble is None


def test_a_segment_that_fails_three_times_is_set_aside_and_the_others_go_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tries = ingest_module._insert, []

    def refuse(connection: duckdb.DuckDBPyConnection, batch: list[segments.Segment]) -> int:
        if any(segment.name == "poison" for segment in batch):
            tries.append(len(batch))
            raise duckdb.InternalException("poison")
        return real(connection, batch)

    monkeypatch.setattr(ingest_module, "_insert", refuse)
    good = [usage_record() for _ in range(5)]
    bench.put("poison", usage_record())
    for number, record in enumerate(good):
        bench.put(f"segment{number}", record)
    bench.steps(20)
    assert sorted(bench.rows()) == sorted(record.id for record in good)
    assert [path.name for path in (bench.spool / "bad").iterdir()] == ["poison.seg"]
    assert tries.count(1) == ingest_module.TRIES


def test_while_nothing_goes_through_no_segment_is_blamed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [usage_record() for _ in range(3)]
    for number, record in enumerate(records):
        bench.put(f"segment{number}", record)
    with monkeypatch.context() as patched:
        patched.setattr(ingest_module, "_insert", lambda connection, batch: connection.execute("fail"))
        bench.steps(30)
    bench.steps()
    assert sorted(bench.rows()) == sorted(record.id for record in records)


def test_a_full_disk_is_no_fault_of_the_segment(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_module, "ROOM_BYTES", 2**60)
    real = ingest_module._insert

    def refuse_the_large_one(connection: duckdb.DuckDBPyConnection, batch: list[segments.Segment]) -> int:
        if any(segment.name == "large" for segment in batch):
            raise duckdb.IOException("no room")
        return real(connection, batch)

    large = usage_record()
    bench.put("large", large)
    with monkeypatch.context() as patched:
        patched.setattr(ingest_module, "_insert", refuse_the_large_one)
        for number in range(10):
            bench.put(f"small{number}", usage_record())
            bench.steps(3)
        bench.ingest.open()
        assert len(bench.rows()) == 10
    bench.steps()
    assert large.id in bench.rows()
    assert len(bench.rows()) == 11


FULL_STORE_PROGRAM = """
import resource, sys
from pathlib import Path
from gateway.store.analytics import Analytics
from gateway.usage import segments
from gateway.usage.ingest import Ingest

directory, now = Path(sys.argv[1]), [0.0]
spool = directory / "spool"
ingest = Ingest(spool, Analytics(directory / "usage.duckdb", spool, memory_limit="256MB"), clock=lambda: now[0])

def steps(count):
    for _ in range(count):
        ingest.step()
        now[0] += 60

ingest.open()
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
steps(30)
troubled, waiting = bool(ingest.state.trouble), len(segments.closed(spool))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
steps(60)
rows = ingest.connection.execute("select count(*), count(distinct id) from requests").fetchone()
print("full", troubled, waiting > 0, "after", ingest.state.trouble, len(segments.closed(spool)), *rows)
"""


@pytest.mark.parametrize("limit", [700_000, 1_000_000, 1_500_000])
def test_ingest_outlives_a_disk_that_was_full(bench: Bench, limit: int) -> None:
    """The kernel refuses to let the database or its log grow beyond `limit` bytes, later it does not."""
    for number in range(40):
        bench.put(f"{number:04d}", *(usage_record() for _ in range(1000)))
    command = [sys.executable, "-c", FULL_STORE_PROGRAM, str(bench.spool.parent), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.stdout.splitlines()[-1:] == ["full True True after None 0 40000 40000"], done.stdout + done.stderr
