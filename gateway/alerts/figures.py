"""What alerts are judged by, as it is at one moment. Times are Unix microseconds.

None stands for what nobody can tell at the moment, such as a store that does not answer: then nothing is judged by it,
and what was wrong before is taken to be so still.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.records import Whom


class Ration(NamedTuple):
    """A budget, or a quota of a month, and what of it is used."""

    id: str
    """Of whom it counts, in hexadecimal."""
    subject: str
    """The same in words: such as "client key `app`"."""
    field: str
    """`budget_nano_usd`, `tokens_per_month` or `requests_per_month`."""
    used: int
    """What is only set aside is not in it."""
    most: int
    resets_at_us: int
    """When it begins anew; 0 for never."""
    began_us: int = 0
    """When its period began; 0 where it never begins anew."""
    reset_at_us: int = 0
    """When somebody had it counted from nothing the last time; 0 for never."""
    held: int = 0
    """What is set aside for running requests, beside `used`."""
    whom: Whom = Whom("everybody")
    """The same as `subject`, as usage records have it."""


class Refused(NamedTuple):
    """A credential that its provider refuses, or of which nobody knows any better."""

    provider: str
    credential: str
    models: tuple[str, ...]
    """Those it is refused for; none where it is for all."""
    reason: str
    since_us: int | None
    """Since when it is refused without a break; None where it is not at this moment, and nothing has proven it well."""
    is_last: bool
    """No other credential of the provider is left, for those models."""


class Failing(NamedTuple):
    """How the requests of late went, of all or of one provider."""

    provider: str
    """Empty for all."""
    requests: int
    failed: int
    commonest: str
    """What most of these failed for."""


class Prices(NamedTuple):
    """The list of prices."""

    known_at_us: int
    """When it was the latest there was."""
    error: str
    """Why it cannot be fetched; empty where it can, or is not meant to."""
    is_tried: bool
    """Somebody has tried since the start."""
    doubted: tuple[str, ...]
    """Prices that were not believed, and what they would have become."""


class Spool(NamedTuple):
    """Usage records on their way to the analytics store."""

    oldest_us: int | None
    """Since when the oldest of them waits; None where none does."""
    size: int
    most: int
    """Bytes: beyond that records are dropped."""
    trouble: str
    """Why none is taken; empty where all is well."""


class Disk(NamedTuple):
    """The disk that the data directory is on."""

    place: str
    used: int
    total: int
    """Bytes that we could ever use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All of them."""

    rations: Sequence[Ration] | None = None
    refused: Sequence[Refused] | None = None
    failing: Sequence[Failing] | None = None
    since_failing: Sequence[Failing] = ()
    """How requests went since alerts of them were last found to be so, where those of late are too few to tell."""
    prices: Prices | None = None
    spool: Spool | None = None
    disk: Disk | None = None
    node: str = ""
    """The machine, where others share what alerts are kept in."""
