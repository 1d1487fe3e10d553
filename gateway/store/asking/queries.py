"""SQL that people write themselves, of the tables about usage: it reads, and is stopped where it would be in the way.

Knows who is asking what at the moment, how long and how much that may take, and how what went wrong is told. Does not
know who may ask; what a text may have in it says `permitted`. One event loop; the statements run on threads of their
own, which wait for everybody else's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from gateway import logs
from gateway.errors import Conflict, ControlUnavailable, GatewayError, QueryRefused, QueryStopped, UnknownResource
from gateway.threads import begun

from .cells import Column, columns_of, none_of, shown, values
from .exports import READ_ONLY, Exports, Format, Pieces, Wanted
from .headroom import Headroom
from .permitted import UNTOLD, Permitted, permitted
from .run import Lend, Run, Why, be_nice, insist
from .watch import Watch, memory_limit
from .words import AS_JSON, refusal

AT_ONCE = 2
"""Queries that run at the same time; of one person, one."""

QUERY_SECONDS = 10.0
EXPORT_SECONDS = 300.0

GRACE_SECONDS = 2.0
"""A query that was stopped is given so long to notice; whoever asked is told then, and its place stays taken."""

MOST_ROWS = 10_000
MOST_CHARACTERS = 20_000
"""Of a query's text."""

MOST_SHOWN_BYTES = 16 * 1024 * 1024
"""About as much as a result may have to be shown."""

VALUES_AT_ONCE = 200
"""Looked at before more are taken: a few of them may be all that is shown."""

SHARE = 2
"""What of the store's memory queries may collect: half."""

ROOM_BYTES = 2**30
"""What a query may need besides the store's own memory."""

STOPPED: dict[Why, str] = {
    "left": "Nobody waits for this query any more.",
    "time": "The query took too long.",
    "memory": "The query collects more than the memory that queries may have.",
    "cancelled": "The query was cancelled.",
    "closed": "The analytics store was closed meanwhile.",
}

