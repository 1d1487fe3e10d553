"""One endpoint of the management API as a row of a table, and what the function behind it is handed.

Everything that is the same for all endpoints is said here and done elsewhere: who may ask, what is read and how it is
checked, versions, pages, repeated requests, what the OpenAPI document says. A row that contradicts itself is refused as
it is made.

A permission is text: `anyone`, `signed_in`, or permissions of which one is enough, `keys:own|keys:read`. Where `own` is
among them, the function sees to it that whoever has no more than that gets their own things only.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct

from gateway.errors import GatewayError, NotPermitted, NotSignedIn
from gateway.management.office import Actor

from .paging import Page, PageQuery

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

JSON = "application/json"

ANYONE = "anyone"
"""Whoever asks; nobody is asked who they are."""

SIGNED_IN = "signed_in"
"""Everybody we know, whatever they may do. A client key is nobody who signs in."""

CHANGING = frozenset(("PUT", "PATCH", "DELETE"))
"""Methods that must say which version they change, where there are versions."""

EMPTY = (101, 204)
"""Statuses without a content of their own."""

MOST_BODY_BYTES = 1024 * 1024

_PERMISSION = re.compile(r"[a-z_]+:[a-z_]+(?:\|[a-z_]+:[a-z_]+)*")
_PATH = re.compile(r"/api(?:/(?:[a-z0-9_.-]+|\{[a-z_]+\}))+")
_PARAMETER = re.compile(r"\{([a-z_]+)\}")

OfficeT = TypeVar("OfficeT")
BodyT = TypeVar("BodyT")
QueryT = TypeVar("QueryT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Generic[OfficeT, BodyT, QueryT]):
    """One request to an operation: who asks, and what. Both parts have been checked against the row."""

    actor: Actor
    office: OfficeT
    path: Mapping[str, str]
    """What stands in the path for each name in braces."""
    body: BodyT
    query: QueryT
    if_match: int | None = None
    """The version to be changed; None when any will do."""
    headers: Mapping[str, str] = field(repr=False)
    """By name in lower case."""


@dataclass(frozen=True, slots=True)
class Document:
    """An answer that is not JSON of ours, or is JSON already."""

    content: bytes
    etag: str | None = None
    """Where it has one, whoever knows the content already gets 304."""


@dataclass(frozen=True, slots=True)
class Flow:
    """An answer that goes on for as long as somebody listens."""

    parts: AsyncIterator[bytes]
    """Never an empty one: that would be the end to whoever sends them."""
    end: Callable[[], None]
    """Nobody listens any more: there is nothing more to come."""
    media_type: str | None = None
    """Where it is another one than that of the row: one of those it may be of as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a function returns when its record is not all there is to say."""

    of: Struct | Page[Any] | Document | Flow | None = None
    version: int | None = None
    """For `ETag`, where the record has no field `version`."""
    location: str | None = None
    """Path of what was made."""
    headers: tuple[tuple[str, str], ...] = ()


Answerable = Struct | Page[Any] | Document | Flow | Answer | None
Run = Callable[[Asked[Any, Any, Any]], Awaitable[Answerable]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One endpoint."""

    method: Method
    path: str
    """`/api/keys/{id}`."""
    id: str
    """`operationId`: what a generated client calls it."""
    summary: str
    tag: str
    permission: str
    run: Run
    description: str = ""
    body: type[Struct] | None = None
    query: type[Struct] | None = None
    """None: no parameter is known. Of a paged list a subclass of PageQuery."""
    answer: type[Struct] | None = None
    """Of a paged list one of its items; None where there is nothing to say, or a Document or Flow."""
    status: int = 200
    """When it went well."""
    media_type: str | None = None
    """Of a Document or Flow."""
    also: tuple[str, ...] = ()
    """Other types that it may be of."""
    paged: bool = False
    versioned: bool = False
    """`ETag` out; changes take `If-Match`."""
    idempotent: bool = False
    """Takes `Idempotency-Key`: the same request again gets the same answer, and is not carried out again."""
    errors: tuple[type[GatewayError], ...] = ()
    """What it may answer besides what follows from the rest of the row."""
    max_body_bytes: int = MOST_BODY_BYTES
    abandonable: bool = False
    """It may take long, and is cancelled when whoever asks has left."""

    def __post_init__(self) -> None:
        wrong = [what for what, holds in _contradictions(self) if holds]
        if wrong:
            raise ValueError(f"{self.method} {self.path}: {'; '.join(wrong)}")

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names in the path."""
        return tuple(_PARAMETER.findall(self.path))

    @property
    def permissions(self) -> tuple[str, ...]:
        """Those of which one is enough; empty for `anyone` and `signed_in`."""
        return () if self.permission in (ANYONE, SIGNED_IN) else tuple(self.permission.split("|"))

    @property
    def takes_version(self) -> bool:
        """Whether `If-Match` is required."""
        return self.versioned and self.method in CHANGING

    def admit(self, actor: Actor) -> None:
        """Raises NotSignedIn or NotPermitted unless the actor may ask for this."""
        if self.permission == ANYONE:
            return
        if actor.kind == "anybody":
            raise NotSignedIn("Sign in, or send an API token: Authorization: Bearer <token>.")
        if self.permissions:
            actor.require(*self.permissions)
        elif actor.kind == "key":
            raise NotPermitted("A client key is for requests to models; this is for people and their API tokens.")


def _contradictions(row: Operation) -> tuple[tuple[str, bool], ...]:
    """What a row must not say, and whether it does."""
    query = row.query
    return (
        ("a path is like /api/keys/{id}", _PATH.fullmatch(row.path) is None),
        ("a name stands in the path twice", len(set(row.parameters)) < len(row.parameters)),
        ("no such permission", not (row.permission in (ANYONE, SIGNED_IN) or _PERMISSION.fullmatch(row.permission))),
        ("a list is read with GET", row.paged and row.method != "GET"),
        ("a list has items", row.paged and row.answer is None),
        ("a page is asked for with a PageQuery", row.paged and not (query and issubclass(query, PageQuery))),
        ("only a POST need not be repeated", row.idempotent and row.method != "POST"),
        ("who repeats a request must be known", row.idempotent and row.permission == ANYONE),
        ("this method has no body", row.body is not None and row.method in ("GET", "DELETE")),
        (
            "101 and 204 have no content, everything else does",
            (row.status in EMPTY) != (row.answer is None and row.media_type is None),
        ),
        ("a document has no record", row.answer is not None and row.media_type is not None),
        ("what is of other types has one of its own", bool(row.also) and row.media_type is None),
        ("what is answered twice is carried out to its end", row.abandonable and row.idempotent),
    )
