"""The analytics store over HTTP: what is in it, for how long, in how much room; having its file written anew."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from msgspec import Meta

from gateway.errors import Conflict, ControlUnavailable, Unacceptable
from gateway.settings.instants import Moment, write_moment
from gateway.upkeep.errands import Errand

from .desk import Desk
from .operation import Asked, Operation
from .schemas import Body, Shown

TAG = "usage"
READ, WRITE = "system:read", "system:write"


class ErrandView(Shown, frozen=True, kw_only=True):
    """What was asked for, and how it goes."""

    name: Annotated[str, Meta(description="`compact` or `import-archive`.")]
    began_at: Moment | None
    ended_at: Annotated[Moment | None, Meta(description="Null while it is done.")]
    error: Annotated[str | None, Meta(description="Why it failed, if it did.")]
    figures: Annotated[dict[str, float], Meta(description="How it went.")]


class StorageView(Shown, frozen=True, kw_only=True):
    """What the store holds."""

    file_bytes: Annotated[int, Meta(description="Of `usage.duckdb`.")]
    used_bytes: Annotated[int, Meta(description="Of these, how many hold anything.")]
    free_bytes: Annotated[int, Meta(description="And how many will be used again; compacting gives them to the disk.")]
    log_bytes: Annotated[int, Meta(description="Of its write-ahead log.")]
    memory_bytes: Annotated[int, Meta(description="How much memory its database holds.")]
    memory_limit: Annotated[str, Meta(description="How much of it that may be, as DuckDB writes it: `953.6 MiB`.")]
    requests: Annotated[int, Meta(description="Usage records.")]
    oldest_at: Annotated[Moment | None, Meta(description="Of the first usage record.")]
    newest_at: Moment | None
    rolled_days: Annotated[int, Meta(description="Days that are summed up, of all time.")]
    rolled_since: Annotated[date | None, Meta(description="The first day of which there are sums.")]
    rolled_until: Annotated[date | None, Meta(description="The last day that is summed up.")]
    rolled_at: Annotated[Moment | None, Meta(description="When a day was last summed up.")]
    days_with_requests: Annotated[int, Meta(description="Days of which there are usage records as well as sums.")]
    sums: Annotated[int, Meta(description="Rows of sums by day.")]
    buckets: Annotated[int, Meta(description="Rows of histograms of times.")]
    archived_days: Annotated[int, Meta(description="Files in the archive.")]
    archived_since: date | None
    archived_until: date | None
    archive_bytes: int
    errand: Annotated[ErrandView | None, Meta(description="What is done because somebody asked, or was done last.")]


class ImportBody(Body, frozen=True, kw_only=True):
    """What is taken from the archive."""

    since: Annotated[date, Meta(description="The first day to take.")]


async def show_storage(asked: Asked[Desk, None, None]) -> StorageView:
    """Figures of the moment."""
    upkeep = asked.office.around.upkeep
    found: dict[str, Any] = await upkeep.standing()
    moments = {name: write_moment(found[f"{name}_us"]) for name in ("oldest", "newest", "rolled_at")}
    told = {name: value for name, value in found.items() if name in StorageView.__struct_fields__}
    return StorageView(
        **told,
        oldest_at=moments["oldest"],
        newest_at=moments["newest"],
        rolled_at=moments["rolled_at"],
        errand=None if upkeep.errand is None else _view(upkeep.errand),
    )


async def compact(asked: Asked[Desk, None, None]) -> ErrandView:
    """It goes on by itself; how, is in `show_storage`."""
    return _view(await asked.office.around.upkeep.compact())


async def import_archive(asked: Asked[Desk, ImportBody, None]) -> ErrandView:
    """It goes on by itself; how, is in `show_storage`."""
    return _view(await asked.office.around.upkeep.bring_back(asked.body.since))


def _view(errand: Errand) -> ErrandView:
    return ErrandView(
        name=errand.name,
        began_at=write_moment(errand.began_at_us),
        ended_at=write_moment(errand.ended_at_us),
        error=errand.error,
        figures=dict(errand.said),
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/usage/storage",
        id="show_storage",
        summary="What the analytics store holds",
        description="Sizes, usage records, sums by day and the archive; and how what was asked for goes.",
        tag=TAG,
        permission=READ,
        answer=StorageView,
        errors=(ControlUnavailable,),
        run=show_storage,
    ),
    Operation(
        method="POST",
        path="/api/usage/compact",
        id="compact",
        summary="Make the analytics store's file small",
        description="It is written anew beside the old one, whose place it takes; both are there meanwhile. Usage "
        "records wait, and are taken afterwards; everything else goes on. One thing at a time is done to the store.",
        tag=TAG,
        permission=WRITE,
        status=202,
        answer=ErrandView,
        errors=(Conflict, ControlUnavailable, Unacceptable),
        run=compact,
    ),
    Operation(
        method="POST",
        path="/api/usage/import-archive",
        id="import_archive",
        summary="Take usage records from the archive",
        description="Those that the store does not have, by their ids, from each file in the directory of "
        "`usage.archive` and in `usage.bucket`: for a store that was lost. Days of which the store keeps sums alone "
        "are left as they are.",
        tag=TAG,
        permission=WRITE,
        status=202,
        body=ImportBody,
        answer=ErrandView,
        errors=(Conflict, ControlUnavailable),
        run=import_archive,
    ),
)
