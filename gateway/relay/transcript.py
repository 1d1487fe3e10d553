"""A pipeline whose provider is taken down: what it says is kept as text, to be counted once the stream has ended.

That costs some microseconds for each event, so it is done only where nobody else will count: at targets whose last
stream ended without its tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import UpstreamError
from gateway.formats.countable import Said
from gateway.formats.counting import Measured
from gateway.formats.format import Format
from gateway.formats.sse import Splitter

from .enclosing import Enclosing
from .passage import Pipeline

if TYPE_CHECKING:
    from gateway.records import Target

MOST_CHARACTERS = 256 * 1024
"""Of an answer that is kept."""

MOST_TARGETS = 4096
"""That are known to be silent. Clients may invent names under a wildcard, so this is bounded."""


class Silence:
    """The targets whose streams end without their tokens, as this worker has seen."""

    __slots__ = ("targets",)

    def __init__(self) -> None:
        self.targets: set[Target] = set()

    def note(self, target: Target) -> None:
        """A stream has ended, and nobody told its tokens."""
        if len(self.targets) >= MOST_TARGETS:
            self.targets.clear()
        self.targets.add(target)


class Transcript(Enclosing):
    """One stream."""

    __slots__ = ("_reader", "_said", "_splitter")

    def __init__(self, pipeline: Pipeline, upstream: Format) -> None:
        super().__init__(pipeline)
        self._splitter = Splitter()
        self._reader = upstream.event_reader()
        self._said = Said(MOST_CHARACTERS)

    def feed(self, chunk: bytes) -> bytes:
        """What the client gets for `chunk`."""
        if not self._said.is_lost:
            try:
                self._hear(self._splitter.feed(chunk))
            except UpstreamError:  # what is wrong with it is not for us to say
                self._said.lose()
        return self._pipeline.feed(chunk)

    def text(self) -> Measured | None:
        """What was said, once the stream has ended; None where not all of it was text, or is known."""
        try:
            self._hear(self._splitter.close())
        except UpstreamError:
            return None
        self._said.take(self._reader.close())
        return self._said.whole()

    def _hear(self, events: list[bytes]) -> None:
        for data in events:
            self._said.take(self._reader.feed(data))
