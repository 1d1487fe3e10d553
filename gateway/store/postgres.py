"""The state in a PostgreSQL database, for gateways on several machines. The one home of the library.

Knows how a connection is made, set up, kept honest and asked. Does not know what is in the database, nor threads.
Nothing it says shows the password. Of the database it touches its own tables alone, in the first schema of
`search_path`.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import Connection, Cursor, conninfo
from psycopg.adapt import Buffer, Loader
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg.types.numeric import Int8Dumper

import sql
from gateway.errors import Conflict
from gateway.store.migrate import MigrationRefused, migrate
from gateway.store.placeholders import translated
from gateway.store.session import Breach, DatabaseUnfit, Opened, Row, Whole, conflict
from sql import Migration

SCHEMA = "state/postgres"

OLDEST = 14
"""First major version that is known to do."""

LOCK_SECONDS = 5.0
"""How long one statement waits for somebody else who writes."""

CONNECT_SECONDS = 5.0
"""How long each server of the URL has to let us in."""

IDLE_SECONDS = 30.0
"""After which the server ends a transaction whose process is stopped: others wait for its lock."""

ROWS_AT_ONCE = 100
"""Fetched together when a whole table is read; one of them may have some megabytes."""

WRITING = 0x736C_7569_6365_0001
LEADING = 0x736C_7569_6365_0002
"""Numbers of our advisory locks, which belong to the database: `sluice` in hexadecimal, and which one."""

CONNECTION = {
    "fallback_application_name": "sluicegate",
    "client_encoding": "utf8",
    # Of several hosts the one that can be written; a standby alone is refused.
    "target_session_attrs": "read-write",
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""What a URL may say otherwise (https://www.postgresql.org/docs/current/libpq-connect.html)."""

BREACHES: Mapping[str | None, Breach] = {
    "23505": "unique",
    "23P01": "unique",
    "23503": "reference",
    "23001": "reference",
    "23514": "refused",
    "23502": "refused",
    # What our triggers raise.
    "23000": "refused",
    # The library itself, about a NUL in a text.
    None: "unkeepable",
    "22003": "unkeepable",
    "22021": "unkeepable",
    # An entry that is too large for an index.
    "54000": "unkeepable",
}
"""By SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

BREAKING = (psycopg.IntegrityError, psycopg.DataError, psycopg.errors.ProgramLimitExceeded)


class Postgres:
    """The database at `url`; `seconds` is what one question may take."""

    trouble = (psycopg.Error, OSError, MigrationRefused, DatabaseUnfit)

    def __init__(self, url: str, seconds: float) -> None:
        self._url, self._seconds = url, seconds

    @property
    def place(self) -> str:
        """Database and server."""
        try:
            said = _read_url(self._url)
        except DatabaseUnfit:
            return "the database of `database.url`"
        server = ":".join(str(said[name]) for name in ("host", "port") if name in said)
        return f"PostgreSQL database {said.get('dbname', '')!r}" + (f" at {server}" if server else "")

    def open(self) -> Opened:
        """A session. Raises one of `trouble`."""
        connection = self._connect()
        try:
            self._set_up(connection)
            migrated = migrate(PostgresSchema(connection), sql.migrations(SCHEMA))
        except BaseException:
            connection.close()
            raise
        return PostgresSession(connection, migrated)

    def open_whole(self) -> Whole:
        """The database as it is. Raises one of `trouble`."""
        connection = self._connect()
        try:
            self._set_up(connection)
        except BaseException:
            connection.close()
            raise
        return PostgresSchema(connection)

    def _connect(self) -> Connection[Any]:
        said = _read_url(self._url)
        timeouts = {
            # Less than two seconds libpq does not take.
            "connect_timeout": max(2, round(min(self._seconds, CONNECT_SECONDS))),
            "tcp_user_timeout": round(self._seconds * 2000),
        }
        try:
            # Without prepared statements, which a pooler in between may lose.
            return psycopg.connect(**{**CONNECTION, **timeouts, **said}, autocommit=True, prepare_threshold=None)
        except psycopg.Error as error:
            text, password = str(error), str(said.get("password") or "")
            # The server and the library do not repeat it; nothing is lost by being sure.
            raise DatabaseUnfit(text.replace(password, "***") if password else text) from None

    def _set_up(self, connection: Connection[Any]) -> None:
        _check(connection)
        adapters = connection.adapters
        # As SQLite does it: one kind of integer; truth is one, and a sum is one as well.
        adapters.register_dumper(int, Int8Dumper)
        adapters.register_loader("bool", _Truth)
        adapters.register_loader("numeric", _Number)
        settings = self._settings()
        asked = ", ".join("set_config(%s, %s, false)" for _ in settings)
        connection.execute(f"select {asked}".encode(), [part for each in settings.items() for part in each])

    def _settings(self) -> dict[str, str]:
        return {
            "statement_timeout": f"{round(self._seconds * 1000)}ms",
            "lock_timeout": f"{round(min(self._seconds, LOCK_SECONDS) * 1000)}ms",
            "idle_in_transaction_session_timeout": f"{round(IDLE_SECONDS * 1000)}ms",
            "client_connection_check_interval": "5s",
            "timezone": "UTC",
            # So that the locks of a machine that is gone do not stay for hours.
            "tcp_keepalives_idle": "30",
            "tcp_keepalives_interval": "10",
            "tcp_keepalives_count": "3",
        }


def _read_url(url: str) -> dict[str, Any]:
    """What a URL says, by libpq's names. Raises DatabaseUnfit, which shows nothing of it."""
    unfit = DatabaseUnfit(
        "`database.url` is no `postgresql://user:password@host/name`; what is not a letter or digit in the password "
        "is written as %XX"
    )
    if not url.startswith(("postgresql://", "postgres://")):
        raise unfit
    try:
        said = conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        raise unfit from None
    # What is left of a password with a slash in it.
    if not str(said.get("port") or "5432").replace(",", "").isdigit() or "@" in str(said.get("dbname") or ""):
        raise unfit
    return dict(said)


