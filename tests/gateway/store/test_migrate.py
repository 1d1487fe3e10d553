"""What holds for every kind of database, on each of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from gateway.store.analytics import AnalyticsSchema
from gateway.store.migrate import Database, MigrationRefused, migrate
from gateway.store.state import StateSchema
from sql import Migration, migrations

FIRST = Migration(1, "first", "create table a (x integer); insert into a values (1);")
SECOND = Migration(2, "second", "alter table a add column y integer;")
BROKEN = Migration(2, "broken", "create table b (x integer); insert into nowhere values (1);")


@dataclass(frozen=True)
class Kind:
    """A database of the test, and what must be known of its kind."""

    database: Database
    schema: str
    ours: tuple[str, ...]
    tables: str
    error: type[Exception]

    def names(self) -> set[str]:
        return {row[0] for row in self.database.rows(self.tables, {})}


@pytest.fixture(params=["duckdb", "sqlite"])
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kind]:
    if request.param == "duckdb":
        with duckdb.connect(str(tmp_path / "x.duckdb")) as made:
            yield Kind(
                AnalyticsSchema(made),
                "analytics",
                ("requests", "ingested"),
                "select table_name from duckdb_tables()",
                duckdb.CatalogException,
            )
    else:
        with closing(sqlite3.connect(tmp_path / "x.sqlite3", isolation_level=None)) as connection:
            yield Kind(
                StateSchema(connection),
                "state/sqlite",
                ("responses",),
                "select name from sqlite_master where type = 'table'",
                sqlite3.OperationalError,
            )


def test_what_is_missing_is_applied_in_order_once(kind: Kind) -> None:
    assert migrate(kind.database, [FIRST]) == 1
    assert migrate(kind.database, [FIRST, SECOND]) == 1
    assert migrate(kind.database, [FIRST, SECOND]) == 0
    assert kind.database.rows("select x, y from a", {}) == [(1, None)]
    applied = kind.database.rows("select version, name from schema_migrations order by version", {})
    assert applied == [(1, "first"), (2, "second")]


def test_a_file_that_fails_leaves_nothing(kind: Kind) -> None:
    with pytest.raises(kind.error):
        migrate(kind.database, [FIRST, BROKEN])
    assert kind.names() == {"a", "schema_migrations"}
    assert migrate(kind.database, [FIRST, SECOND]) == 1


def test_a_file_that_was_changed_is_refused(kind: Kind) -> None:
    migrate(kind.database, [FIRST])
    with pytest.raises(MigrationRefused, match="was changed after it had been applied"):
        migrate(kind.database, [Migration(1, "first", FIRST.text + " "), SECOND])
    assert kind.names() == {"a", "schema_migrations"}


def test_a_database_of_a_newer_version_is_refused(kind: Kind) -> None:
    migrate(kind.database, [FIRST, SECOND])
    with pytest.raises(MigrationRefused, match="schema version 2"):
        migrate(kind.database, [FIRST])


def test_tables_of_others_are_left_alone(kind: Kind) -> None:
    kind.database.run("create table theirs (x integer); insert into theirs values (7);")
    migrate(kind.database, [FIRST])
    assert kind.database.rows("select x from theirs", {}) == [(7,)]


def test_our_migrations_make_the_schema(kind: Kind) -> None:
    migrate(kind.database, migrations(kind.schema))
    assert kind.names() == {*kind.ours, "schema_migrations"}


def test_nothing_of_a_migration_waits_in_the_log_of_duckdb(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        migrate(AnalyticsSchema(connection), [FIRST])
        log = tmp_path / "x.duckdb.wal"
        assert not log.exists() or log.stat().st_size == 0
