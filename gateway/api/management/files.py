"""Usage records as files of any length: whichever a filter means, all that is known of them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Protocol

from msgspec import Meta

from gateway.errors import ControlUnavailable
from gateway.records import UsageSource
from gateway.store.asking.exports import Format
from gateway.usage.chosen import Filter, Outcome

from .desk import Desk
from .operation import Answer, Asked, Flow, Operation
from .schemas import Count, Instant, Query, microseconds
from .usage import OWN, READ, TAG, visible_keys

CSV = "text/csv; charset=utf-8"
PARQUET = "application/vnd.apache.parquet"

MEDIA_TYPES: Mapping[Format, str] = {"csv": CSV, "parquet": PARQUET}

Named = Annotated[str, Meta(min_length=1, max_length=400)]


class Pieces(Protocol):
    """What an export gives."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Piece by piece."""

    def end(self) -> None:
        """No more is wanted."""


class ExportQuery(Query, frozen=True, kw_only=True):
    """Which requests, and as what."""

    format: Format = "csv"
    since: Annotated[Instant | None, Meta(description="From this instant on; from the first one where unset.")] = None
    until: Annotated[Instant | None, Meta(description="Before this instant.")] = None
    key: Annotated[Named | None, Meta(description="Of one client key, by its id; one of the file by its name.")] = None
    user: Annotated[Named | None, Meta(description="Of one user's keys, by the user's id.")] = None
    team: Annotated[Named | None, Meta(description="Of one team's keys, by the team's id.")] = None
    provider: Named | None = None
    model: Annotated[Named | None, Meta(description="As the provider knows it.")] = None
    credential: Named | None = None
    requested_model: Annotated[Named | None, Meta(description="As the client named it.")] = None
    endpoint: Annotated[Named | None, Meta(description="Path of the endpoint.")] = None
    outcome: Outcome | None = None
    error: Annotated[Named | None, Meta(description="Kind of what went wrong.")] = None
    tag: Named | None = None
    stream: bool | None = None
    retried: Annotated[bool | None, Meta(description="Whether there was more than one attempt.")] = None
    lossy: Annotated[bool | None, Meta(description="Whether translation dropped or emulated something.")] = None
    tools: Annotated[bool | None, Meta(description="Whether tools were offered to the model.")] = None
    usage_source: Annotated[UsageSource | None, Meta(description="Where its tokens come from.")] = None
    other_model: Annotated[
        bool | None, Meta(description="Whether another model answered than was asked; a version of the same is none.")
    ] = None
    least_total_us: Annotated[Count | None, Meta(description="That took so many microseconds at least.")] = None
    least_cost: Annotated[Count | None, Meta(description="That cost so many billionths of a US dollar at least.")] = (
        None
    )
    search: Annotated[
        Named | None, Meta(description="Part of a model's, key's or client's name, or an id, ours or the provider's.")
    ] = None

    def filter(self, now_us: int, key_ids: tuple[str, ...] | None) -> Filter:
        """What the statement is asked with."""
        said = {name: getattr(self, name) for name in self.__struct_fields__ if name in Filter.__struct_fields__}
        return Filter(
            since_us=0 if self.since is None else max(0, microseconds(self.since)),
            until_us=now_us + 1 if self.until is None else max(0, microseconds(self.until)),
            key_ids=key_ids,
            **said,
        )


async def export_usage(asked: Asked[Desk, None, ExportQuery]) -> Answer:
    """Everybody's, or what belongs to whoever asks."""
    keys = await visible_keys(asked.office, asked.actor)
    meant = asked.query.filter(time.time_ns() // 1000, None if keys is None else tuple(keys))
    form = asked.query.format
    pieces = await asked.office.around.analytics.export("requests/exported", {"filter": meant.parameter()}, form)
    return flow_of(pieces, form, "requests")


def flow_of(pieces: Pieces, form: Format, name: str) -> Answer:
    """An export as an answer, which a browser keeps as a file."""
    return Answer(
        of=Flow(aiter(pieces), pieces.end, MEDIA_TYPES[form]),
        headers=(("content-disposition", f'attachment; filename="{name}.{form}"'),),
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/usage/export",
        id="export_usage",
        summary="Export usage records",
        description="Every column of every request that is meant, in the order in which they came into the store; "
        "times are UTC. A client key gets its own requests, a member those of their keys and teams. Two exports run "
        "at a time, each for an hour at most; an answer that breaks off is not whole. Cells of CSV that a spreadsheet "
        "would take for formulas begin with an apostrophe.",
        tag=TAG,
        permission=f"{READ}|{OWN}",
        query=ExportQuery,
        media_type=CSV,
        also=(PARQUET,),
        errors=(ControlUnavailable,),
        abandonable=True,
        run=export_usage,
    ),
)
