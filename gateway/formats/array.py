"""Gemini streams that are one JSON array: for a client that did not ask for `alt=sse`, and of a provider that does not
know it. The objects stay byte for byte, but for line breaks between their members where they become events."""

from __future__ import annotations

from gateway.errors import GatewayError, UpstreamError, UpstreamMalformed
from gateway.records import Tokens

from .format import Format
from .gemini.array import ArraySplitter
from .passing import Passing, PassThrough
from .sse import Splitter


class ArrayFraming:
    """A stream of events that goes out as an array."""

    __slots__ = ("_begun", "_splitter", "_through")

    between_events = True

    def __init__(self, through: PassThrough) -> None:
        self._through = through
        self._splitter = Splitter()
        self._begun = False

    @property
    def opened(self) -> bool:
        """Content has begun."""
        return self._through.opened

    @property
    def error(self) -> UpstreamError | None:
        """The provider failed before there was any content."""
        return self._through.error

    @property
    def tokens(self) -> Tokens | None:
        """What the provider reported, once seen."""
        return self._through.tokens

    @property
    def answered_model(self) -> str:
        """The model that the provider says has answered, once seen."""
        return self._through.answered_model

    @property
    def complete(self) -> bool:
        """Whether the provider said all it had to say."""
        return self._through.complete

    @property
    def failed(self) -> bool:
        """Whether the stream ended with an error of the provider's own."""
        return self._through.failed

    def feed(self, chunk: bytes) -> bytes:
        """What the client gets for `chunk`."""
        return self._framed(self._splitter.feed(self._through.feed(chunk)))

    def close(self) -> bytes:
        """The rest and, when the provider said all it had to say, the end of the array."""
        rest = self._framed(self._splitter.feed(self._through.close()) + self._splitter.close())
        return rest + self._end() if self.complete else rest

    @property
    def said(self) -> int:
        """About how many bytes of text the provider said so far."""
        return self._through.said

    def resume(self) -> str:
        """Nothing: the client asks for the rest of an answer itself."""
        return self._through.resume()

    def open(self) -> bytes:
        """The beginning: an array begins with its first element."""
        return self._through.open()

    def fail(self, error: GatewayError) -> bytes:
        """The error as the last element."""
        return self._framed([self._through.fail(error).partition(b"data: ")[2].rstrip()]) + b"]"

    def _framed(self, events: list[bytes]) -> bytes:
        """The objects among the data of events: an end mark is none."""
        return b"".join([self._opening() + each for each in events if each.startswith(b"{")])

    def _opening(self) -> bytes:
        if self._begun:
            return b",\n"
        self._begun = True
        return b"["

    def _end(self) -> bytes:
        return b"]" if self._begun else b"[]"


class FromArray(PassThrough):
    """A provider's array that goes out as a stream of events."""

    __slots__ = ("_objects",)

    def __init__(self, dialect: Format, passing: Passing, *, model: str) -> None:
        super().__init__(dialect, passing, model=model)
        self._objects = ArraySplitter()

    def feed(self, chunk: bytes) -> bytes:
        """What the client gets for `chunk`: every object in it that is whole."""
        try:
            objects = self._objects.feed(chunk)
        except UpstreamMalformed as error:
            self.error = error
            return b""
        return super().feed(b"".join([b"data: %b\r\n\r\n" % each.translate(_ONE_LINE) for each in objects]))


_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")
"""Line breaks stand between members only: in a string they are escaped."""
