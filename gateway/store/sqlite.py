"""The state in an SQLite file that every process of a gateway may open. The one home of the library.

Knows how the file is made, kept private, brought up to date and asked. Does not know what is in it, nor threads.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sql
from gateway.errors import Conflict
from gateway.store.migrate import MigrationRefused, migrate
from gateway.store.session import Breach, DatabaseUnfit, Opened, Row, Whole, conflict
from sql import Migration

SCHEMA = "state/sqlite"

BUSY_SECONDS = 5.0
"""How long one statement waits for another process that writes."""

LOCK_SECONDS = 10.0
"""How long opening waits for another process that brings the file up to date."""

LOCK_POLL_SECONDS = 0.01

LONGEST_LOG_BYTES = 64 * 1024 * 1024
"""What the write-ahead log is cut to when it was longer."""

PAGES_AT_ONCE = 1000
"""Free pages given back in one transaction."""

BREACHES: Mapping[int, Breach] = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: "unique",
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: "unique",
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: "reference",
    sqlite3.SQLITE_CONSTRAINT_CHECK: "refused",
    sqlite3.SQLITE_CONSTRAINT_NOTNULL: "refused",
    sqlite3.SQLITE_CONSTRAINT_TRIGGER: "refused",
}
"""Other constraints, such as a table's types, are mistakes of ours."""

UNKEEPABLE = (sqlite3.DataError, OverflowError, UnicodeEncodeError)
"""What the library says of integers over 64 bits, of texts that are no Unicode, of values over a gigabyte."""


