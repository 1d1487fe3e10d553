"""What a viewer wants to hear of, and what of it they may. Pure.

Knows requests that run and such that have ended. Does not know who anybody is: whose requests somebody may see is
handed in.
"""

from __future__ import annotations

from msgspec import Struct

from gateway.records import UsageRecord
from gateway.usage.chosen import Outcome

from .events import KINDS, Kind
from .words import Running

CLIENT_LEFT_STATUS = 499


class Sight(Struct, frozen=True, kw_only=True):
    """What somebody may see."""

    key_ids: frozenset[str] | None = None
    """The requests of these keys; None for all."""
    system: bool = False
    """How the gateway is doing."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What somebody wants to hear of."""

    kinds: frozenset[Kind] = frozenset(KINDS)
    key: str | None = None
    """Name or id of a key."""
    model: str | None = None
    """As it was asked for, or as it was sent."""
    provider: str | None = None
    outcome: Outcome | None = None
    """Of those that have ended; those that run have none yet."""
    recent: bool = False
    """Whether to begin with the last that ended before."""

    @property
    def narrows(self) -> bool:
        """Whether it is of some requests only."""
        return not (self.key is None and self.model is None and self.provider is None)

    def covers(self, request: Running | UsageRecord) -> bool:
        """Whether a request is one of those."""
        return (
            (self.key is None or self.key in (request.key, request.key_id))
            and (self.model is None or self.model in (request.requested_model, request.model))
            and (self.provider is None or self.provider == request.provider)
        )


def is_visible(sight: Sight, request: Running | UsageRecord) -> bool:
    """Whether somebody may see a request. A key of the configuration file has its name for an id."""
    return sight.key_ids is None or (request.key_id or request.key) in sight.key_ids


def outcome_of(status: int, error: str | None) -> Outcome:
    """How a request ended: what the macro `outcome` of the analytics store says, too."""
    if error == "client_disconnected" or status == CLIENT_LEFT_STATUS:
        return "left"
    if error is None and status < 400:
        return "ok"
    return "refused" if 400 <= status < 500 else "failed"


def hears_all(sight: Sight, wanted: Wanted) -> bool:
    """Whether somebody is told of every request that ends."""
    return sight.key_ids is None and not wanted.narrows and wanted.outcome is None


def finished_for(sight: Sight, wanted: Wanted, records: tuple[UsageRecord, ...]) -> tuple[UsageRecord, ...]:
    """Those that somebody wants and may see; the same tuple where these are all."""
    if hears_all(sight, wanted):
        return records
    outcome = wanted.outcome
    return tuple(
        record
        for record in records
        if is_visible(sight, record)
        and wanted.covers(record)
        and (outcome is None or outcome == outcome_of(record.status, record.error))
    )
