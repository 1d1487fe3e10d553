"""Bring a schema up to date: numbered files, each applied once, whole or not at all, whoever else tries at once.

Knows versions and checksums. Does not know what the files say, nor which kind of database it speaks to: one that can
run statements, and be alone while it does, is handed in.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sql import Ledger, Migration


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
    """The database was written by a newer version, or a migration was changed after it had been applied."""


def migrate(database: Database, migrations: Sequence[Migration]) -> int:
    """Apply what is missing; how many files that was. Raises MigrationRefused, or what the database raises."""
    database.rows(database.ledger.create, {})
    missing = _missing(database, migrations)
    count = sum(_apply(database, migration, migrations) for migration in missing)
    if count:
        database.settle()
    return count


def _missing(database: Database, migrations: Sequence[Migration]) -> list[Migration]:
    """Those that the database does not have. Raises MigrationRefused when it has others than these."""
    applied = {version: checksum for version, _, checksum in database.rows(database.ledger.applied, {})}
    _check(applied, migrations)
    return [migration for migration in migrations if migration.version not in applied]


def _check(applied: Mapping[int, str], migrations: Sequence[Migration]) -> None:
    known = {migration.version: migration for migration in migrations}
    for version, checksum in applied.items():
        if version not in known:
            raise MigrationRefused(f"the database has schema version {version}, which this version does not know")
        if known[version].checksum != checksum:
            raise MigrationRefused(f"migration {version} ({known[version].name}) was changed after it had been applied")


def _apply(database: Database, migration: Migration, migrations: Sequence[Migration]) -> bool:
    """Whether it was applied; not where another process was quicker."""
    with database.alone():
        if migration not in _missing(database, migrations):
            return False
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
    return True