class Sqlite:
    """The file at `path`, with a lock beside it."""

    trouble = (sqlite3.Error, OSError, MigrationRefused, DatabaseUnfit)

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def place(self) -> str:
        """The file."""
        return str(self._path)

    def open(self) -> Opened:
        """A session, in a file that is made where there is none. Raises one of `trouble`."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(self._path.with_suffix(".lock")):
            _keep_private(self._path)
            connection = sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                return SqliteSession(connection, self._path, _set_up(connection))
            except BaseException:
                connection.close()
                raise

    def open_whole(self) -> Whole:
        """The file as it is. Raises one of `trouble`."""
        if not self._path.exists():
            raise DatabaseUnfit("there is no such file")
        place = f"file:{quote(str(self._path.absolute()))}?mode=rw"
        return SqliteSchema(sqlite3.connect(place, uri=True, timeout=BUSY_SECONDS, isolation_level=None))


def _set_up(connection: sqlite3.Connection) -> int:
    """How many migrations were applied."""
    # Means something only before the first table is made, and before the log is.
    connection.execute("pragma auto_vacuum = incremental")
    connection.execute("pragma journal_mode = wal")
    # What was committed survives the end of any process; the last of it may go with the power.
    connection.execute("pragma synchronous = normal")
    connection.execute(f"pragma journal_size_limit = {LONGEST_LOG_BYTES}")
    applied = migrate(SqliteSchema(connection), sql.migrations(SCHEMA))
    # Not before: a migration that makes a table anew must be able to drop the old one.
    connection.execute("pragma foreign_keys = on")
    return applied


def _keep_private(path: Path) -> None:
    """Make the file for its owner alone; what SQLite puts beside it takes its mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        # Never opened here: closing it would end the locks that this process holds on it through SQLite.
        path.chmod(0o600)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock beside the file: to switch to a write-ahead log, SQLite's own locks are not enough."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while not _taken(lock):
            if time.monotonic() > deadline:
                raise TimeoutError(f"another process holds {path}")
            time.sleep(LOCK_POLL_SECONDS)
        yield
    finally:
        os.close(lock)


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _file_at(path: Path) -> tuple[int, int] | None:
    """Which file has this name now; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class SqliteSession:
    """A connection in autocommit mode, as a Session."""

    def __init__(self, connection: sqlite3.Connection, path: Path, migrated: int) -> None:
        self.connection, self.migrated = connection, migrated
        self._path, self._file = path, _file_at(path)
        self._conflict: Conflict | None = None

    def rows(self, name: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """Every row of the statement `area/name`."""
        cursor, found = self._perform(name, parameters)
        columns = [column[0] for column in cursor.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in found]

    def row(self, name: str, parameters: Mapping[str, object] | None = None) -> Row | None:
        """The first row of it, if any."""
        found = self.rows(name, parameters)
        return found[0] if found else None

    def run(self, name: str, parameters: Mapping[str, object] | None = None) -> int:
        """How many rows the statement changed."""
        cursor, _ = self._perform(name, parameters)
        return cursor.rowcount

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A transaction in which nobody else writes: it lasts unless something is raised in it."""
        self._conflict = None
        with _transaction(self.connection, "begin immediate"):
            yield
            # Also where it was caught: on PostgreSQL nothing can be saved of such a transaction.
            if self._conflict is not None:
                raise self._conflict

    @contextmanager
    def still(self) -> Iterator[None]:
        """A transaction that cannot write, and sees everything as it was when it first looked."""
        self.connection.execute("pragma query_only = on")
        try:
            with _transaction(self.connection, "begin"):
                yield
        finally:
            self.connection.execute("pragma query_only = off")

    def leads(self) -> bool:
        """Always: one control process at a time holds the data directory."""
        return True

    def make_durable(self) -> None:
        """Have everything that was committed on disk: what is no longer in the write-ahead log is there already."""
        ((_, _, path),) = self.connection.execute("pragma database_list").fetchall()
        with suppress(FileNotFoundError):
            descriptor = os.open(f"{path}-wal", os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def give_back_space(self) -> bool:
        """Make the file smaller by some of what is free in it; whether there is more to give back."""
        before = self._free_pages()
        # A page a row: what is not fetched is not done.
        self.connection.execute(f"pragma incremental_vacuum({PAGES_AT_ONCE})").fetchall()
        return 0 < self._free_pages() < before

    def is_usable(self) -> bool:
        """Whether the file is still the one that was opened: SQLite goes on with one that was replaced or removed."""
        return _file_at(self._path) == self._file

    def survives(self, error: Exception) -> bool:
        """Whether another process merely holds the file. The connection is as good as before, and can read meanwhile,
        which a new one could not: opening takes the lock that is held."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
        is_busy = code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        return is_busy and not self.connection.in_transaction

    def interrupt(self) -> None:
        """Nothing: a file is waited for no longer than BUSY_SECONDS."""

    def close(self) -> None:
        """Let go of the file."""
        with suppress(sqlite3.Error):
            self.connection.close()

    def _perform(self, name: str, parameters: Mapping[str, object] | None) -> tuple[sqlite3.Cursor, list[Any]]:
        try:
            cursor = self.connection.execute(sql.statement(name), dict(parameters or {}))
            return cursor, cursor.fetchall()
        except sqlite3.IntegrityError as error:
            breach = BREACHES.get(error.sqlite_errorcode)
            if breach is None:
                raise
            raise self._noted(breach) from error
        except UNKEEPABLE as error:
            raise self._noted("unkeepable") from error

    def _noted(self, breach: Breach) -> Conflict:
        self._conflict = conflict(breach)
        return self._conflict

    def _free_pages(self) -> int:
        (free,) = self.connection.execute("pragma freelist_count").fetchone()
        return int(free)


@contextmanager
def _transaction(connection: sqlite3.Connection, beginning: str) -> Iterator[None]:
    connection.execute(beginning)
    try:
        yield
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


class SqliteSchema:
    """A whole database, and what `migrate` needs of one, over a connection in autocommit mode."""

    ledger = sql.ledger(SCHEMA)

    @property
    def migrations(self) -> Sequence[Migration]:
        """Those of SQLite."""
        return sql.migrations(SCHEMA)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, parameters: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        """Run one statement; what it gives."""
        return self._connection.execute(statement, dict(parameters)).fetchall()

    def run(self, text: str) -> None:
        """Run every statement of a file. `executescript` will not do: it commits first."""
        for statement in _statements(text):
            self._connection.execute(statement)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A transaction that writes. References are checked at its end, for they are not while it runs."""
        with _transaction(self._connection, "begin immediate"):
            yield
            if self._connection.execute("pragma foreign_key_check").fetchone():
                raise sqlite3.IntegrityError("a migration leaves references that lead nowhere")

    def settle(self) -> None:
        """Nothing: SQLite's log is as good as its file."""

    @contextmanager
    def still(self) -> Iterator[None]:
        """A transaction that sees everything as it was when it first looked."""
        with _transaction(self._connection, "begin"):
            yield

    def scan(self, table: str) -> Iterator[Row]:
        """Every row, by the first two columns."""
        every = f'select * from "{table}" order by 1, 2'  # noqa: S608 # a name from our migrations
        cursor = self._connection.execute(every)
        columns = [column[0] for column in cursor.description]
        return (dict(zip(columns, row, strict=True)) for row in cursor)

    def fill(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Put rows into a table."""
        names, places = ", ".join(f'"{name}"' for name in columns), ", ".join("?" for _ in columns)
        insert = f'insert into "{table}" ({names}) values ({places})'  # noqa: S608 # names from our migrations
        self._connection.executemany(insert, rows)

    def close(self) -> None:
        """Let go of the file."""
        with suppress(sqlite3.Error):
            self._connection.close()


def _statements(text: str) -> Iterator[str]:
    """The statements of a file, each with the comments before it."""
    statement = ""
    for piece in f"{text}\n".split(";"):
        statement += f"{piece};"
        # Not yet, where the semicolon stands in a text, in a comment or within a trigger.
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement:
        raise sqlite3.ProgrammingError("a migration ends within a statement")
