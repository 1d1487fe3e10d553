"""Who asks, and what a request says beside its body: its address and the head of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gateway.records import ClientKey

from .sink import Header

TRUE = frozenset((b"1", b"true", b"yes"))


class Address(NamedTuple):
    """What a request says in its address."""

    model: str = ""
    """The model, where the path names it (Gemini)."""
    query: str = ""
    """What of the query goes to the provider."""
    array: bool = False
    """The stream is wanted as one JSON array (Gemini without `alt=sse`)."""


PLAIN = Address()


def is_strict(key: ClientKey, headers: Mapping[bytes, bytes]) -> bool:
    """Whether what a translation would have to drop is refused."""
    return key.strict or headers.get(b"x-sluicegate-strict") in TRUE


class Caller:
    """Who asks, and how: what the head of a request tells."""

    address: str | None = None
    """Of the client's end of the connection."""
    method = "POST"
    strict = False
    """What a translation would have to drop is refused."""
    user_agent: str | None = None
    content_type = b""
    cors: Sequence[Header] = ()
    """Headers for a browser, where its page may call us."""
