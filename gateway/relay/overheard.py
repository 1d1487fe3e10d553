"""A pipeline whose provider is listened to on the way, for the span that tells how its reply ended."""

from __future__ import annotations

from gateway.formats.closing import ClosingReader

from .enclosing import Enclosing
from .passage import Pipeline


class Overheard(Enclosing):
    """One stream."""

    __slots__ = ("_reader",)

    def __init__(self, pipeline: Pipeline, reader: ClosingReader) -> None:
        super().__init__(pipeline)
        self._reader = reader

    def feed(self, chunk: bytes) -> bytes:
        """What the client gets for `chunk`."""
        self._reader.feed(chunk)
        return self._pipeline.feed(chunk)

    def resume(self) -> str:
        """The token for which the provider goes on in another stream."""
        token = self._pipeline.resume()
        if token:
            self._reader.go_on()
        return token
