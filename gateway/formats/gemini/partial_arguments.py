"""Arguments that arrive in pieces, each with the path it belongs to (Vertex's streamed function calls).

Shape: https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling (`partialArgs`).
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from gateway.formats.format import Fields

MOST_STEPS = 60
"""Levels of a path, and"""
MOST_ENTRIES = 10_000
"""places of a list: what is beyond is left out."""

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d{1,9})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]""")
_VALUES = ("stringValue", "numberValue", "boolValue")

_Step = str | int


class PartialArguments:
    """The arguments of one call, so far."""

    __slots__ = ("_continues", "whole")

    def __init__(self, whole: Fields) -> None:
        self.whole = whole
        self._continues = ""
        """Path of a string of which more comes."""

    def add(self, piece: Any) -> None:
        """One piece; what is none is ignored."""
        if not isinstance(piece, dict):
            return
        path = piece.get("jsonPath")
        steps = _steps(path) if isinstance(path, str) else []
        known = [name for name in _VALUES if name in piece]
        if not steps or not (known or "nullValue" in piece):
            return
        value = piece[known[0]] if known else None
        _put(self.whole, steps, value, append=isinstance(value, str) and self._continues == path)
        self._continues = path if piece.get("willContinue") is True and isinstance(path, str) else ""


def _steps(path: str) -> list[_Step]:
    """`$.a[0]['b']` as its steps; none where that is no path."""
    if not path.startswith("$"):
        return []
    steps: list[_Step] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None or len(steps) == MOST_STEPS:
            return []
        name, index, single, double = found.groups()
        steps.append(int(index) if index is not None else name or _unescaped(single or double or ""))
        at = found.end()
    return steps


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _put(root: Fields, steps: list[_Step], value: Any, *, append: bool) -> None:
    """Set the value at its path, making what lies on the way; a string may go on."""
    place: Any = root
    for step, following in pairwise(steps):
        inner = _get(place, step)
        wanted = list if isinstance(following, int) else dict
        if not isinstance(inner, wanted):
            inner = wanted()
            if not _set(place, step, inner):
                return
        place = inner
    before = _get(place, steps[-1])
    _set(place, steps[-1], before + value if append and isinstance(before, str) else value)


def _get(place: Any, step: _Step) -> Any:
    if isinstance(place, dict):
        return place.get(step) if isinstance(step, str) else None
    return place[step] if isinstance(step, int) and step < len(place) else None


def _set(place: Any, step: _Step, value: Any) -> bool:
    """Whether there is such a place."""
    if isinstance(place, dict) and isinstance(step, str):
        place[step] = value
        return True
    if not isinstance(place, list) or not isinstance(step, int) or step >= MOST_ENTRIES:
        return False
    place.extend([None] * (step + 1 - len(place)))
    place[step] = value
    return True