def _check(connection: Connection[Any]) -> None:
    """Raises DatabaseUnfit where we could not keep everything."""
    if connection.info.server_version < OLDEST * 10_000:
        raise DatabaseUnfit(f"it is older than PostgreSQL {OLDEST}")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise DatabaseUnfit(f"its encoding is {encoding}, and must be UTF8")
    if connection.execute("select current_schema()").fetchone() == (None,):
        raise DatabaseUnfit("no schema of its search_path exists")


class _Truth(Loader):
    def load(self, data: Buffer) -> int:
        return int(bytes(data) == b"t")


class _Number(Loader):
    def load(self, data: Buffer) -> int | float:
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdigit() else float(text)


class PostgresSession:
    """A connection in autocommit mode, as a Session."""

    def __init__(self, connection: Connection[Any], migrated: int) -> None:
        self.connection, self.migrated = connection, migrated
        # A handle of our own: the library closes its one at any time, and then the number is somebody else's.
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))
        self._leads = False
        self._conflict: Conflict | None = None

    def rows(self, name: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """Every row of the statement `area/name`."""
        cursor = self._perform(name, parameters)
        return cursor.fetchall() if cursor.description else []

    def row(self, name: str, parameters: Mapping[str, object] | None = None) -> Row | None:
        """The first row of it, if any."""
        found = self.rows(name, parameters)
        return found[0] if found else None

    def run(self, name: str, parameters: Mapping[str, object] | None = None) -> int:
        """How many rows the statement changed."""
        return self._perform(name, parameters).rowcount

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A transaction in which nobody else writes: it lasts unless something is raised in it."""
        with self._transaction(_ALONE):
            yield

    @contextmanager
    def still(self) -> Iterator[None]:
        """A transaction that cannot write, and sees everything as it was when it first looked."""
        with self._transaction(_STILL):
            yield

    def leads(self) -> bool:
        """Whether this session is the one of its kind that does what only one may do; for as long as it is open."""
        if not self._leads:
            found = self.connection.execute("select pg_try_advisory_lock(%s)", [LEADING]).fetchone()
            self._leads = found == (1,)
        return self._leads

    def make_durable(self) -> None:
        """Nothing: what the server has acknowledged is on disk, unless it was told otherwise."""

    def give_back_space(self) -> bool:
        """Never: the server does it by itself."""
        return False

    def is_usable(self) -> bool:
        """Whether the server has not closed the connection meanwhile."""
        if self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        # Nobody asked anything, so whatever there is to read is a farewell.
        return not poll.poll(0)

    def survives(self, error: Exception) -> bool:
        """Whether the server is there and nothing is left open; not where it has become another's standby."""
        if isinstance(error, psycopg.errors.ReadOnlySqlTransaction) or self.connection.closed:
            return False
        return self.connection.info.transaction_status == TransactionStatus.IDLE

    def interrupt(self) -> None:
        """End the connection, so that whoever waits for the server hears that there is none. A server that hangs while
        its machine lives would be waited for as long as it hangs."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the database."""
        self._socket.close()
        with suppress(psycopg.Error, OSError):
            self.connection.close()

    def _perform(self, name: str, parameters: Mapping[str, object] | None) -> Cursor[Row]:
        plain = {key: int(value) if isinstance(value, bool) else value for key, value in (parameters or {}).items()}
        try:
            return self.connection.cursor(row_factory=dict_row).execute(translated(sql.statement(name)).encode(), plain)
        except BREAKING as error:
            breach = BREACHES.get(error.sqlstate)
            if breach is None:
                raise
            raise self._noted(breach) from error
        except UnicodeEncodeError as error:
            raise self._noted("unkeepable") from error

    def _noted(self, breach: Breach) -> Conflict:
        self._conflict = conflict(breach)
        return self._conflict

    @contextmanager
    def _transaction(self, beginning: str) -> Iterator[None]:
        self._conflict = None
        with _transaction(self.connection, beginning):
            yield
            # Caught where it was raised, it would have the server undo everything without a word.
            if self._conflict is not None:
                raise self._conflict


_STILL = "begin isolation level repeatable read read only"

# Not on the snapshot of an earlier statement: what is read after the lock is what its last holder left.
_ALONE = f"begin isolation level read committed read write; select pg_advisory_xact_lock({WRITING})"


@contextmanager
def _transaction(connection: Connection[Any], beginning: str) -> Iterator[None]:
    if connection.info.transaction_status != TransactionStatus.IDLE:
        raise psycopg.ProgrammingError("a transaction within a transaction")
    try:
        connection.execute(beginning.encode())
        yield
        connection.execute("commit")
    except BaseException:
        with suppress(psycopg.Error, OSError):  # who cannot say so has lost the connection, and with it the transaction
            connection.execute("rollback")
        raise


class PostgresSchema:
    """A whole database, and what `migrate` needs of one, over a connection in autocommit mode."""

    ledger = sql.ledger(SCHEMA)

    @property
    def migrations(self) -> Sequence[Migration]:
        """Those of PostgreSQL."""
        return sql.migrations(SCHEMA)

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def rows(self, statement: str, parameters: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        """Run one statement; what it gives."""
        cursor = self._connection.execute(translated(statement).encode(), parameters)
        return cursor.fetchall() if cursor.description else []

    def run(self, text: str) -> None:
        """Run every statement of a file."""
        self._connection.execute(text.encode())

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A transaction in which nobody else writes, however long it takes."""
        with _transaction(self._connection, f"{_ALONE}; set local statement_timeout = 0"):
            yield

    def settle(self) -> None:
        """Nothing: what is committed is committed."""

    @contextmanager
    def still(self) -> Iterator[None]:
        """A transaction that sees everything as it was when it first looked."""
        with _transaction(self._connection, _STILL):
            yield

    def scan(self, table: str) -> Iterator[Row]:
        """Every row, by the first two columns, some at a time. Within a transaction."""
        with self._connection.cursor("scan", row_factory=dict_row) as cursor:
            cursor.itersize = ROWS_AT_ONCE
            every = f'select * from "{table}" order by 1, 2'  # noqa: S608 # a name from our migrations
            yield from cursor.execute(every.encode())

    def fill(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Put rows into a table."""
        names = ", ".join(f'"{name}"' for name in columns)
        with self._connection.cursor() as cursor, cursor.copy(f'copy "{table}" ({names}) from stdin'.encode()) as copy:
            for row in rows:
                copy.write_row(row)

    def close(self) -> None:
        """Let go of the database."""
        with suppress(psycopg.Error, OSError):
            self._connection.close()
