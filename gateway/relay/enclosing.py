"""A pipeline around another one, which does all of the work. Who stands around it says what is otherwise."""

from __future__ import annotations

from gateway.errors import GatewayError, UpstreamError
from gateway.records import Tokens

from .passage import Pipeline


class Enclosing:
    """One stream."""

    __slots__ = ("_pipeline",)

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    @property
    def opened(self) -> bool:
        """Content has begun."""
        return self._pipeline.opened

    @property
    def error(self) -> UpstreamError | None:
        """The provider failed, in its own words or by what it sent."""
        return self._pipeline.error

    @property
    def tokens(self) -> Tokens | None:
        """What the provider reported, once seen."""
        return self._pipeline.tokens

    @property
    def answered_model(self) -> str:
        """The model that the provider says has answered, once seen."""
        return self._pipeline.answered_model

    @property
    def between_events(self) -> bool:
        """Whether what went out so far ends with a whole event."""
        return self._pipeline.between_events

    @property
    def complete(self) -> bool:
        """Whether the provider said all it had to say."""
        return self._pipeline.complete

    @property
    def failed(self) -> bool:
        """Whether the stream ended with an error event that went out as the provider meant it."""
        return self._pipeline.failed

    @property
    def said(self) -> int:
        """About how much text the provider said so far."""
        return self._pipeline.said

    def feed(self, chunk: bytes) -> bytes:
        """What the client gets for `chunk`."""
        return self._pipeline.feed(chunk)

    def close(self) -> bytes:
        """What the client gets when the provider has ended."""
        return self._pipeline.close()

    def resume(self) -> str:
        """The token for which the provider goes on in another stream."""
        return self._pipeline.resume()

    def open(self) -> bytes:
        """The beginning, though there is no content yet."""
        return self._pipeline.open()

    def fail(self, error: GatewayError) -> bytes:
        """The last bytes of a stream that ends with an error."""
        return self._pipeline.fail(error)
