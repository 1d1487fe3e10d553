"""What builders are given and what they return. Knows no socket and no format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from gateway.mock.script import Script

Document = Mapping[str, Any]
"""A request's JSON object, or the fields of its form."""


class Call(NamedTuple):
    """One request as a builder sees it."""

    number: int
    path: str
    document: Document
    model: str
    """The model asked for, without its script."""
    script: Script
    created: int
    """Unix time in seconds."""
    clock: Callable[[], int]
    """Monotonic nanoseconds, for stamps."""


class Reply(NamedTuple):
    """A whole answer."""

    body: bytes
    status: int = 200
    content_type: bytes = b"application/json"
    headers: bytes = b""
    """More header lines, each ended by CRLF."""
    streamed: bool = False
    """Whether the body is sent in chunked framing, as audio is."""


class Stream(NamedTuple):
    """An answer in server-sent events. Each item is one or more whole events, ended by an empty line."""

    opening: bytes
    """Before the first content."""
    contents: Iterator[bytes]
    """One event per chunk, made when it is asked for, so that it can carry its time."""
    closing: bytes
    """After the last content."""
    late: bytes
    """What a late provider sends apart from the rest of the closing."""
    end: bytes
    """The end marker, where the format has one."""
    error: bytes
    """The error event a script may ask for."""


Answer = Reply | Stream


class Family(NamedTuple):
    """What all endpoints of one provider share."""

    headers: Callable[[int], bytes]
    """Request number to header lines."""
    write_error: Callable[[int, str], Reply]
    """Status and model to the error this provider answers with."""
    quota_exceeded: Callable[[], Reply]
    check_key: Callable[[Mapping[bytes, bytes]], Reply | None]
    """Request headers, lower-cased names, to the refusal of a wrong key."""


class Endpoint(NamedTuple):
    """One method and path of a provider. A `{name}` in the path stands for one segment."""

    method: str
    path: str
    answer: Callable[[Call], Answer]
    family: Family
    body: str = "json"
    """`json`, `form` (multipart) or `none`."""


class Refused(Exception):
    """The request is wrong; carries the provider's own error."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply
