"""Who asks, and what a request says beside its body: its address and the head of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gateway.records import ClientKey

from .sink import Headers

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

    __slots__ = ("address", "content_type", "cors", "method", "strict", "user_agent")

    def __init__(self) -> None:
        self.address: str | None = None
        """Of the client's end of the connection."""
        self.method = "POST"
        self.strict = False
        """What a translation would have to drop is refused."""
        self.user_agent: str | None = None
        self.content_type = b""
        self.cors: Headers = []
        """Headers for a browser, where its page may call us."""
