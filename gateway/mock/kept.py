"""What a provider keeps of one request for later ones: responses by id, with the conversation that led to them.

Knows no format but that a response has an id and output items. Kept as bytes, so that nobody can change it; bounded.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

import orjson

KEPT_RESPONSES = 256
KEPT_BYTES = 16 << 20


class _Bytes(NamedTuple):
    response: bytes
    items: bytes


class Remembered(NamedTuple):
    """A response and the input it answers."""

    response: dict[str, Any]
    items: list[Any]
    """All input items, those of the responses it continues included."""


class Kept:
    """The latest responses."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, _Bytes] = OrderedDict()
        self._bytes = 0

    def keep(self, name: str, remembered: Remembered) -> None:
        """Keeps a response under its id, in place of one that had it; the oldest go when there are too many."""
        self.forget(name)
        kept = _Bytes(*map(orjson.dumps, remembered))
        self._by_id[name] = kept
        self._bytes += _size(kept)
        while self._by_id and (self._bytes > KEPT_BYTES or len(self._by_id) > KEPT_RESPONSES):
            _, oldest = self._by_id.popitem(last=False)
            self._bytes -= _size(oldest)

    def find(self, name: str) -> Remembered | None:
        """The response of this id."""
        kept = self._by_id.get(name)
        return None if kept is None else Remembered(*map(orjson.loads, kept))

    def forget(self, name: str) -> bool:
        """Lets go of a response; whether it was there."""
        kept = self._by_id.pop(name, None)
        if kept is not None:
            self._bytes -= _size(kept)
        return kept is not None

    def find_item(self, name: str) -> dict[str, Any] | None:
        """The output item of this id, in whatever response it was."""
        mark = orjson.dumps(name)
        holding = (orjson.loads(kept.response) for kept in self._by_id.values() if mark in kept.response)
        items = (item for response in holding for item in response.get("output", ()))
        return next((item for item in items if item.get("id") == name), None)


def _size(kept: _Bytes) -> int:
    return len(kept.response) + len(kept.items)
