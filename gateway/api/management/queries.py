"""SQL over HTTP: a query and its rows, all of its rows as a file, and an end to one that runs."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from gateway.errors import Conflict, ControlUnavailable, QueryRefused, QueryStopped
from gateway.management import queries
from gateway.management.office import new_id
from gateway.management.queries import RUN, ExportWish, QueryWish

from .desk import Desk
from .files import CSV, PARQUET, flow_of
from .operation import Answer, Asked, Operation
from .schemas import Shown

TAG = "sql"

ABOUT = (
    "One SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE, SHOW TABLES or EXPLAIN in DuckDB's dialect, of the tables "
    "`requests`, `usage_daily`, `latency_hourly` and `rolled`; no files, no settings, nothing that writes. "
)


class QueryColumn(Shown, frozen=True, kw_only=True):
    """A column of a result."""

    name: str
    type: Annotated[str, Meta(description="As DuckDB writes it.")]


class QueryAnswer(Shown, frozen=True, kw_only=True):
    """What a query gives."""

    id: str
    columns: tuple[QueryColumn, ...]
    rows: Annotated[
        list[list[Any]],
        Meta(
            description="Values in the order of the columns. Numbers beyond 64 bits, times, ids and whatever else JSON "
            "has no word for are texts; texts of more than 10,000 characters are cut."
        ),
    ]
    truncated: Annotated[bool, Meta(description="Whether there are more rows.")]
    milliseconds: float


async def run_query(asked: Asked[Desk, QueryWish, None]) -> QueryAnswer:
    """The first rows of it."""
    desk, wish = asked.office, asked.body
    query_id = wish.id or new_id(desk.now_us)
    result = await queries.run_query(desk, asked.actor, desk.around.analytics.queries, wish, query_id)
    return QueryAnswer(
        id=query_id,
        columns=tuple(QueryColumn(name=each.name, type=each.type) for each in result.columns),
        rows=result.rows,
        truncated=result.is_cut,
        milliseconds=result.microseconds / 1000,
    )


async def export_query(asked: Asked[Desk, ExportWish, None]) -> Answer:
    """All of its rows."""
    desk, wish = asked.office, asked.body
    query_id = wish.id or new_id(desk.now_us)
    exported = await queries.export_query(desk, asked.actor, desk.around.analytics.queries, wish, query_id)
    return flow_of(exported, wish.format, "query")


async def cancel_query(asked: Asked[Desk, None, None]) -> None:
    """It ends within a moment."""
    queries.cancel_query(asked.actor, asked.office.around.analytics.queries, asked.path["id"])


OPERATIONS = (
    Operation(
        method="POST",
        path="/api/sql",
        id="run_query",
        summary="Run a query",
        description=f"{ABOUT}It is stopped after ten seconds, when it would take too much memory, and when you leave. "
        "One at a time of everybody. What was run is in the audit log.",
        tag=TAG,
        permission=RUN,
        body=QueryWish,
        answer=QueryAnswer,
        errors=(QueryRefused, QueryStopped, Conflict, ControlUnavailable),
        abandonable=True,
        run=run_query,
    ),
    Operation(
        method="POST",
        path="/api/sql/export",
        id="export_query",
        summary="Export what a query gives",
        description=f"{ABOUT}All rows, as long as that takes five minutes at most; an answer that breaks off is not "
        "whole. Cells of CSV that a spreadsheet would take for formulas begin with an apostrophe.",
        tag=TAG,
        permission=RUN,
        body=ExportWish,
        media_type=CSV,
        also=(PARQUET,),
        errors=(QueryRefused, QueryStopped, Conflict, ControlUnavailable),
        abandonable=True,
        run=export_query,
    ),
    Operation(
        method="DELETE",
        path="/api/sql/running/{id}",
        id="cancel_query",
        summary="Cancel a query",
        description="One of your own, by the id with which you began it.",
        tag=TAG,
        permission=RUN,
        status=204,
        run=cancel_query,
    ),
)
