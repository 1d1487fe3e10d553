"""What holds for every kind of database, on each of them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg
import pytest

from gateway.store.analytics import AnalyticsSchema
from gateway.store.migrate import Database, MigrationRefused, migrate
from gateway.store.postgres import PostgresSchema
from gateway.store.sqlite import SqliteSchema
from sql import Migration, migrations
from tests.postgres import ENGINES

FIRST = Migration(1, "first", "create table a (x integer); insert into a values (1);")
SECOND = Migration(2, "second", "alter table a add column y integer;")
BROKEN = Migration(2, "broken", "create table b (x integer); insert into nowhere values (1);")


@dataclass(frozen=True)
class Kind:
    """A database of the test, and what must be known of its kind."""

    database: Database
    schema: str
    error: type[Exception]

    def names(self) -> set[str]:
        return {row[0] for row in self.database.rows(self.database.ledger.tables, {})}


@contextmanager
def duckdb_database(request: pytest.FixtureRequest, directory: Path) -> Iterator[Kind]:
    with duckdb.connect(str(directory / "x.duckdb")) as made:
        yield Kind(AnalyticsSchema(made), "analytics", duckdb.CatalogException)


@contextmanager
def sqlite_database(request: pytest.FixtureRequest, directory: Path) -> Iterator[Kind]:
    with closing(sqlite3.connect(directory / "x.sqlite3", isolation_level=None)) as made:
        yield Kind(SqliteSchema(made), "state/sqlite", sqlite3.OperationalError)


@contextmanager
def postgres_database(request: pytest.FixtureRequest, directory: Path) -> Iterator[Kind]:
    with psycopg.connect(request.getfixturevalue("postgres").fresh(), autocommit=True) as made:
        yield Kind(PostgresSchema(made), "state/postgres", psycopg.errors.UndefinedTable)


KINDS = {"duckdb": duckdb_database, "sqlite": sqlite_database, "postgres": postgres_database}


@pytest.fixture(params=["duckdb", *ENGINES])
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kind]:
    with KINDS[request.param](request, tmp_path) as made:
        yield made


def test_what_is_missing_is_applied_in_order_once(kind: Kind) -> None:
    assert migrate(kind.database, [FIRST]) == 1
    assert migrate(kind.database, [FIRST, SECOND]) == 1
    assert migrate(kind.database, [FIRST, SECOND]) == 0
    assert kind.database.rows("select x, y from a", {}) == [(1, None)]
    applied = kind.database.rows("select version, name from schema_migrations order by version", {})
    assert applied == [(1, "first"), (2, "second")]


def test_a_file_that_fails_leaves_nothing_of_any(kind: Kind) -> None:
    with pytest.raises(kind.error):
        migrate(kind.database, [FIRST, BROKEN])
    assert kind.names() == set()
    migrate(kind.database, [FIRST])
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


def test_who_comes_second_has_nothing_to_do(kind: Kind) -> None:
    late = Late(kind.database, lambda: migrate(kind.database, [FIRST, SECOND]))
    assert migrate(late, [FIRST, SECOND]) == 0
    assert kind.database.rows("select x, y from a", {}) == [(1, None)]


class Late:
    """Somebody else migrates between its first look and its transaction."""

    def __init__(self, database: Database, meanwhile: Callable[[], object]) -> None:
        self.ledger, self.rows, self.run, self.settle = database.ledger, database.rows, database.run, database.settle
        self._database, self._meanwhile = database, meanwhile

    def alone(self) -> AbstractContextManager[None]:
        self._meanwhile()
        return self._database.alone()


def test_tables_of_others_are_left_alone(kind: Kind) -> None:
    kind.database.run("create table theirs (x integer); insert into theirs values (7);")
    migrate(kind.database, migrations(kind.schema))
    assert kind.database.rows("select x from theirs", {}) == [(7,)]


@pytest.mark.parametrize("name", ["a", "c", "schema_migrations"])
def test_where_somebody_else_has_a_table_of_ours_nothing_is_made(name: str, kind: Kind) -> None:
    """Neither of this file nor of those before it."""
    third = Migration(3, "third", "create table c (x integer);")
    kind.database.run(f"create table {name} (version integer); insert into {name} values (7);")
    with pytest.raises(MigrationRefused, match=f"the table '{name}' in it is somebody else's"):
        migrate(kind.database, [FIRST, SECOND, third])
    assert kind.names() == {name}
    assert kind.database.rows(f"select version from {name}", {}) == [(7,)]


def test_our_migrations_make_the_schema(kind: Kind) -> None:
    ours = migrations(kind.schema)
    migrate(kind.database, ours)
    made = {name for each in ours for name in re.findall(r"^create (?:table|view) (\w+)", each.text, re.MULTILINE)}
    made -= {name for each in ours for name in re.findall(r"^alter table (\w+) rename", each.text, re.MULTILINE)}
    assert len(made) > 1
    assert kind.names() == {*made, "schema_migrations"}


def test_nothing_of_a_migration_waits_in_the_log_of_duckdb(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        migrate(AnalyticsSchema(connection), [FIRST])
        log = tmp_path / "x.duckdb.wal"
        assert not log.exists() or log.stat().st_size == 0
