"""The operational state: users, keys, configuration, kept responses, in one database that every process may ask.

Knows how a database is used from an event loop, and what to do when it is in trouble. Does not know its engine, nor
what is in it: each kind of thing kept has a module of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TypeVar

from gateway import logs
from gateway.errors import StateUnavailable
from gateway.settings.model import Settings
from gateway.store.migrate import pending
from gateway.store.session import Engine, Opened, Session
from gateway.store.sqlite import Sqlite

PATIENCE_SECONDS = 10.0
"""After so long a caller is told that there is no answer, whatever disk or network do."""

SILENT_SECONDS = 1.0
"""What it takes at least until a database that does not answer counts as silent; one that refuses is told at once."""

CLOSING_SECONDS = 3.0
"""How long closing waits for what is under way."""

MOST_WAITING = 1024
"""Callers that may wait for the thread; what they want to have kept is in memory meanwhile."""

T = TypeVar("T")

log = logs.get("gateway.store.state")


class StateUnusable(Exception):
    """Why the database cannot be used, in one line."""


@dataclass(frozen=True, slots=True)
class Where:
    """Which database holds the state: a PostgreSQL at `url`, or else the SQLite file `path`."""

    path: Path
    url: str = field(default="", repr=False)
    """May hold a password."""
    seconds: float = PATIENCE_SECONDS
    """How long one question may take."""

    @property
    def is_shared(self) -> bool:
        """Whether other machines may use it as well."""
        return bool(self.url)


def database_of(settings: Settings) -> Where:
    """The database that the settings say."""
    database = settings.database
    return Where(state_file(Path(settings.server.data_dir)), database.url, database.timeout_seconds)


def state_file(data_dir: Path) -> Path:
    """Where the state of a data directory is, unless the settings say a database."""
    return data_dir / "state.sqlite3"


def make_ready(where: Where) -> int:
    """Make the database ready and up to date; how many migrations that took. Raises StateUnusable."""
    engine = engine_of(where)
    try:
        session = engine.open()
    except engine.trouble as error:
        raise StateUnusable(f"{engine.place} cannot be used: {' '.join(str(error).split())}") from error
    session.close()
    return session.migrated


def count_pending(where: Where) -> int:
    """How many migrations a database lacks, which is left as it is. Raises StateUnusable, also where there is none."""
    engine = engine_of(where)
    try:
        with closing(engine.open_whole()) as database:
            return len(pending(database, database.migrations))
    except engine.trouble as error:
        raise StateUnusable(f"{engine.place} cannot be used: {' '.join(str(error).split())}") from error


def engine_of(where: Where) -> Engine:
    """What opens this database. Raises StateUnusable."""
    if not where.url:
        return Sqlite(where.path)
    try:
        # Not with the others: who keeps the state in SQLite needs neither the library nor its memory.
        made: Engine = import_module("gateway.store.postgres").Postgres(where.url, where.seconds)
    except ImportError as error:
        raise StateUnusable(
            "`database.url` is set, and psycopg is not installed: pip install 'sluicegate[postgres]'"
        ) from error
    return made


class State:
    """The database, from one thread with one session of its own. After trouble it is opened anew."""

    def __init__(self, where: Where, *, patience_seconds: float | None = None) -> None:
        self._where, self._patience = where, where.seconds if patience_seconds is None else patience_seconds
        self._engine = engine_of(where)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="state")
        self._session: Opened | None = None
        self._waiting = 0
        self._closed = False
        self._trouble = ""
        self._begun_at: float | None = None
        """When the thread began what it is at."""
        self._is_silent = False
        """The last time it waited long for nothing."""
        self._is_given_up = False
        """What the thread is at has been interrupted."""

    async def read(self, work: Callable[[Session], T]) -> T:
        """What `work` gives, which only reads, and sees one moment of the database.

        Raises StateUnavailable, within the patience at the latest, and whatever `work` raises.
        """

        def reading(session: Session) -> T:
            with session.still():
                return work(session)

        return await self.run(reading)

    async def write(self, work: Callable[[Session], T]) -> T:
        """What `work` gives: all that it changes is kept when this returns; nothing, where it raises.

        Raises StateUnavailable, within the patience at the latest, Conflict, and whatever `work` raises. A database
        that was lost in the last moment may have kept all of it nevertheless.
        """

        def writing(session: Session) -> T:
            with session.alone():
                return work(session)

        return await self.run(writing)

    async def run(self, work: Callable[[Session], T]) -> T:
        """What `work` gives: each of its statements stands for itself. Raises as `write` does."""
        if self._closed:
            raise StateUnavailable("This process has closed its state.", retry_after=1)
        if self._waiting >= MOST_WAITING:
            raise StateUnavailable("Too many requests wait for the gateway's state.", retry_after=1)
        if self._is_in_vain():
            raise _unavailable()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                return await asyncio.get_running_loop().run_in_executor(self._thread, self._perform, work)
        except TimeoutError as error:
            raise StateUnavailable("The gateway's state took too long to answer.", retry_after=1) from error
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """Finish what was begun, close the database, let the thread go. May be called twice."""
        if self._closed:
            return
        self._closed = True
        closing = asyncio.get_running_loop().run_in_executor(self._thread, self._let_go)
        self._thread.shutdown(wait=False)
        done, _ = await asyncio.wait((closing,), timeout=CLOSING_SECONDS)
        if not done:
            self._interrupt()
            # If that does not help either, the process ends, and the kernel closes what is left.
            await asyncio.wait((closing,), timeout=CLOSING_SECONDS)

    def _is_in_vain(self) -> bool:
        """Whether who comes now would wait for nothing: behind somebody who waits for a database that is silent. After
        the patience that one is interrupted, and the database tried anew: by whoever comes next, alone."""
        begun_at = self._begun_at
        if begun_at is None:
            return False
        if is_late := time.monotonic() - begun_at > self._patience:
            self._interrupt()
        return is_late or self._is_silent

    def _interrupt(self) -> None:
        if (session := self._session) is not None:
            self._is_given_up = True
            session.interrupt()

    def _perform(self, work: Callable[[Session], T]) -> T:
        begun_at = time.monotonic()
        self._begun_at, self._is_given_up = begun_at, False
        try:
            done = work(self._usable_session())
        except self._engine.trouble as error:
            self._recover(error, time.monotonic() - begun_at)
            raise _unavailable() from error
        finally:
            self._begun_at = None
        self._note("")
        self._is_silent = False
        return done

    def _recover(self, error: Exception, seconds: float) -> None:
        """Make the best of an error that took so long to come."""
        self._note("no answer" if self._is_given_up else " ".join(str(error).split()))
        is_lost = self._session is None or not self._session.survives(error)
        if is_lost:
            self._let_go()
        self._is_silent = is_lost and seconds > SILENT_SECONDS

    def _usable_session(self) -> Session:
        if self._session is not None and not self._session.is_usable():
            self._let_go()
        if self._session is None:
            self._session = self._engine.open()
        return self._session

    def _note(self, trouble: str) -> None:
        """Say it once, not with every request that meets it."""
        if trouble and trouble != self._trouble:
            log.error("the state cannot be used", place=self._engine.place, error=trouble)
        elif self._trouble and not trouble:
            log.info("the state can be used again", place=self._engine.place)
        self._trouble = trouble

    def _let_go(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()


def _unavailable() -> StateUnavailable:
    return StateUnavailable("The gateway cannot use its state at the moment.", retry_after=1)
