"""Looks at the memory of the store while somebody's SQL runs, and stops it before others get none.

What DuckDB sorts and groups it puts on disk when memory is short, so that others get theirs. What it collects into one
value it does not: that is what is watched.
"""

from __future__ import annotations

import threading
from types import TracebackType

import duckdb
from duckdb import DuckDBPyConnection

import sql
from gateway import logs

from .run import Run

LOOK_SECONDS = 0.02

UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}

log = logs.get("gateway.store.asking.watch")


class Watch:
    """Over one run, on a thread, from entering to leaving. `cursor` is its own. Entering raises MemoryError where there
    is no room for a thread."""

    def __init__(self, cursor: DuckDBPyConnection, run: Run, most_bytes: int) -> None:
        self._cursor, self._run, self._most = cursor, run, most_bytes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="query-watch", daemon=True)

    def __enter__(self) -> Watch:
        try:
            self._thread.start()
        except RuntimeError as error:
            raise MemoryError(str(error)) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._cursor.close()

    def _look(self) -> None:
        statement = sql.statement("sql/collected")
        while not self._over.wait(LOOK_SECONDS):
            try:
                row = self._cursor.execute(statement).fetchone()
            except duckdb.Error as error:  # there is so little memory that not even this can be asked
                log.warning("the memory of a query cannot be looked at", error=str(error))
                continue
            if row is not None and row[0] > self._most:
                self._run.stop("memory")


def memory_limit(cursor: DuckDBPyConnection) -> int:
    """How many bytes of memory the store may have."""
    row = cursor.execute(sql.statement("sql/memory_limit")).fetchone()
    assert row is not None
    return bytes_of(row[0])


def bytes_of(size: str) -> int:
    """A size as DuckDB writes it: `953.6 MiB`."""
    number, _, unit = size.partition(" ")
    return round(float(number) * UNITS[unit])
