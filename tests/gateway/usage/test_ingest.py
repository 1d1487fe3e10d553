from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest

from gateway.records import UsageRecord
from gateway.settings.model import UsageSettings
from gateway.store.analytics import Analytics
from gateway.usage import ingest as ingest_module
from gateway.usage import segments
from gateway.usage.ingest import Ingest, Store
from gateway.usage.spool import Spool, encode
from tests.gateway.usage.records import EXAMPLE, usage_record


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A spool, a store and an ingest over both."""

    def __init__(self, directory: Path) -> None:
        self.spool = directory / "spool"
        self.path = directory / "usage.duckdb"
        self.clock = Clock()
        self.store = Analytics(self.path, self.spool, memory_limit="256MB")
        self.ingest = self.again()

    def again(self, store: Store | None = None) -> Ingest:
        """Another ingest, as after a restart."""
        self.ingest = Ingest(self.spool, store or self.store, clock=self.clock)
        return self.ingest

    def put(self, name: str, *records: UsageRecord, raw: bytes = b"", suffix: str = segments.CLOSED) -> Path:
        """A segment with these records and, after them, these bytes."""
        path = self.spool / (name + suffix)
        path.write_bytes(b"".join(encode(record) for record in records) + raw)
        return path

    def steps(self, count: int = 10) -> None:
        """Some steps, each after the longest pause."""
        for _ in range(count):
            self.ingest.step()
            self.clock.now += 60

    def rows(self, columns: str = "cast(id as varchar)") -> list[Any]:
        """What the store holds, in the order it came."""
        assert self.ingest.connection is not None
        found = self.ingest.connection.execute(f"select {columns} from requests order by rowid").fetchall()
        return [row[0] if len(row) == 1 else row for row in found]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


def test_every_field_of_a_record_is_in_its_row(bench: Bench) -> None:
    bench.put("a", EXAMPLE)
    bench.ingest.step()
    assert bench.ingest.connection is not None
    result = bench.ingest.connection.execute(
        "select * replace (epoch_us(ts) as ts, cast(id as varchar) as id) from requests"
    )
    columns = [column[0] for column in result.description or ()]
    (values,) = result.fetchall()
    row = dict(zip(columns, values, strict=True))
    expected = orjson.loads(encode(EXAMPLE))
    expected["ts"] = expected.pop("started_at_us")
    expected |= {f"{name}_tokens": count for name, count in expected.pop("tokens").items()}
    assert row == expected


def test_any_text_comes_back_as_it_went_in(bench: Bench) -> None:
    texts = ["", "\x00", 'quote " and \\', "\n\r\t", "ünïcode 模型 🦆", "\u2028", "null", "a" * 100_000]
    bench.put("a", *(usage_record(user_agent=text) for text in texts))
    bench.ingest.step()
    assert bench.rows("user_agent") == texts


def test_taken_segments_leave_the_spool(bench: Bench) -> None:
    bench.put("a", usage_record())
    assert bench.ingest.step()
    assert list(bench.spool.iterdir()) == []
    assert bench.ingest.state.records == 1


def test_without_segments_there_is_nothing_to_come_back_for(bench: Bench) -> None:
    assert not bench.ingest.step()


def test_records_come_in_the_order_of_their_segments(bench: Bench) -> None:
    first, second, third = usage_record(), usage_record(), usage_record()
    for age, (name, record) in enumerate((("z", first), ("m", second), ("a", third))):
        os.utime(bench.put(name, record), ns=(age, age))
    bench.ingest.step()
    assert bench.rows() == [first.id, second.id, third.id]


def test_an_abandoned_open_segment_is_taken_without_its_torn_line(bench: Bench) -> None:
    whole = usage_record()
    bench.put("a", whole, raw=encode(usage_record())[:50], suffix=segments.OPEN)
    bench.steps()
    assert bench.rows() == [whole.id]
    assert bench.ingest.state.refused == 0


def test_an_open_segment_with_an_owner_is_not_touched(bench: Bench) -> None:
    out = Spool(bench.spool, 0, UsageSettings())
    out.append(encode(usage_record()))
    bench.steps()
    assert bench.rows() == []
    out.close()
    bench.steps()
    assert len(bench.rows()) == 1


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


def test_unknown_fields_are_passed_over_and_missing_ones_are_null(bench: Bench) -> None:
    line = orjson.loads(encode(usage_record()))
    line["invented_later"] = {"a": [1]}
    line["attempts"][0]["weight"] = 3
    del line["user_agent"], line["credential"]
    bench.put("a", raw=orjson.dumps(line) + b"\n")
    bench.ingest.step()
    assert bench.rows("user_agent, credential, status") == [(None, None, 200)]
    assert bench.ingest.state.refused == 0


BAD_LINES = {
    "torn": encode(EXAMPLE)[:80] + b"\n",
    "no JSON": b"hello\n",
    "no id": encode(EXAMPLE).replace(b'"id":"0192f0e1-0000-7000-8000-000000000001"', b'"id":"mine"'),
    "not UTF-8": encode(EXAMPLE).replace(b"gpt-4o", b"gpt-\xff\xfe"),
    "zeros of a power loss": b"\x00" * 300,
    "an array": b"[1,2]\n",
    "a lone number": b"7\n",
    "nulls": b"null\n",
}


@pytest.mark.parametrize("bad", BAD_LINES.values(), ids=BAD_LINES)
def test_a_line_that_cannot_be_read_costs_no_other_and_is_kept_for_people(bench: Bench, bad: bytes) -> None:
    good, others = usage_record(), [usage_record() for _ in range(3)]
    path = bench.put("bad", good, raw=bad)
    for number, record in enumerate(others):
        bench.put(f"good{number}", record)
    content = path.read_bytes()
    bench.steps(20)
    taken = set(bench.rows())
    assert {record.id for record in others} <= taken
    assert len(taken) == len(bench.rows())
    assert segments.closed(bench.spool) == []
    (kept,) = (bench.spool / "bad").iterdir()
    assert kept.read_bytes() == content
    # Either the readable lines are in the store, or the segment can be put back as it is.
    assert (good.id in taken) == (kept.suffix == segments.REFUSED)
    assert bench.ingest.state.set_aside == 1
    assert bench.ingest.state.trouble is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", b'"fine"'),
        ("request_bytes", b"18446744073709551615"),
        ("tokens", b"7"),
        ("attempts", b'[{"status":[]}]'),
    ],
)
def test_a_value_of_the_wrong_type_costs_no_other_value(bench: Bench, field: str, value: bytes) -> None:
    line = orjson.loads(encode(usage_record()))
    line[field] = orjson.Fragment(value)
    bench.put("a", usage_record(), raw=orjson.dumps(line) + b"\n")
    bench.ingest.step()
    assert bench.rows("key, model, total_us") == [("team", "gpt-4o", 420_000)] * 2
    assert bench.ingest.state.refused == 0


def test_a_segment_with_unreadable_lines_that_came_back_is_set_aside_again(bench: Bench) -> None:
    path = bench.put("a", usage_record(), raw=b"hello\n")
    content = path.read_bytes()
    bench.ingest.step()
    bench.store.close()
    (bench.spool / "bad" / "a.refused").unlink()
    path.write_bytes(content)
    bench.again()
    bench.steps()
    assert len(bench.rows()) == 1
    assert (bench.spool / "bad" / "a.refused").exists()


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
    bench.steps()
    assert large.id in bench.rows()
    assert len(bench.rows()) == 11


@pytest.mark.parametrize("count", [1, 64, 200])
def test_any_number_of_segments_is_taken(bench: Bench, count: int) -> None:
    for number in range(count):
        bench.put(f"{number:04d}", usage_record())
    while bench.ingest.step():
        pass
    assert len(set(bench.rows())) == count


def test_draining_takes_everything_and_shuts_the_store(bench: Bench) -> None:
    for number in range(100):
        bench.put(f"{number:04d}", usage_record())
    bench.put("abandoned", usage_record(), suffix=segments.OPEN)
    bench.ingest.drain(5)
    with duckdb.connect(str(bench.path), read_only=True) as connection:
        assert connection.execute("select count(*) from requests").fetchone() == (101,)
    assert list(bench.spool.iterdir()) == []


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


@pytest.mark.parametrize("limit", [600_000, 1_000_000, 2_000_000])
def test_ingest_outlives_a_disk_that_was_full(bench: Bench, limit: int) -> None:
    """The kernel refuses to let the database or its log grow beyond `limit` bytes, later it does not."""
    for number in range(40):
        bench.put(f"{number:04d}", *(usage_record() for _ in range(1000)))
    command = [sys.executable, "-c", FULL_STORE_PROGRAM, str(bench.spool.parent), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.splitlines()[-1:] == ["full True True after None 0 40000 40000"], done.stdout + done.stderr


def test_a_store_that_reads_while_segments_come_loses_neither(bench: Bench) -> None:
    bench.put("a", usage_record())
    bench.ingest.step()
    assert bench.ingest.connection is not None
    reader = bench.ingest.connection.cursor()
    for number in range(20):
        bench.put(f"more{number}", usage_record())
        bench.ingest.step()
        assert reader.execute("select count(*) from requests").fetchone() == (number + 2,)
    reader.close()
