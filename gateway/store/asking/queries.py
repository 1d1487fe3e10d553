"""SQL that people write themselves, of the tables about usage: it reads, and is stopped where it would be in the way.

Knows who is asking what at the moment, how long and how much that may take, and how what went wrong is told. Does not
know who may ask; what a text may have in it says `permitted`. One event loop; the statements run on threads of their
own, which give way to requests of clients.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from gateway import logs
from gateway.errors import Conflict, ControlUnavailable, GatewayError, QueryRefused, QueryStopped, UnknownResource

from .cells import Column, columns_of, none_of, shown, values
from .exports import READ_ONLY, Exports, Format, Pieces, Wanted
from .giving_way import Effort, give_way
from .headroom import Headroom
from .permitted import UNTOLD, Permitted, permitted
from .run import Lend, Run, Why, insist
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

TOO_LONG = "The query took too long."
TOO_BUSY = f"{TOO_LONG} It had next to nothing of a core meanwhile: it gives way to requests of clients."

STOPPED: dict[Why, str] = {
    "left": "Nobody waits for this query any more.",
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
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="query", initializer=give_way)
        self._headroom = Headroom()
        self._under_way: dict[str, _Asked] = {}

    def end(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def ask(self, query: Query) -> Result:
        """What it gives. Raises QueryRefused, QueryStopped, Conflict and ControlUnavailable."""
        at_work = self._enter(query)
        loop = asyncio.get_running_loop()
        asked = loop.run_in_executor(self._threads, self._answer, at_work)
        asked.add_done_callback(lambda done: self._leave(at_work, done))
        timer = loop.call_later(query.seconds, insist, at_work.run, "time")
        try:
            async with asyncio.timeout(query.seconds + GRACE_SECONDS):
                return await asyncio.shield(asked)
        except TimeoutError:
            raise QueryStopped(at_work.took_too_long()) from None
        finally:
            timer.cancel()
            if not asked.done() and at_work.run.stopped is None:
                insist(at_work.run, "left")

    async def export(self, query: Query, form: Format) -> Pieces:
        """All of what it gives, as a file. Raises what `ask` does, and so do the pieces."""
        at_work = self._enter(query)
        wanted = Wanted(
            text=lambda cursor: _whole(cursor, query),
            tell=lambda error, run: _told(error, at_work),
            form=form,
            seconds=query.seconds,
            guard=lambda cursor, run: self._guarded(cursor, at_work),
            on_end=lambda: self._forget(at_work),
        )
        return await self._exports.begin(wanted, at_work.run)

    def cancel(self, query_id: str, who: str) -> None:
        """Stop a query of one's own. Raises UnknownResource."""
        found = self._under_way.get(query_id)
        if found is None or found.query.who != who:
            raise UnknownResource("No query of yours with this id is running.")
        insist(found.run, "cancelled")

    def running(self, who: str) -> str | None:
        """The id of the query of theirs that runs, if one does."""
        return next((query_id for query_id, found in self._under_way.items() if found.query.who == who), None)

    def _enter(self, query: Query) -> _Asked:
        if self.running(query.who) is not None:
            raise Conflict("Another query of yours is running: wait for it, or cancel it.", retry_after=1)
        if query.id in self._under_way:
            raise Conflict("A query with this id is running.", param="id")
        if len(self._under_way) >= AT_ONCE:
            raise ControlUnavailable(f"{AT_ONCE} queries of others are running at the moment.", retry_after=2)
        at_work = self._under_way[query.id] = _Asked(query)
        return at_work

    def _leave(self, at_work: _Asked, done: asyncio.Future[Result]) -> None:
        self._forget(at_work)
        if not done.cancelled():
            done.exception()  # whoever wanted to know it may have left

    def _forget(self, at_work: _Asked) -> None:
        at_work.watch.end()
        if self._under_way.get(at_work.query.id) is at_work:
            del self._under_way[at_work.query.id]

    def _answer(self, at_work: _Asked) -> Result:
        began = time.monotonic()
        at_work.effort.begin()
        try:
            with self._lend(at_work.run) as cursor, self._guarded(cursor, at_work):
                cursor.execute(READ_ONLY)
                columns, rows, is_cut = _rows(cursor, at_work)
        except (duckdb.Error, MemoryError) as error:
            raise _told(error, at_work) from error
        took = round((time.monotonic() - began) * 1e6)
        return Result(columns=columns, rows=rows, is_cut=is_cut, microseconds=took)

    @contextmanager
    def _guarded(self, cursor: DuckDBPyConnection, at_work: _Asked) -> Iterator[None]:
        """Within bounds of memory, and with places in what goes wrong."""
        cursor.execute(AS_JSON)
        limit = memory_limit(cursor)
        with self._headroom.kept(limit + ROOM_BYTES), at_work.watch.looking(cursor.cursor(), limit // SHARE):
            yield


class _Asked:
    """A query that is under way."""

    def __init__(self, query: Query) -> None:
        self.query, self.run = query, Run()
        self.watch = Watch(self.run)
        self.effort = Effort()
        """Of what is shown; an export waits for whoever takes it."""

    def took_too_long(self) -> str:
        """What to say of that: it may be that it was never its turn."""
        return TOO_BUSY if self.effort.is_starved(0) else TOO_LONG


def _rows(cursor: DuckDBPyConnection, at_work: _Asked) -> tuple[tuple[Column, ...], list[list[Any]], bool]:
    """Columns and rows to be shown, and whether there are more."""
    query, run = at_work.query, at_work.run
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


def _told(error: Exception, at_work: _Asked) -> GatewayError:
    """What to say of an error. Places are not in it: it came while the query ran, of a statement made of it."""
    why = at_work.run.stopped
    if why == "closed" or isinstance(error, duckdb.FatalException | duckdb.InternalException):
        log.error("a query failed with the store", error=str(error))
        return ControlUnavailable(STOPPED["closed"], retry_after=1)
    if why is not None or isinstance(error, duckdb.InterruptException):
        return QueryStopped(at_work.took_too_long() if why in (None, "time") else STOPPED[why])
    if isinstance(error, duckdb.OutOfMemoryException | MemoryError):
        return QueryStopped(STOPPED["memory"])
    assert isinstance(error, duckdb.Error)
    return refusal(error, at_work.query.text, offset=None)
