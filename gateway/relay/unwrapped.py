"""A pipeline behind Bedrock's framing: its binary messages are taken apart first, then it is any stream of Anthropic's.

Knows which answers come so; what to do with their events the pipeline within decides.
"""

from __future__ import annotations

from gateway.errors import UpstreamError
from gateway.formats.bedrock import Unwrapping

from .enclosing import Enclosing
from .passage import Pipeline


class Unwrapped(Enclosing):
    """One stream."""

    __slots__ = ("_unwrapping",)

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__(pipeline)
        self._unwrapping = Unwrapping()

    @property
    def error(self) -> UpstreamError | None:
        """The provider failed, in its own words or by what it sent."""
        return self._pipeline.error or self._unwrapping.error

    def feed(self, chunk: bytes) -> bytes:
        """What the client gets for `chunk`."""
        events = self._unwrapping.feed(chunk)
        return self._pipeline.feed(events) if events else b""

    def close(self) -> bytes:
        """What the client gets when the provider has ended; nothing more where it broke off within a message."""
        self._unwrapping.close()
        return b"" if self._unwrapping.error is not None else self._pipeline.close()
