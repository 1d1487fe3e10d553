"""A stream that is one JSON array (Gemini without `alt=sse`), cut into its objects, however the bytes arrive.

Nothing is parsed: only strings and braces are told apart. Forgiving: objects may also stand alone or one after another.
"""

from __future__ import annotations

import re

from gateway.errors import UpstreamMalformed

OBJECT_BYTES = 8 * 1024 * 1024
"""Longest object read. More is taken for a broken provider."""

_STRUCTURE = re.compile(rb'[{}"]')
_STRING_END = re.compile(rb'["\\]')
_BETWEEN = b" \t\r\n,[]\xef\xbb\xbf"


class ArraySplitter:
    """Cuts an array into its objects."""

    __slots__ = ("_depth", "_escaped", "_held", "_in_string")

    def __init__(self) -> None:
        self._held = bytearray()
        """What came of the object that is open."""
        self._depth = 0
        self._in_string = False
        self._escaped = False
        """The last byte was a backslash within a string."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Every object that is complete now. Raises UpstreamMalformed on what is no array of objects, and on an object
        over the limit."""
        objects: list[bytes] = []
        start = at = 0
        while at < len(chunk):
            if not self._depth:
                start = self._begin(chunk, at)
                if start < 0:
                    return objects
                at, self._depth = start + 1, 1
            at = self._advance(chunk, at)
            if not self._depth:
                objects.append(bytes(self._held) + chunk[start:at] if self._held else chunk[start:at])
                self._held.clear()
                start = 0
        if self._depth:
            self._hold(chunk[start:])
        return objects

    def close(self) -> list[bytes]:
        """Nothing: an object that is not complete is none."""
        return []

    def _begin(self, chunk: bytes, at: int) -> int:
        """Where the next object begins, or -1. Only what belongs between objects may stand before it."""
        start = chunk.find(b"{", at)
        if chunk[at : start if start >= 0 else len(chunk)].strip(_BETWEEN):
            raise UpstreamMalformed("The provider's stream is not an array of JSON objects.")
        return start

    def _advance(self, chunk: bytes, at: int) -> int:
        """Past the end of the object, or past the end of the chunk."""
        while at < len(chunk):
            if self._in_string:
                at = self._through_string(chunk, at)
                continue
            found = _STRUCTURE.search(chunk, at)
            if found is None:
                return len(chunk)
            at = found.end()
            mark = found[0]
            if mark == b'"':
                self._in_string = True
            elif mark == b"{":
                self._depth += 1
            else:
                self._depth -= 1
                if not self._depth:
                    return at
        return at

    def _through_string(self, chunk: bytes, at: int) -> int:
        if self._escaped:
            self._escaped = False
            return at + 1
        found = _STRING_END.search(chunk, at)
        if found is None:
            return len(chunk)
        if found[0] == b"\\":
            self._escaped = True
        else:
            self._in_string = False
        return found.end()

    def _hold(self, piece: bytes) -> None:
        self._held += piece
        if len(self._held) > OBJECT_BYTES:
            self._held = bytearray()
            raise UpstreamMalformed(f"The provider's stream has an object of more than {OBJECT_BYTES} bytes.")
