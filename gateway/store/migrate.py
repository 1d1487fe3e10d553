"""Bring a schema up to date: numbered files, each applied once, whole or not at all.

Knows versions and checksums. Does not know what the files say, nor which database it speaks to: a connection is handed
in.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import sql
from sql import Migration


class Connection(Protocol):
    """What is needed of a database connection in autocommit mode."""

    def execute(self, query: str, parameters: Any = ..., /) -> Any:
        """Run statements; the result has `fetchall`."""

    def begin(self) -> Any:
        """Begin a transaction."""

    def commit(self) -> Any:
        """Make it last."""

    def rollback(self) -> Any:
        """Undo it."""


class MigrationRefused(Exception):
    """The database was written by a newer version, or a migration was changed after it had been applied."""


def migrate(connection: Connection, migrations: Sequence[Migration]) -> int:
    """Apply what is missing; how many files that was. Raises MigrationRefused, or what the database raises."""
    connection.execute(sql.statement("schema/create"))
    applied = {version: checksum for version, _, checksum in _applied(connection)}
    _check(applied, migrations)
    missing = [migration for migration in migrations if migration.version not in applied]
    for migration in missing:
        _apply(connection, migration)
    if missing:
        # A change of schema must not wait in the log: replaying one has gone wrong (duckdb issues 19712, 22044, 25395).
        connection.execute("checkpoint")
    return len(missing)


def _applied(connection: Connection) -> list[tuple[int, str, str]]:
    rows: list[tuple[int, str, str]] = connection.execute(sql.statement("schema/applied")).fetchall()
    return rows


def _check(applied: Mapping[int, str], migrations: Sequence[Migration]) -> None:
    known = {migration.version: migration for migration in migrations}
    for version, checksum in applied.items():
        if version not in known:
            raise MigrationRefused(f"the database has schema version {version}, which this version does not know")
        if known[version].checksum != checksum:
            raise MigrationRefused(f"migration {version} ({known[version].name}) was changed after it had been applied")


def _apply(connection: Connection, migration: Migration) -> None:
    connection.begin()
    try:
        connection.execute(migration.text)
        connection.execute(
            sql.statement("schema/record"),
            {
                "version": migration.version,
                "name": migration.name,
                "checksum": migration.checksum,
                "now_us": time.time_ns() // 1000,
            },
        )
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
