"""Amazon's binary event streams, cut into messages. Knows where a message ends and what is written on it.

`application/vnd.amazon.eventstream`: length, checksum, headers, payload, checksum, all numbers big-endian
(https://smithy.io/2.0/aws/amazon-eventstream.html). Knows nothing of what the payloads mean.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from zlib import crc32

from gateway.errors import UpstreamMalformed

CONTENT_TYPE = b"application/vnd.amazon.eventstream"

MESSAGE_BYTES = 16 * 1024 * 1024
"""Largest message read. What a model says in one event is far from it."""

_PRELUDE = struct.Struct(">III")
_SUM = struct.Struct(">I")
_SMALLEST = _PRELUDE.size + _SUM.size
_LENGTH = struct.Struct(">H")
_STRING = 7
_MEASURED = (6, _STRING)
"""Types of headers, bytes and strings, whose values have their length in front."""
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of the values of the others."""


class Message(NamedTuple):
    """One message of a stream."""

    headers: Mapping[str, str]
    """Those that are strings, which all are that say what a message is."""
    payload: bytes


class MessageSplitter:
    """Cuts a stream into its messages, however the bytes arrive."""

    __slots__ = ("_headers", "_held", "_length")

    def __init__(self) -> None:
        self._held = bytearray()
        """What came since the last whole message."""
        self._length = 0
        """Of the message that is coming in; 0 before that is known."""
        self._headers = 0
        """How much of it is headers."""

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """Every message that is whole now; to be gone through to its end. Raises UpstreamMalformed behind the last good
        one."""
        held = self._held
        held += chunk
        while True:
            if not self._length and len(held) >= _PRELUDE.size:
                self._read_prelude()
            if not self._length or len(held) < self._length:
                return
            whole = bytes(held[: self._length])
            del held[: self._length]
            self._length = 0
            yield self._read(whole)

    def close(self) -> None:
        """The stream has ended. Raises UpstreamMalformed within a message."""
        if self._held:
            raise UpstreamMalformed("The provider's stream ended within a message.")

    def _read_prelude(self) -> None:
        length, headers, said = _PRELUDE.unpack_from(self._held)
        if crc32(self._held[: _PRELUDE.size - _SUM.size]) != said:
            raise UpstreamMalformed("The provider's stream has a message whose length fails its checksum.")
        if not _SMALLEST <= length <= MESSAGE_BYTES or headers > length - _SMALLEST:
            raise UpstreamMalformed(
                f"The provider's stream has a message of {length} bytes, {headers} of them headers."
            )
        self._length, self._headers = length, headers

    def _read(self, whole: bytes) -> Message:
        end = len(whole) - _SUM.size
        if crc32(memoryview(whole)[:end]) != _SUM.unpack_from(whole, end)[0]:
            raise UpstreamMalformed("The provider's stream has a message that fails its checksum.")
        body = _PRELUDE.size + self._headers
        return Message(_read_headers(whole[_PRELUDE.size : body]), whole[body:end])


def _read_headers(block: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(block):
            start = at + 1
            at = start + block[at]
            name, kind = block[start:at], block[at]
            start, at = _value(block, at + 1, kind)
            if kind == _STRING:
                found[name.decode()] = block[start:at].decode()
    except (IndexError, KeyError, struct.error, UnicodeDecodeError):
        at = -1
    if at != len(block):
        raise UpstreamMalformed("The provider's stream has a message with headers that cannot be read.")
    return found


def _value(block: bytes, at: int, kind: int) -> tuple[int, int]:
    """Where a header's value begins and ends. KeyError for a type that there is not."""
    if kind in _MEASURED:
        (size,) = _LENGTH.unpack_from(block, at)
        return at + _LENGTH.size, at + _LENGTH.size + size
    return at, at + _SIZES[kind]
