"""The analytics store: one DuckDB file, opened by one process, written by one thread, read by a few.

Knows how the file is opened, closed and asked. Does not know what the statements mean, nor how rows get in: that is
`usage/ingest`. DuckDB calls never run on the event loop.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

import sql
from gateway import logs
from gateway.errors import ControlUnavailable
from gateway.store.migrate import migrate

STORAGE_VERSION = "v1.5.0"
"""Files of this version can be opened by every DuckDB we allow, so that one can go back."""

READERS = 2
"""Statements read at once; more wait."""

READ_SECONDS = 5.0
"""How long a statement of a page may take."""

CLOSE_POLL_SECONDS = 0.02

Row = dict[str, Any]

INSIST_SECONDS = 0.05
INSISTING = 200
"""How often a statement that takes too long is told to stop, and how many times."""

log = logs.get("gateway.store.analytics")


class Analytics:
    """The file at `path`. Besides it, statements may touch nothing but the files in `spool`."""

    def __init__(self, path: Path, spool: Path, *, memory_limit: str) -> None:
        self._path, self._spool, self._memory_limit = path, spool, memory_limit
        self._connection: DuckDBPyConnection | None = None
        self._changed = threading.Condition()
        self._closing = False
        self._reads: set[_Read] = set()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="analytics")

    @property
    def is_open(self) -> bool:
        """Whether reads are answered at the moment."""
        return self._connection is not None and not self._closing

    def open(self) -> DuckDBPyConnection:
        """Open, and bring the schema up to date; the connection for the one thread that writes.

        Raises duckdb.Error, OSError or MigrationRefused; another try may succeed.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = duckdb.connect(str(self._path), config=self._configuration())
        try:
            self._shut_in(connection)
            migrate(AnalyticsSchema(connection), sql.migrations("analytics"))
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def close(self) -> None:
        """Stop the reads that run, then close the file. A database that failed comes back only after this."""
        with self._changed:
            self._closing = True
            while self._reads:
                for read in self._reads:
                    read.interrupt()
                self._changed.wait(CLOSE_POLL_SECONDS)
            connection, self._connection = self._connection, None
            self._closing = False
        if connection is not None:
            try:
                connection.close()
            except duckdb.Error as error:
                log.error("the analytics store did not close cleanly", error=str(error))

    def end(self) -> None:
        """Let the reading threads go; nothing is read afterwards."""
        self._readers.shutdown(wait=False, cancel_futures=True)

    async def read(self, name: str, parameters: Mapping[str, object], *, seconds: float = READ_SECONDS) -> list[Row]:
        """The rows of a named statement. Raises ControlUnavailable when the store is shut or takes longer."""
        loop = asyncio.get_running_loop()
        read = _Read(sql.statement(name), dict(parameters))
        timer = loop.call_later(seconds, _insist, loop, read, INSISTING)
        try:
            return await loop.run_in_executor(self._readers, self._perform, read)
        except asyncio.CancelledError:
            _insist(loop, read, INSISTING)
            raise
        except duckdb.InterruptException as error:
            raise ControlUnavailable("The analytics store took too long to answer.", retry_after=1) from error
        except duckdb.Error as error:
            log.error("a statement failed", statement=name, error=str(error))
            raise ControlUnavailable("The analytics store cannot answer at the moment.", retry_after=1) from error
        finally:
            timer.cancel()

    def _perform(self, read: _Read) -> list[Row]:
        with self._cursor(read) as cursor:
            return read.perform(cursor)

    @contextmanager
    def _cursor(self, read: _Read) -> Iterator[DuckDBPyConnection]:
        with self._changed:
            if self._connection is None or self._closing:
                raise ControlUnavailable("The analytics store is not open at the moment.", retry_after=1)
            cursor = self._connection.cursor()
            self._reads.add(read)
        try:
            yield cursor
        finally:
            read.forget()
            cursor.close()
            with self._changed:
                self._reads.remove(read)
                self._changed.notify_all()

    def _configuration(self) -> dict[str, str | bool | int | float | list[str]]:
        return {
            "storage_compatibility_version": STORAGE_VERSION,
            "threads": max(1, (os.cpu_count() or 1) // 4),
            "memory_limit": self._memory_limit,
            "temp_directory": str(self._path.parent / "tmp"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }

    def _shut_in(self, connection: DuckDBPyConnection) -> None:
        """No statement, whoever wrote it, reads or writes files of this machine other than its own and the spool."""
        connection.execute("set allowed_directories = [$spool]", {"spool": str(self._spool)})
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")


class AnalyticsSchema:
    """What `migrate` needs of DuckDB. One process at a time opens the file, so that we are alone anyway."""

    ledger = sql.ledger("analytics")

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self._connection = connection

    def rows(self, statement: str, parameters: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        """Run one statement; what it gives."""
        return self._connection.execute(statement, dict(parameters)).fetchall()

    def run(self, text: str) -> None:
        """Run every statement of a file."""
        self._connection.execute(text)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A transaction."""
        self._connection.begin()
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()

    def settle(self) -> None:
        """Not in the log: replaying a change of schema has gone wrong (duckdb issues 19712, 22044, 25395)."""
        self._connection.execute("checkpoint")


def _insist(loop: asyncio.AbstractEventLoop, read: _Read, times: int) -> None:
    """Interrupt, again and again until it helps: one that comes just before a statement begins is lost."""
    if not read.over and times:
        read.interrupt()
        loop.call_later(INSIST_SECONDS, _insist, loop, read, times - 1)


class _Read:
    """One statement on its way: it can be interrupted from any thread, before, while and after it runs."""

    def __init__(self, text: str, parameters: dict[str, object]) -> None:
        self._text, self._parameters = text, parameters
        self._lock = threading.Lock()
        self._cursor: DuckDBPyConnection | None = None
        self._interrupted = False
        self.over = False

    def perform(self, cursor: DuckDBPyConnection) -> list[Row]:
        with self._lock:
            if self._interrupted:
                raise duckdb.InterruptException("interrupted before it began")
            self._cursor = cursor
        result = cursor.execute(self._text, self._parameters)
        columns = [column[0] for column in result.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]

    def interrupt(self) -> None:
        with self._lock:
            self._interrupted = True
            if self._cursor is not None:
                self._cursor.interrupt()

    def forget(self) -> None:
        with self._lock:
            self._cursor = None
            self.over = True
