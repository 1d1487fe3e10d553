"""The receiver of the rest of a stream that the provider gives in several answers (FIN-2). What it says goes to whoever
heard the beginning; a refusal is a stream that broke off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.errors import UpstreamError

if TYPE_CHECKING:
    from gateway.outbound.wire import Receiver

    from .passage import Passage

ERROR_BYTES = 64 * 1024
"""Most of a refusal that is looked at."""


class Rest:
    """Passes the bytes of one further answer on to `receiver`."""

    __slots__ = ("_headers", "_passage", "_receiver", "_refusal", "_status")

    def __init__(self, passage: Passage, receiver: Receiver) -> None:
        self._passage = passage
        self._receiver = receiver
        self._status = 0
        self._headers: Mapping[bytes, bytes] = {}
        self._refusal = b""

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """The client has had its head long since."""
        self._status, self._headers = status, dict(headers)

    def body(self, data: bytes) -> None:
        """More of the stream, or of the refusal."""
        if self._status < 300:
            self._receiver.body(data)
        elif len(self._refusal) < ERROR_BYTES:
            self._refusal += data

    def end(self) -> None:
        """The answer is complete, or was none."""
        if self._status < 300:
            self._receiver.end()
        else:
            self._receiver.failed(self._passage.error(self._status, self._headers, self._refusal))

    def failed(self, error: UpstreamError) -> None:
        """It broke off."""
        self._receiver.failed(error)
