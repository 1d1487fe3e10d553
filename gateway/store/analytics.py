"""The analytics store: one DuckDB file, opened by one process, written by one thread, read by a few.

Knows how the file is opened, closed and asked. Does not know what the statements mean, nor how rows get in: that is
`usage/ingest`. DuckDB calls never run on the event loop.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

import sql
from gateway import logs
from gateway.errors import ControlUnavailable
from gateway.store.asking.exports import Exports, Format, Pieces, Wanted
from gateway.store.asking.queries import Queries
from gateway.store.asking.run import Run
from gateway.store.asking.sharing import Question, Row, SharedReads
from gateway.store.migrate import migrate

STORAGE_VERSION = "v1.5.0"
"""Files of this version can be opened by every DuckDB we allow, so that one can go back."""

READ_SECONDS = 5.0
"""How long a statement of a page may take."""

KEPT_SECONDS = 2.0
"""How old an answer may be that a page shows: many who look at it cost one statement."""

MOST_TEMPORARY = "4GB"
"""What may be put on disk while statements run that do not fit into memory."""

CLOSE_POLL_SECONDS = 0.02

RETURN_SECONDS = 10.0
"""How long those who want to read wait for a store that was closed to be opened again."""

log = logs.get("gateway.store.analytics")


class Analytics:
    """The file at `path`. Besides it, statements may touch nothing but what is in `spool`, in `archive` where there is
    one, and where a copy of the file (`beside`) or an export is made."""

    def __init__(
        self, path: Path, spool: Path, *, memory_limit: str, archive: Path | None = None, threads: int | None = None
    ) -> None:
        """`threads` work on one statement: a quarter of the processors where it is not said, for requests need them."""
        self.path = path
        self._spool, self._archive, self._memory_limit = spool, archive, memory_limit
        self._threads = threads or max(1, (os.cpu_count() or 1) // 4)
        self._connection: DuckDBPyConnection | None = None
        self._changed = threading.Condition()
        self._closing = self._returning = False
        self._runs: set[Run] = set()
        self._shared = SharedReads(self._answer)
        self._exports = Exports(self._lend, exports_beside(path))
        self.queries = Queries(self._lend, self._exports)
        """What people ask in SQL of their own."""

    @property
    def is_open(self) -> bool:
        """Whether reads are answered at the moment."""
        return self._connection is not None and not self._closing

    def open(self) -> DuckDBPyConnection:
        """Open, and bring the schema up to date; the connection for the one thread that writes.

        Raises duckdb.Error, OSError or MigrationRefused; another try may succeed.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = None
        try:
            connection = self._open()
        finally:
            with self._changed:
                self._connection, self._returning = connection, False
                self._changed.notify_all()
        return connection

    def _open(self) -> DuckDBPyConnection:
        self._exports.tidy()
        connection = duckdb.connect(str(self.path), config=self._configuration())
        try:
            self._shut_in(connection)
            migrate(AnalyticsSchema(connection), sql.migrations("analytics"))
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self, *, patience: float = 0.0) -> None:
        """Stop the reads that run, then close the file. A database that failed comes back only after this.

        With `patience` it is soon opened again: reads have so many seconds to end by themselves, and those that come
        wait until it is open.
        """
        deadline = time.monotonic() + patience
        with self._changed:
            self._closing, self._returning = True, patience > 0
            while self._runs:
                for run in self._runs if time.monotonic() >= deadline else ():
                    run.stop("closed")
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
        self._shared.end()
        self._exports.end()
        self.queries.end()

    async def read(self, name: str, parameters: Mapping[str, object], *, seconds: float = READ_SECONDS) -> list[Row]:
        """The rows of a named statement, from a moment since it was last begun to be asked this: who asks the same at
        the same time gets the same answer. Raises ControlUnavailable when the store is shut or takes longer."""
        return await self._shared.ask(Question(name, sql.statement(name), dict(parameters)), seconds=seconds, kept=0)

    async def lately(
        self,
        name: str,
        parameters: Mapping[str, object],
        *,
        seconds: float = READ_SECONDS,
        kept: float = KEPT_SECONDS,
    ) -> list[Row]:
        """The same for a page, where the rows may be `kept` seconds old."""
        question = Question(name, sql.statement(name), dict(parameters))
        return await self._shared.ask(question, seconds=seconds, kept=kept)

    async def export(self, name: str, parameters: Mapping[str, object], form: Format) -> Pieces:
        """The rows of a named statement as a file, however many there are. Raises ControlUnavailable, and so does what
        it gives; whoever has it closes it."""
        text = sql.statement(name)
        tell = partial(_told, name)
        return await self._exports.begin(
            Wanted(text=lambda cursor: text, tell=tell, parameters=dict(parameters), form=form)
        )

    def work(self, name: str, parameters: Mapping[str, object]) -> list[Row]:
        """The rows of a named statement, in the calling thread and for as long as it takes. Raises ControlUnavailable
        when the store is shut, and duckdb.Error."""
        return self._perform(Question(name, sql.statement(name), dict(parameters)), Run())

    def _answer(self, question: Question, run: Run) -> list[Row]:
        try:
            return self._perform(question, run)
        except duckdb.Error as error:
            raise _told(question.name, error, run) from error

    def _perform(self, question: Question, run: Run) -> list[Row]:
        with self._lend(run) as cursor:
            result = cursor.execute(question.text, dict(question.parameters))
            columns = [column[0] for column in result.description or ()]
            return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]

    @contextmanager
    def _lend(self, run: Run) -> Iterator[DuckDBPyConnection]:
        with self._changed:
            self._changed.wait_for(lambda: not self._returning, RETURN_SECONDS)
            if self._connection is None or self._closing:
                raise ControlUnavailable("The analytics store is not open at the moment.", retry_after=1)
            cursor = self._connection.cursor()
            self._runs.add(run)
        try:
            run.begin(cursor)
            yield cursor
        finally:
            run.end()
            cursor.close()
            with self._changed:
                self._runs.remove(run)
                self._changed.notify_all()

    def _configuration(self) -> dict[str, str | bool | int | float | list[str]]:
        return {
            "storage_compatibility_version": STORAGE_VERSION,
            "threads": self._threads,
            # A statement that writes Parquet with them and is stopped may never end
            # (https://github.com/duckdb/duckdb/issues/23885): nothing is written beside the thread that asks for it.
            "async_threads": 0,
            "memory_limit": self._memory_limit,
            "temp_directory": str(self.path.parent / "tmp"),
            "max_temp_directory_size": MOST_TEMPORARY,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }

    def _shut_in(self, connection: DuckDBPyConnection) -> None:
        """No statement, whoever wrote it, reads or writes other files of this machine than those it is for."""
        ours = (self._spool, beside(self.path), exports_beside(self.path), self._archive)
        allowed = [str(path.absolute()) for path in ours if path is not None]
        connection.execute("set allowed_directories = $allowed", {"allowed": allowed})
        connection.execute("set enable_external_access = false")
        # A cursor of somebody's own SQL has its errors told with their places.
        connection.execute("set allowed_configs = ['errors_as_json']")
        connection.execute("set lock_configuration = true")


def beside(path: Path) -> Path:
    """The directory in which a copy of a store's file is made."""
    return path.parent / "compact"


def exports_beside(path: Path) -> Path:
    """The directory in which exports of a store's file are made, to be taken away at once."""
    return path.parent / "exports"


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


def _told(name: str, error: Exception, run: Run) -> ControlUnavailable:
    """What is said of an error of one of our own statements: no more than that there is one."""
    if run.stopped == "closed":
        return ControlUnavailable("The analytics store is being closed.", retry_after=1)
    if isinstance(error, duckdb.InterruptException):
        return ControlUnavailable("The analytics store took too long to answer.", retry_after=1)
    log.error("a statement failed", statement=name, error=str(error))
    return ControlUnavailable("The analytics store cannot answer at the moment.", retry_after=1)
