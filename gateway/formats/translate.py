"""A provider's stream in one dialect to the client's in another: bytes in, bytes out, through neutral events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from gateway.errors import GatewayError, UpstreamError
from gateway.records import Tokens

from .events import (
    Event,
    ReasoningDelta,
    RefusalDelta,
    ReplyBegin,
    ReplyEnd,
    ReplyFailed,
    TextDelta,
    ToolDelta,
    UsageReported,
)
from .format import EventReader, EventWriter
from .neutral import Usage
from .settle import Settle
from .usages import tokens_of

SILENT = frozenset((ReplyBegin, UsageReported))
"""Events after which an answer has not begun yet: until it has, another provider may still give it."""


SPOKEN = frozenset((TextDelta, ReasoningDelta, RefusalDelta, ToolDelta))
"""Events with a text that a model was paid for."""


class Cutter(Protocol):
    """Cuts a stream into what the reader is fed with."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """What is complete now. Raises UpstreamMalformed."""

    def close(self) -> list[bytes]:
        """What is left at the end."""


class Translate:
    """One stream between two dialects."""

    __slots__ = (
        "_finished",
        "_reader",
        "_settle",
        "_splitter",
        "_usage",
        "answered_model",
        "error",
        "opened",
        "said",
        "writer",
    )

    between_events = True
    """Whole events go out, always."""
    failed = False
    """Only what is passed through ends with a provider's own words."""

    def __init__(self, reader: EventReader, settle: Settle, writer: EventWriter, splitter: Cutter) -> None:
        self._splitter = splitter
        self._reader = reader
        self._settle = settle
        self.writer = writer
        self._usage: Usage | None = None
        self.answered_model = ""
        """The model that the provider says has answered, once seen."""
        self.said = 0
        """Characters of text in the answer so far."""
        self._finished = False
        self.opened = False
        """Content has begun."""
        self.error: UpstreamError | None = None
        """The provider failed, in its own words or by what it sent. Nothing more comes out."""

    @property
    def tokens(self) -> Tokens | None:
        """What the provider reported, once seen."""
        return None if self._usage is None else tokens_of(self._usage)

    @property
    def complete(self) -> bool:
        """Whether the provider said all it had to say."""
        return self._finished

    def feed(self, chunk: bytes) -> bytes:
        """What the client gets for `chunk`."""
        if self._finished or self.error is not None:
            return b""
        try:
            return self._written(self._splitter.feed(chunk))
        except UpstreamError as error:
            self.error = error
            return b""

    def close(self) -> bytes:
        """What the client gets when the provider has ended."""
        if self._finished or self.error is not None:
            return b""
        try:
            rest = self._written(self._splitter.close())
            if not self._finished and self.error is None:
                rest += self._told(self._reader.close())
            if not self._finished and self.error is None:
                rest += self._settled(self._settle.close())
            return rest
        except UpstreamError as error:
            self.error = error
            return b""

    def resume(self) -> str:
        """The token for which the provider goes on in another stream, to be fed in next; empty when there is none."""
        if self._finished or self.error is not None:
            return ""
        token = self._reader.resume()
        if token:
            self._splitter = self._splitter.__class__()
        return token

    def open(self) -> bytes:
        """The beginning, though there is no content yet."""
        self.opened = True
        return self.writer.open()

    def fail(self, error: GatewayError) -> bytes:
        """The last bytes of a stream that ends with an error."""
        self._finished = True
        return self.writer.fail(error)

    def _written(self, events: list[bytes]) -> bytes:
        reader = self._reader
        if len(events) == 1:
            return self._told(reader.feed(events[0]))
        out = []
        for data in events:
            try:
                out.append(self._told(reader.feed(data)))
            except UpstreamError as error:
                self.error = error  # what came before it in the same chunk is not lost
                break
        return b"".join(out)

    def _told(self, events: Iterable[Event]) -> bytes:
        settle = self._settle
        return b"".join([self._settled(settle.feed(event)) for event in events])

    def _settled(self, events: Iterable[Event]) -> bytes:
        return b"".join([self._write(event) for event in events])

    def _write(self, event: Event) -> bytes:
        if self._finished or self.error is not None:
            return b""
        kind = event.__class__
        if not self.opened:
            if kind is ReplyBegin:
                self.answered_model = event.model  # type: ignore[attr-defined]  # its class was just looked at
            elif kind not in SILENT and kind is not ReplyFailed:
                self.opened = True
        if kind in SPOKEN:
            self.said += len(event.text)  # type: ignore[attr-defined]  # its class was just looked at
        elif kind is UsageReported:
            self._usage = event.usage  # type: ignore[attr-defined]  # its class was just looked at
        elif kind is ReplyFailed:
            self.error = event.error  # type: ignore[attr-defined]  # its class was just looked at
            return b""
        elif kind is ReplyEnd:
            self._finished = True
        return self.writer.write(event)
