"""Bring a schema up to date: numbered files, each applied once, all that are missing or none, whoever else
tries at once.

Knows versions, checksums and whose a table is. Does not know what the files say, nor which kind of database it speaks
to: one that can run statements, and be alone while it does, is handed in.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sql import Ledger, Migration

LEDGER = "schema_migrations"

LEDGER_COLUMNS = {"version", "name", "checksum", "applied_at"}


class Database(Protocol):
    """What is needed of a database."""

    @property
    def ledger(self) -> Ledger:
        """Its statements for keeping book."""

    def rows(self, statement: str, parameters: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        """Run one statement; what it gives."""

    def run(self, text: str) -> None:
        """Run every statement of a file, within the transaction."""

    def alone(self) -> AbstractContextManager[None]:
        """A transaction in which nobody else writes: it lasts unless something is raised in it."""

    def settle(self) -> None:
        """Called after a change of schema, for what must not wait."""


class MigrationRefused(Exception):
    """The database was written by a newer version, a migration was changed after it had been applied, or tables of
    somebody else are where ours should be."""


def migrate(database: Database, migrations: Sequence[Migration]) -> int:
    """Apply what is missing, all of it or nothing; how many files that was. Raises MigrationRefused, or what the
    database raises."""
    if not pending(database, migrations):
        return 0
    with database.alone():
        # Another process may have been quicker.
        missing = pending(database, migrations)
        _check_room(database, missing)
        for migration in missing:
            _apply(database, migration)
    if missing:
        database.settle()
    return len(missing)


def rebuild(
    database: Database,
    migrations: Sequence[Migration],
    version: int,
    fill: Callable[[], None],
    finish: Callable[[], None],
) -> None:
    """Make all of ours anew, in one transaction: as it was at a version, then filled, brought up to date and finished.

    Raises MigrationRefused, or what the database or one of the steps raises; then everything is as it was before.
    """
    with database.alone():
        missing = pending(database, migrations)
        _drop(database, [migration for migration in migrations if migration not in missing])
        _check_room(database, migrations)
        for migration in migrations:
            if migration.version > version:
                break
            _apply(database, migration)
        fill()
        for migration in migrations:
            if migration.version > version:
                _apply(database, migration)
        finish()
    database.settle()


def our_tables(database: Database, migrations: Sequence[Migration]) -> tuple[str, ...]:
    """The tables of ours that are there, each after those that it refers to; without the one that keeps book."""
    missing, there = pending(database, migrations), _tables(database)
    applied = [migration for migration in migrations if migration not in missing]
    return tuple(name for name in _made(applied, "table") if name in there)


def pending(database: Database, migrations: Sequence[Migration]) -> list[Migration]:
    """Those that the database does not have. Raises MigrationRefused when it has others than these."""
    columns = _tables(database).get(LEDGER)
    if columns is None:
        return list(migrations)
    if columns != LEDGER_COLUMNS:
        raise MigrationRefused(_not_ours(LEDGER))
    applied = {version: checksum for version, _, checksum in database.rows(database.ledger.applied, {})}
    _check(applied, migrations)
    return [migration for migration in migrations if migration.version not in applied]


def _tables(database: Database) -> Mapping[str, set[str]]:
    """Every table and its columns."""
    found: dict[str, set[str]] = {}
    for table, column in database.rows(database.ledger.tables, {}):
        found.setdefault(table, set()).add(column)
    return found


def _check(applied: Mapping[int, str], migrations: Sequence[Migration]) -> None:
    known = {migration.version: migration for migration in migrations}
    for version, checksum in applied.items():
        if version not in known:
            raise MigrationRefused(f"the database has schema version {version}, which this version does not know")
        if known[version].checksum != checksum:
            raise MigrationRefused(f"migration {version} ({known[version].name}) was changed after it had been applied")


def _apply(database: Database, migration: Migration) -> None:
    database.rows(database.ledger.create, {})
    database.run(migration.text)
    database.rows(
        database.ledger.record,
        {
            "version": migration.version,
            "name": migration.name,
            "checksum": migration.checksum,
            "now_us": time.time_ns() // 1000,
        },
    )


def _drop(database: Database, migrations: Sequence[Migration]) -> None:
    """Make away with everything that these have made, and with what is written down of them."""
    if not migrations:
        return
    for kind in ("view", "table", "function"):
        for name in reversed(_made(migrations, kind)):
            database.run(f"drop {kind} if exists {name};")
    database.run(f"drop table {LEDGER};")


def _made(migrations: Sequence[Migration], kind: str) -> list[str]:
    """Names of what these make, in order."""
    return [
        name for migration in migrations for name in re.findall(rf"^create {kind} (\w+)", migration.text, re.MULTILINE)
    ]


def _check_room(database: Database, missing: Sequence[Migration]) -> None:
    """Raises MigrationRefused where one of these would make a table that is there: before anything is made."""
    there = _tables(database).keys()
    for name in _made(missing, "table"):
        if name in there:
            raise MigrationRefused(_not_ours(name))


def _not_ours(table: str) -> str:
    return f"the table {table!r} in it is somebody else's: the gateway needs a database of its own, or a schema"
