"""What was said on all sides of an exchange: as a worker takes it down, and as it is kept and read again.

What is taken is as it was, secrets and all, and never leaves the memory of its worker. What is kept is redacted and
cut.
"""

from __future__ import annotations

from msgspec import Struct

SLIP = "x-sluicegate-slip"
"""The header in which whoever has leave to be shown a request proves it."""

MARGIN = 4096
"""Bytes taken beyond what is kept, so that no half of a secret is left where a body is cut: the longest of them."""

RawHeaders = list[tuple[bytes, bytes]]
Headers = tuple[tuple[str, str], ...]


class Flow:
    """Bytes that go by: the first of them, up to a bound, and how many there were."""

    __slots__ = ("kept", "room", "size")

    def __init__(self, room: int) -> None:
        self.kept: bytes | bytearray = bytearray()
        self.room = room
        """How many more are kept."""
        self.size = 0

    @classmethod
    def whole(cls, body: bytes, room: int) -> Flow:
        """All of them at once."""
        flow = cls(0)
        flow.kept, flow.size = body[:room], len(body)
        return flow

    def add(self, data: bytes) -> None:
        """The next of them."""
        size = len(data)
        self.size += size
        if not self.room:
            return
        if size <= self.room:
            self.kept += data
            self.room -= size
        else:
            self.kept += memoryview(data)[: self.room]
            self.room = 0


class TakenTry(Struct, eq=False):
    """One attempt, as it was."""

    provider: str
    model: str
    credential: str
    scheme: str = ""
    """Of the provider's address; empty where nothing was sent."""
    head: bytes = b""
    """Of the request that was sent: request line and headers."""
    body: Flow | None = None
    own_headers: tuple[tuple[str, str], ...] = ()
    """What the operator has put among the headers of the request: its values are secrets."""
    status: int = 0
    """What was answered; 0 for nothing."""
    headers: RawHeaders = []
    answer: Flow | None = None
    error: str | None = None
    """Kind of failure."""

    __repr__ = object.__repr__  # what is in it is for nobody's eyes


class Taken(Struct, eq=False):
    """An exchange, as it was."""

    id: str
    started_at_us: int
    method: str
    target: str
    """Path, and what of the query goes to providers."""
    headers: RawHeaders
    body: Flow
    tries: list[TakenTry]
    status: int
    """What the client was told; 0 where it left before."""
    answer_headers: RawHeaders
    answer: Flow
    secrets: frozenset[bytes]
    """What proves who the client is, and who we are: nowhere may any of it be kept."""

    __repr__ = object.__repr__

    @property
    def size(self) -> int:
        """About how much memory it holds."""
        tries = sum(len(each.head) + _kept(each.body) + _kept(each.answer) for each in self.tries)
        return len(self.body.kept) + len(self.answer.kept) + tries


def _kept(flow: Flow | None) -> int:
    return 0 if flow is None else len(flow.kept)


class Body(Struct, frozen=True, omit_defaults=True):
    """A body as it is kept."""

    kept: bytes = b""
    size: int = 0
    """Bytes that it had."""
    cut: bool = False
    """Only its beginning is kept."""
    same_as: str = ""
    """It is that of another one, and is kept there: `request`, or `attempts.0.request` and `attempts.0.answer`, counted
    from 0."""


class CapturedRequest(Struct, frozen=True, omit_defaults=True):
    """What was asked."""

    method: str
    url: str
    """Only path and query where it was asked of us."""
    headers: Headers = ()
    body: Body = Body()


class CapturedAnswer(Struct, frozen=True, omit_defaults=True):
    """What was answered."""

    status: int
    headers: Headers = ()
    body: Body = Body()


class CapturedAttempt(Struct, frozen=True, omit_defaults=True):
    """One attempt, in the order of the usage record."""

    provider: str
    model: str
    credential: str
    request: CapturedRequest | None = None
    """None where nothing was sent."""
    answer: CapturedAnswer | None = None
    """None where nobody answered."""
    error: str | None = None
    """Kind of failure; None of the attempt that was the answer."""


class Capture(Struct, frozen=True, omit_defaults=True):
    """Everything that is kept of an exchange."""

    id: str
    started_at_us: int
    request: CapturedRequest
    attempts: tuple[CapturedAttempt, ...] = ()
    answer: CapturedAnswer | None = None
    """None where the client left before it was told anything."""
