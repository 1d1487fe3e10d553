"""What builders are given and what they return. Knows no socket and no format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

from gateway.mock.framing import EVENT_STREAM
from gateway.mock.kept import Kept
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
    query: str
    """What follows the question mark, as received."""
    headers: Mapping[bytes, bytes]
    """The request's headers by lower-cased name."""
    kept: Kept
    """What earlier requests left here."""


class Reply(NamedTuple):
    """A whole answer."""

    body: bytes
    status: int = 200
    content_type: bytes = b"application/json"
    headers: bytes = b""
    """More header lines, each ended by CRLF."""
    streamed: bool = False
    """Whether the body is sent in chunked framing, as audio is."""
    fresh: bool = False
    """Whether it depends on earlier requests, or later ones on it: the same request may get another answer."""


Made = bytes | Callable[[], bytes]
"""Bytes, or what makes them when their time has come: for what repeats the content."""


class Stream(NamedTuple):
    """An answer in server-sent events, or in pieces of another content type.

    Each item is one or more whole events, ended by an empty line; an item may be empty, but no content is.
    """

    opening: bytes
    """Before the first content."""
    contents: Iterator[bytes]
    """One event per chunk, made when it is asked for, so that it can carry its time."""
    closing: Made
    """After the last content."""
    late: bytes
    """What a late provider sends apart from the rest of the closing."""
    end: Made
    """The end marker, where the format has one."""
    error: Made
    """The error event a script may ask for."""
    content_type: bytes = EVENT_STREAM


Answer = Reply | Stream


def make(made: Made) -> bytes:
    """The bytes."""
    return made if isinstance(made, bytes) else made()


class Wrong(Enum):
    """What can be wrong with any request, whatever its endpoint. The detail that goes with it is in brackets."""

    UNKNOWN_PATH = "no endpoint has this path (method and path)"
    WRONG_METHOD = "the path has endpoints, none with this method (method and path)"
    NOT_JSON = "the body is no JSON object"
    NOT_A_FORM = "the body is no form (why)"
    NO_MODEL = "no model is named"
    NOT_A_MODEL = "the model is no text"
    BAD_SCRIPT = "nobody here can play this script (why)"


def say_when_in_headers(reply: Reply, seconds: float) -> Reply:
    """`Retry-After` in whole seconds, and `retry-after-ms`."""
    lines = b"retry-after: %d\r\nretry-after-ms: %d\r\n" % (-(-seconds // 1), seconds * 1000)
    return reply._replace(headers=reply.headers + lines)


def _as_it_is(reply: Reply, number: int, target: str) -> Reply:
    return reply


class Family(NamedTuple):
    """What all endpoints of one provider share."""

    headers: Callable[[int], bytes]
    """Request number to header lines."""
    write_error: Callable[[int, str], Reply]
    """Status and model to the error this provider answers with."""
    quota_exceeded: Callable[[], Reply]
    check_key: Callable[[Mapping[bytes, bytes]], Reply | None]
    """Request headers, lower-cased names, to the refusal of a wrong key."""
    refuse: Callable[[Wrong, str], Reply]
    """What is wrong, and its detail, in this provider's words."""
    too_long: Callable[[], Reply]
    """The refusal of a prompt that is longer than the model takes."""
    overloaded: int = 503
    """The status of a provider that has too much to do."""
    say_when: Callable[[Reply, float], Reply] = say_when_in_headers
    """An error and seconds to the error that asks to come back after so long."""
    finish: Callable[[Reply, int, str], Reply] = _as_it_is
    """An error, the request's number and its target (path and query) to what is sent."""


class Endpoint(NamedTuple):
    """One method and path of a provider. A `{name}` in the path stands for a segment, or for its beginning."""

    method: str
    path: str
    answer: Callable[[Call], Answer]
    family: Family
    body: str = "json"
    """`json`, `form` (multipart) or `none`."""
    hint: bytes = b""
    """The request header that tells this provider's requests from others' with the same path."""


class Refused(Exception):
    """The request is wrong; carries the provider's own error."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply
