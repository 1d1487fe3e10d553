"""An analytics store of a test: a real DuckDB in memory, filled through the statement that ingest uses."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

import sql
from gateway.records import UsageRecord
from gateway.store.analytics import AnalyticsSchema
from gateway.store.migrate import migrate, our_tables
from gateway.usage.meter import uuid7
from gateway.usage.spool import encode
from tests.gateway.usage.records import usage_record


class Store:
    """Answers statements as the control process's store does; remembers which were asked."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
        self.connection, self._directory = connection, directory
        self.asked: list[str] = []

    def add(self, *records: UsageRecord | Mapping[str, Any]) -> list[str]:
        """Take these records, or examples with these fields; their ids."""
        made = [each if isinstance(each, UsageRecord) else usage_record(**identified(each)) for each in records]
        path = self._directory / "records.seg"
        path.write_bytes(b"".join(map(encode, made)))
        self.connection.execute(sql.statement("usage/take"), {"paths": [str(path)]})
        return [record.id for record in made]

    def run(self, text: str, parameters: Mapping[str, object] | None = None) -> None:
        """Whatever else a test needs in it."""
        self.connection.execute(text, dict(parameters or {}))

    async def read(self, name: str, parameters: Mapping[str, object], **_: object) -> list[dict[str, Any]]:
        """The rows of a named statement."""
        self.asked.append(name)
        result = self.connection.execute(sql.statement(name), dict(parameters))
        columns = [column[0] for column in result.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


def identified(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """With an id of the moment at which it began, as the relay gives them."""
    began_us = fields.get("started_at_us", time.time_ns() // 1000)
    return {"started_at_us": began_us, "id": uuid7(began_us // 1000, secrets.randbits(74)), **fields}


@contextmanager
def store_in(directory: Path) -> Iterator[Store]:
    """An empty store with the whole schema: the same one for one test after another."""
    connection, tables = _with_schema()
    for table in tables:
        connection.execute(f"delete from {table}")
    with connection.cursor() as cursor:
        yield Store(cursor, directory)


@cache
def _with_schema() -> tuple[duckdb.DuckDBPyConnection, tuple[str, ...]]:
    """A database in memory, and the names of its tables."""
    connection = duckdb.connect()
    schema, files = AnalyticsSchema(connection), sql.migrations("analytics")
    migrate(schema, files)
    return connection, our_tables(schema, files)
