"""Looks at the memory of the store while somebody's SQL runs, and stops it before others get none.

What DuckDB sorts and groups it puts on disk when memory is short, so that others get theirs. What it collects into one
value it does not: that is what is watched.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
from duckdb import DuckDBPyConnection

import sql
from gateway import logs

from .run import Run

LOOK_SECONDS = 0.02

UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}

log = logs.get("gateway.store.asking.watch")


class Watch:
    """Over one run, which gives way to others. This does not: a thread gives way where the one did that began it, so
    that it is made where nobody does."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._to_look_at: tuple[DuckDBPyConnection, int] | None = None
        self._begun, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._look, name="query-watch", daemon=True)
        self._thread.start()

    @contextmanager
    def looking(self, cursor: DuckDBPyConnection, most_bytes: int) -> Iterator[None]:
        """Stop the run where it collects more than that. The cursor is its own, and closed afterwards."""
        self._to_look_at = cursor, most_bytes
        self._begun.set()
        try:
            yield
        finally:
            self.end()
            self._thread.join()
            cursor.close()

    def end(self) -> None:
        """Nothing is to be looked at any more, or ever."""
        self._over.set()
        self._begun.set()

    def _look(self) -> None:
        self._begun.wait()
        if self._to_look_at is None:
            return
        cursor, most = self._to_look_at
        statement = sql.statement("sql/collected")
        while not self._over.wait(LOOK_SECONDS):
            try:
                row = cursor.execute(statement).fetchone()
            except duckdb.Error as error:  # there is so little memory that not even this can be asked
                log.warning("the memory of a query cannot be looked at", error=str(error))
                continue
            if row is not None and row[0] > most:
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
