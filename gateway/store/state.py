"""The operational state: one SQLite file that every process of a gateway may open.

Knows how the file is made, brought up to date, opened and used from an event loop. Does not know what is in it: each
kind of thing kept has a module of its own beside this one.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import sql
from gateway import logs
from gateway.errors import StateUnavailable
from gateway.store.migrate import MigrationRefused, migrate

SCHEMA = "state/sqlite"

BUSY_SECONDS = 5.0
"""How long one statement waits for another process that writes."""

LOCK_SECONDS = 10.0
"""How long opening waits for another process that brings the file up to date."""

LOCK_POLL_SECONDS = 0.01

PATIENCE_SECONDS = 10.0
"""After so long a caller is told that there is no answer, whatever the disk does."""

MOST_WAITING = 1024
"""Callers that may wait for the thread; what they want to have kept is in memory meanwhile."""

LONGEST_LOG_BYTES = 64 * 1024 * 1024
"""What the write-ahead log is cut to when it was longer."""

TROUBLE = (sqlite3.Error, OSError, MigrationRefused)
"""Whatever opening and using the file may raise."""

T = TypeVar("T")

log = logs.get("gateway.store.state")


class StateUnusable(Exception):
    """Why the file cannot be used, in one line."""


def state_file(data_dir: Path) -> Path:
    """Where the state of a data directory is."""
    return data_dir / "state.sqlite3"


def make_ready(data_dir: Path) -> None:
    """Make the file where there is none and bring it up to date. Raises StateUnusable."""
    path = state_file(data_dir)
    try:
        open_state(path).close()
    except TROUBLE as error:
        raise StateUnusable(f"{path} cannot be used: {error}") from error


def open_state(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode to a file that is up to date. Raises one of TROUBLE."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(path.with_suffix(".lock")):
        _keep_private(path)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            _set_up(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def _set_up(connection: sqlite3.Connection) -> None:
    # Means something only before the first table is made, and before the log is.
    connection.execute("pragma auto_vacuum = incremental")
    connection.execute("pragma journal_mode = wal")
    # What was committed survives the end of any process; the last of it may go with the power.
    connection.execute("pragma synchronous = normal")
    connection.execute(f"pragma journal_size_limit = {LONGEST_LOG_BYTES}")
    migrate(StateSchema(connection), sql.migrations(SCHEMA))
    # Not before: a migration that makes a table anew must be able to drop the old one.
    connection.execute("pragma foreign_keys = on")


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


class StateSchema:
    """What `migrate` needs of SQLite, over a connection in autocommit mode."""

    ledger = sql.ledger(SCHEMA)

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
        self._connection.execute("begin immediate")
        try:
            yield
            if self._connection.execute("pragma foreign_key_check").fetchone():
                raise sqlite3.IntegrityError("a migration leaves references that lead nowhere")
            self._connection.execute("commit")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            raise

    def settle(self) -> None:
        """Nothing: SQLite's log is as good as its file."""


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


def _is_busy(error: Exception) -> bool:
    """Whether another process merely holds the file. The connection is as good as before, and can read meanwhile, which
    a new one could not: opening takes the lock that is held."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class State:
    """The file, from one thread with one connection of its own. After trouble it is opened anew."""

    def __init__(self, path: Path, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._path, self._patience = path, patience_seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="state")
        self._connection: sqlite3.Connection | None = None
        self._waiting = 0
        self._closed = False
        self._trouble = ""

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` gives, done on the thread. Raises StateUnavailable, within the patience at the latest."""
        if self._closed:
            raise StateUnavailable("This process has closed its state.", retry_after=1)
        if self._waiting >= MOST_WAITING:
            raise StateUnavailable("Too many requests wait for the gateway's state.", retry_after=1)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                return await asyncio.get_running_loop().run_in_executor(self._thread, self._perform, work)
        except TimeoutError as error:
            raise StateUnavailable("The gateway's state took too long to answer.", retry_after=1) from error
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """Finish what was begun, close the file, let the thread go. May be called twice."""
        if self._closed:
            return
        self._closed = True
        closing = asyncio.get_running_loop().run_in_executor(self._thread, self._let_go)
        self._thread.shutdown(wait=False)
        with suppress(TimeoutError):  # the process ends, and the kernel closes what is left
            await asyncio.wait_for(closing, self._patience)

    def _perform(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._connection is None:
                self._connection = open_state(self._path)
            done = work(self._connection)
        except TROUBLE as error:
            self._note(str(error))
            if not _is_busy(error) or (self._connection is not None and self._connection.in_transaction):
                self._let_go()
            raise StateUnavailable("The gateway cannot use its state at the moment.", retry_after=1) from error
        self._note("")
        return done

    def _note(self, trouble: str) -> None:
        """Say it once, not with every request that meets it."""
        if trouble and trouble != self._trouble:
            log.error("the state cannot be used", file=str(self._path), error=trouble)
        elif self._trouble and not trouble:
            log.info("the state can be used again", file=str(self._path))
        self._trouble = trouble

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):  # what was committed is safe, and nothing else is wanted of it
                connection.close()
