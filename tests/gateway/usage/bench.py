"""A spool, a store and an ingest over both, for tests of what comes of trouble and of no trouble."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.records import UsageRecord
from gateway.store.analytics import Analytics
from gateway.usage import segments
from gateway.usage.ingest import Ingest, Store
from gateway.usage.spool import encode


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
