"""SQL of people's own: who may run it, and what the audit log keeps of it.

Knows that nobody gets an answer of which nothing is written down. Does not know what SQL may say nor how it is run:
that is the store's.
"""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway import logs
from gateway.errors import GatewayError, StateUnavailable
from gateway.management.office import Actor, Office, Subject
from gateway.store.asking.exports import Format, Pieces
from gateway.store.asking.queries import (
    EXPORT_SECONDS,
    MOST_CHARACTERS,
    MOST_ROWS,
    QUERY_SECONDS,
    Queries,
    Query,
    Result,
)

RUN = "sql:run"

MOST_KEPT_BYTES = 4096
"""Of a query's text, in the audit log."""

USUAL_ROWS = 1000

log = logs.get("gateway.management.queries")

Text = Annotated[
    str,
    Meta(min_length=1, max_length=MOST_CHARACTERS, description="One statement that reads, of the tables about usage."),
]


Called = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9._-]{1,64}$(?!\n)",
        max_length=64,
        description="What to call it, so that it can be cancelled: anything that nobody uses twice.",
    ),
]


class QueryWish(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A query to be run."""

    sql: Text
    max_rows: Annotated[int, Meta(ge=1, le=MOST_ROWS, description="Most rows shown.")] = USUAL_ROWS
    id: Called | None = None


class ExportWish(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A query of which all rows are wanted, as a file."""

    sql: Text
    format: Format = "csv"
    id: Called | None = None


async def run_query(office: Office, actor: Actor, queries: Queries, wish: QueryWish, query_id: str) -> Result:
    """What a query gives. Raises NotPermitted, QueryRefused, QueryStopped, Conflict, ControlUnavailable, and
    StateUnavailable, where it cannot be written down: then nothing is told of it either."""
    actor.require(RUN)
    query = Query(id=query_id, who=_person(actor), text=wish.sql, max_rows=wish.max_rows, seconds=QUERY_SECONDS)
    began = time.monotonic()
    rows, became = 0, "left"
    try:
        result = await queries.ask(query)
        rows, became = len(result.rows), "ok"
    except GatewayError as error:
        became = error.code
        raise
    finally:
        told = {"sql": _kept(wish.sql), "rows": rows, "milliseconds": _since(began), "outcome": became}
        # Whoever leaves meanwhile has run it nevertheless.
        await asyncio.shield(_note(office, actor, "sql.run", query_id, told))
    return result


async def export_query(office: Office, actor: Actor, queries: Queries, wish: ExportWish, query_id: str) -> Exported:
    """All that a query gives. Raises what `run_query` does, and so do the pieces."""
    actor.require(RUN)
    query = Query(id=query_id, who=_person(actor), text=wish.sql, seconds=EXPORT_SECONDS)
    told = {"sql": _kept(wish.sql), "format": wish.format}
    try:
        pieces = await queries.export(query, wish.format)
    except BaseException as error:
        told["outcome"] = error.code if isinstance(error, GatewayError) else "left"
        # It has run nevertheless, if not to its first row.
        await asyncio.shield(_note(office, actor, "sql.export", query_id, told))
        raise
    try:
        await _note(office, actor, "sql.export", query_id, told)
    except BaseException:
        pieces.end()
        raise
    return Exported(pieces, office, actor, query_id)


def cancel_query(actor: Actor, queries: Queries, query_id: str) -> None:
    """Stop a query of one's own. Raises NotPermitted, UnknownResource."""
    actor.require(RUN)
    queries.cancel(query_id, _person(actor))


def running_query(actor: Actor, queries: Queries) -> str | None:
    """The id of the query of one's own that runs, if one does. Raises NotPermitted."""
    actor.require(RUN)
    return queries.running(_person(actor))


class Exported:
    """The pieces of an export; at its end is written down how much it was."""

    def __init__(self, pieces: Pieces, office: Office, actor: Actor, query_id: str) -> None:
        self._pieces, self._office, self._actor, self._query_id = pieces, office, actor, query_id
        self._began, self._bytes = time.monotonic(), 0
        self._is_over = False
        self._noting: asyncio.Task[None] | None = None

    def __aiter__(self) -> Exported:
        return self

    async def __anext__(self) -> bytes:
        """The next piece. Raises what the export does."""
        try:
            piece = await anext(self._pieces)
        except (StopAsyncIteration, GatewayError) as ending:
            self._end(is_whole=isinstance(ending, StopAsyncIteration))
            raise
        self._bytes += len(piece)
        return piece

    def end(self) -> None:
        """No more is wanted."""
        self._pieces.end()
        self._end(is_whole=False)

    def _end(self, *, is_whole: bool) -> None:
        if not self._is_over:
            self._is_over = True
            told = {
                "rows": self._pieces.rows,
                "bytes": self._bytes,
                "milliseconds": _since(self._began),
                "whole": is_whole,
            }
            self._noting = asyncio.ensure_future(self._note(told))

    async def _note(self, told: dict[str, Any]) -> None:
        try:
            await _note(self._office, self._actor, "sql.exported", self._query_id, told)
        except StateUnavailable as error:  # that it was begun is written down
            log.error("how an export ended cannot be kept", query=self._query_id, reason=error.message, **told)


async def _note(office: Office, actor: Actor, action: str, query_id: str, told: dict[str, Any]) -> None:
    await office.change(actor, lambda change: change.note(action, Subject("query", query_id), after=told))


def _person(actor: Actor) -> str:
    """The same for somebody however they come: with a session or with a token."""
    return f"user:{actor.user_id}" if actor.user_id is not None else f"{actor.kind}:{actor.id or actor.name}"


def _kept(text: str) -> str:
    return text.encode()[:MOST_KEPT_BYTES].decode(errors="ignore")


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