log = logs.get("gateway.store.asking.queries")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query of somebody's."""

    id: str
    """By which it can be cancelled; no two that run have the same."""
    who: str
    """Whoever asks, by whatever tells them apart."""
    text: str
    max_rows: int = MOST_ROWS
    seconds: float = QUERY_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a query gives, as much of it as is shown."""

    columns: tuple[Column, ...]
    rows: list[list[Any]]
    """Values of JSON."""
    is_cut: bool
    """Whether there are more rows."""
    microseconds: int


class Queries:
    """The queries of one store."""

    def __init__(self, lend: Lend, exports: Exports) -> None:
        self._lend, self._exports = lend, exports
        self._threads = begun(AT_ONCE, "query", be_nice)
        self._headroom = Headroom()
        self._under_way: dict[str, tuple[str, Run]] = {}

    def end(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def ask(self, query: Query) -> Result:
        """What it gives. Raises QueryRefused, QueryStopped, Conflict and ControlUnavailable."""
        run = self._enter(query)
        loop = asyncio.get_running_loop()
        asked = loop.run_in_executor(self._threads, self._answer, query, run)
        asked.add_done_callback(lambda done: self._leave(query, run, done))
        timer = loop.call_later(query.seconds, insist, run, "time")
        try:
            async with asyncio.timeout(query.seconds + GRACE_SECONDS):
                return await asyncio.shield(asked)
        except TimeoutError:
            raise QueryStopped(STOPPED["time"]) from None
        finally:
            timer.cancel()
            if not asked.done() and run.stopped is None:
                insist(run, "left")

    async def export(self, query: Query, form: Format) -> Pieces:
        """All of what it gives, as a file. Raises what `ask` does, and so do the pieces."""
        run = self._enter(query)
        wanted = Wanted(
            text=lambda cursor: _whole(cursor, query),
            tell=lambda error, run: _told(error, run, query),
            form=form,
            seconds=query.seconds,
            guard=self._guarded,
            on_end=lambda: self._forget(query, run),
        )
        return await self._exports.begin(wanted, run)

    def cancel(self, query_id: str, who: str) -> None:
        """Stop a query of one's own. Raises UnknownResource."""
        found = self._under_way.get(query_id)
        if found is None or found[0] != who:
            raise UnknownResource("No query of yours with this id is running.")
        insist(found[1], "cancelled")

    def running(self, who: str) -> str | None:
        """The id of the query of theirs that runs, if one does."""
        return next((query_id for query_id, (owner, _) in self._under_way.items() if owner == who), None)

    def _enter(self, query: Query) -> Run:
        if self.running(query.who) is not None:
            raise Conflict("Another query of yours is running: wait for it, or cancel it.", retry_after=1)
        if query.id in self._under_way:
            raise Conflict("A query with this id is running.", param="id")
        if len(self._under_way) >= AT_ONCE:
            raise ControlUnavailable(f"{AT_ONCE} queries of others are running at the moment.", retry_after=2)
        run = Run()
        self._under_way[query.id] = query.who, run
        return run

    def _leave(self, query: Query, run: Run, done: asyncio.Future[Result]) -> None:
        self._forget(query, run)
        if not done.cancelled():
            done.exception()  # whoever wanted to know it may have left

    def _forget(self, query: Query, run: Run) -> None:
        if self._under_way.get(query.id) == (query.who, run):
            del self._under_way[query.id]

    def _answer(self, query: Query, run: Run) -> Result:
        began = time.monotonic()
        try:
            with self._lend(run) as cursor, self._guarded(cursor, run):
                cursor.execute(READ_ONLY)
                columns, rows, is_cut = _rows(cursor, run, query)
        except (duckdb.Error, MemoryError) as error:
            raise _told(error, run, query) from error
        took = round((time.monotonic() - began) * 1e6)
        return Result(columns=columns, rows=rows, is_cut=is_cut, microseconds=took)

    @contextmanager
    def _guarded(self, cursor: DuckDBPyConnection, run: Run) -> Iterator[None]:
        """Within bounds of memory, and with places in what goes wrong."""
        cursor.execute(AS_JSON)
        limit = memory_limit(cursor)
        with self._headroom.kept(limit + ROOM_BYTES), Watch(cursor.cursor(), run, limit // SHARE):
            yield


def _rows(cursor: DuckDBPyConnection, run: Run, query: Query) -> tuple[tuple[Column, ...], list[list[Any]], bool]:
    """Columns and rows to be shown, and whether there are more."""
    may = permitted(cursor, query.text)
    run.check()
    if may.explained:
        _execute(cursor, f"{may.explained} {may.text}", may, query)
        columns = columns_of(cursor.description)
    else:
        _execute(cursor, none_of(may.text), may, query)
        columns = columns_of(cursor.description)
        run.check()
        _execute(cursor, shown(may.text, columns), may, query)
    return columns, *_taken(cursor, columns, query)


def _execute(cursor: DuckDBPyConnection, statement: str, may: Permitted, query: Query) -> None:
    """Run a statement that is made of a query. Raises QueryRefused with the place in the query, and duckdb.Error."""
    try:
        cursor.execute(statement)
    except UNTOLD:
        raise
    except duckdb.Error as error:
        before = len(statement[: statement.index(may.text)].encode())
        raise refusal(error, query.text, offset=may.offset - before) from None


def _taken(cursor: DuckDBPyConnection, columns: tuple[Column, ...], query: Query) -> tuple[list[list[Any]], bool]:
    read, rows, size = values(columns), list[list[Any]](), 0
    at_once = max(1, VALUES_AT_ONCE // max(1, len(columns)))
    while len(rows) <= query.max_rows and size < MOST_SHOWN_BYTES:
        some = cursor.fetchmany(min(at_once, query.max_rows + 1 - len(rows)))
        if not some:
            return rows, False
        rows += [read(row) for row in some]
        size += sum(len(value) if isinstance(value, str) else 8 for row in some for value in row)
    is_cut = len(rows) > query.max_rows or bool(cursor.fetchmany(1))
    return rows[: query.max_rows], is_cut


def _whole(cursor: DuckDBPyConnection, query: Query) -> str:
    """The text to be exported, which DuckDB has made sense of. Raises QueryRefused, and duckdb.Error."""
    may = permitted(cursor, query.text)
    if may.explained:
        raise QueryRefused("What EXPLAIN says cannot be exported.")
    _execute(cursor, none_of(may.text), may, query)
    return may.text


def _told(error: Exception, run: Run, query: Query) -> GatewayError:
    """What to say of an error. Places are not in it: it came while the query ran, of a statement made of it."""
    if run.stopped == "closed" or isinstance(error, duckdb.FatalException | duckdb.InternalException):
        log.error("a query failed with the store", error=str(error))
        return ControlUnavailable(STOPPED["closed"], retry_after=1)
    if run.stopped is not None or isinstance(error, duckdb.InterruptException):
        return QueryStopped(STOPPED[run.stopped or "time"])
    if isinstance(error, duckdb.OutOfMemoryException | MemoryError):
        return QueryStopped(STOPPED["memory"])
    assert isinstance(error, duckdb.Error)
    return refusal(error, query.text, offset=None)
