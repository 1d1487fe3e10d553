from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from gateway.store.migrate import MigrationRefused, migrate
from sql import Migration, migrations

FIRST = Migration(1, "first", "create table a (x integer); insert into a values (1);")
SECOND = Migration(2, "second", "alter table a add column y integer;")
BROKEN = Migration(2, "broken", "create table b (x integer); insert into nowhere values (1);")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(tmp_path / "x.duckdb")) as made:
        yield made


def tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    return {row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()}


def test_what_is_missing_is_applied_in_order_once(connection: duckdb.DuckDBPyConnection) -> None:
    assert migrate(connection, [FIRST]) == 1
    assert migrate(connection, [FIRST, SECOND]) == 1
    assert migrate(connection, [FIRST, SECOND]) == 0
    assert connection.execute("select x, y from a").fetchall() == [(1, None)]
    applied = connection.execute("select version, name from schema_migrations order by version").fetchall()
    assert applied == [(1, "first"), (2, "second")]


def test_a_file_that_fails_leaves_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.CatalogException):
        migrate(connection, [FIRST, BROKEN])
    assert tables(connection) == {"a", "schema_migrations"}
    assert migrate(connection, [FIRST, SECOND]) == 1


def test_a_file_that_was_changed_is_refused(connection: duckdb.DuckDBPyConnection) -> None:
    migrate(connection, [FIRST])
    with pytest.raises(MigrationRefused, match="was changed after it had been applied"):
        migrate(connection, [Migration(1, "first", FIRST.text + " "), SECOND])
    assert tables(connection) == {"a", "schema_migrations"}


def test_a_database_of_a_newer_version_is_refused(connection: duckdb.DuckDBPyConnection) -> None:
    migrate(connection, [FIRST, SECOND])
    with pytest.raises(MigrationRefused, match="schema version 2"):
        migrate(connection, [FIRST])


def test_nothing_of_a_migration_waits_in_the_log(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    migrate(connection, [FIRST])
    log = tmp_path / "x.duckdb.wal"
    assert not log.exists() or log.stat().st_size == 0


def test_our_migrations_make_the_schema(connection: duckdb.DuckDBPyConnection) -> None:
    migrate(connection, migrations("analytics"))
    assert tables(connection) == {"requests", "ingested", "schema_migrations"}
