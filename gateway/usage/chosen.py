"""Which requests are meant: a filter as the macro `chosen` takes it. Knows the fields, not where they are from.

The macro is in `sql/analytics/migrations`; a test holds the two to the same names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict, replace

from gateway.records import UsageSource

Outcome = Literal["ok", "refused", "failed", "left"]
"""How a request ended: with an answer; refused by us or a provider; failed; its client left."""

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


NOT_IN_SUMS = (
    *("requested_model", "endpoint", "outcome", "error", "tag", "stream", "retried", "lossy", "tools"),
    *("usage_source", "other_model", "least_total_us", "least_cost", "search"),
)
"""Fields that sums of days do not know, as the macro `sums_answer` has it."""

NOT_IN_HISTOGRAMS = (*NOT_IN_SUMS, "key_ids", "key", "user", "team", "credential")
"""The same of histograms, and the macro `histograms_answer`."""


class Filter(Struct, frozen=True, kw_only=True):
    """Requests between two instants (Unix microseconds; the second one excluded), of which all that is said holds."""

    since_us: int
    until_us: int
    key_ids: tuple[str, ...] | None = None
    """Whoever asks may see those of these keys only; None for all."""
    key: str | None = None
    """Id of a key; one of the configuration file has no other id than its name."""
    user: str | None = None
    team: str | None = None
    provider: str | None = None
    model: str | None = None
    credential: str | None = None
    requested_model: str | None = None
    endpoint: str | None = None
    outcome: Outcome | None = None
    error: str | None = None
    """Kind of what went wrong first."""
    tag: str | None = None
    stream: bool | None = None
    retried: bool | None = None
    """Whether there was more than one attempt."""
    lossy: bool | None = None
    """Whether translation dropped or emulated something."""
    tools: bool | None = None
    """Whether tools were offered to the model."""
    usage_source: UsageSource | None = None
    """Where its tokens come from."""
    other_model: bool | None = None
    """Whether another model answered than was asked; a version of the same is none."""
    least_total_us: int | None = None
    least_cost: int | None = None
    """Nano-USD."""
    search: str | None = None
    """Part of a model's or key's name or of the client's own, or an id, ours or the provider's."""

    def at(self, since_us: int, until_us: int) -> Filter:
        """The same of another time."""
        return replace(self, since_us=since_us, until_us=until_us)

    def unknown(self, fields: Iterable[str]) -> tuple[str, ...]:
        """Those of these fields that are filtered by."""
        return tuple(name for name in fields if getattr(self, name) is not None)

    def parameter(self) -> Mapping[str, object]:
        """The struct that statements take as `$filter`."""
        search = self.search.lower() if self.search else None
        key_ids = None if self.key_ids is None else list(self.key_ids)
        return {**asdict(self), "key_ids": key_ids, "search": search, "id": _id(search)}


def _id(text: str | None) -> UUID | None:
    """The id that a text is, if it is one."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
