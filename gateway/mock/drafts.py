"""Replies asked for again and again, as benchmarks do: built once, given out under a new number each time. Pure.

This is what keeps the mock from being the bottleneck: reading and answering a request anew costs three times as much.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.mock.answers import Answer, Family, Reply
from gateway.mock.requests import Incoming
from gateway.mock.script import Script

NUMBER_IN_DRAFT = 0xFEDCBA9876543210
"""The number of a request in a draft: builders write it with at least 16 digits of hexadecimal."""
MATTERING = (b"x-mock", b"x-mock-tag", b"authorization", b"content-type", b"x-api-key", b"x-goog-api-key",
             b"anthropic-version")  # fmt: skip
"""The request headers an answer depends on."""
DRAFTS = 32
DRAFTED_BYTES = 2 << 20


class Played(NamedTuple):
    """What is to be delivered, and how."""

    answer: Answer
    script: Script
    family: Family


class Draft:
    """A reply without its number."""

    __slots__ = ("created", "family", "parts", "reply", "request", "script")

    def __init__(self, request: Incoming) -> None:
        self.request = request
        self.created = 0

    def write(self, played: Played, created: int) -> None:
        """Takes the reply to `NUMBER_IN_DRAFT` apart where its number is; good for the second it was created in."""
        assert isinstance(played.answer, Reply)
        self.created = created
        self.reply, self.script, self.family = played.answer, played.script, played.family
        self.parts = played.answer.body.split(b"%016x" % NUMBER_IN_DRAFT)

    def read(self, number: int) -> Played:
        """The reply under this number."""
        _, status, content_type, headers, streamed, _ = self.reply
        body = (b"%016x" % number).join(self.parts)
        return Played(Reply(body, status, content_type, headers, streamed), self.script, self.family)

    def fits(self, request: Incoming) -> bool:
        """Whether `request` gets the same reply."""
        own = self.request
        if own is request:
            return True
        if own.body != request.body or own.path != request.path or own.method != request.method:
            return False
        return all(own.lookup.get(name) == request.lookup.get(name) for name in MATTERING)


class Drafts:
    """A draft for each length of body: comparing bodies is much cheaper than hashing them."""

    def __init__(self) -> None:
        self._by_length: dict[int, Draft] = {}

    def find(self, request: Incoming) -> Draft | None:
        """The draft for this request, if there is one."""
        draft = self._by_length.get(len(request.body))
        return draft if draft is not None and draft.fits(request) else None

    def begin(self, request: Incoming, played: Played) -> None:
        """Remembers a request whose reply says nothing but content that stays the same."""
        script, answer, length = played.script, played.answer, len(request.body)
        if script.on_the_wire or script.stamp or not isinstance(answer, Reply) or length > DRAFTED_BYTES:
            return
        if answer.fresh:
            return
        if len(self._by_length) >= DRAFTS:
            self._by_length.clear()
        self._by_length[length] = Draft(request)
