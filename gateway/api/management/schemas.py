"""The words that bodies, questions and answers of the management API are made of.

Knows shapes and their limits. Does not know any resource: each module of operations makes its own records from these.
Whole numbers need bounds and texts need a longest length, so that what gets past here fits into any database.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, overload

from msgspec import UNSET, Meta, Struct

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MOST = 2**63 - 1
"""Largest number a column of the database takes."""

ONE_LINE = r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$(?!\n)"
"""Python's `$` would let a line feed stand behind it."""

Id = Annotated[str, Meta(min_length=1, max_length=64, description="An id, as lists show it.")]
Name = Annotated[
    str, Meta(min_length=1, max_length=100, pattern=ONE_LINE, description="One line, without spaces around it.")
]
Text = Annotated[str, Meta(max_length=2000)]
Count = Annotated[int, Meta(ge=0, le=MOST)]
Version = Annotated[int, Meta(ge=1, le=MOST, description="Counts the changes; also in the header `ETag`.")]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339, with a time zone.")]


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client sends: a field nobody knows is a mistake, and told."""


class Patch(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A change of some fields: each is of a type `... | msgspec.UnsetType` and `msgspec.UNSET` by default. Its `repr`
    says which, never to what: some are secrets."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(changes(self))})"


class Query(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client asks for behind the question mark: texts, numbers, booleans, instants, and lists of them."""


class Shown(Struct, frozen=True, kw_only=True):
    """What a client gets. One that is changed under `If-Match` has a field `version`."""


def changes(patch: Patch) -> dict[str, Any]:
    """The fields that a patch sets, by name."""
    given = ((name, getattr(patch, name)) for name in patch.__struct_fields__)
    return {name: value for name, value in given if value is not UNSET}


@overload
def instant(unix_us: int) -> datetime: ...
@overload
def instant(unix_us: None) -> None: ...
@overload
def instant(unix_us: int | None) -> datetime | None: ...
def instant(unix_us: int | None) -> datetime | None:
    """Unix microseconds as an answer shows them; nothing stays nothing."""
    return None if unix_us is None else EPOCH + timedelta(microseconds=unix_us)


def microseconds(at: datetime) -> int:
    """An instant as Unix microseconds."""
    return (at - EPOCH) // timedelta(microseconds=1)
