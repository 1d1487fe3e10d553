"""Two bodies held against each other: what differs, in a few words, and marks for both. Pure.

Bodies are JSON or event streams. What is neither, or too large, is not compared, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from web.comparing import Compared, Mark, Marked, Path, compare, path_in_words
from web.folding import DATA, value_of

MOST_CHARACTERS = 1_000_000
"""Of both together."""

FEW = 40
"""Differences that are named."""

ALIKE = "Nothing differs."
CUT = "They are not compared: only the beginning of one is kept."
TOO_LARGE = "They are not compared: there is too much of it."
NO_JSON = "They are not compared: not both are JSON, or a stream that is not too long."
DIALECTS = "They are not compared: no event of one stream is of the kind of one of the other."


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not alike on both sides."""

    mark: Mark
    place: str
    """Where it stands, such as `messages[0].content`."""
    other: str
    """Of what has moved, where it stands on the right."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """How two bodies differ."""

    counts: tuple[tuple[Mark, int], ...] = ()
    differences: tuple[Difference, ...] = ()
    """A few of them."""
    note: str = ""
    """Why nothing was compared, or that nothing differs."""
    left: Mapping[Path, Marked] = field(default_factory=dict)
    right: Mapping[Path, Marked] = field(default_factory=dict)


def contrasted(left: str, right: str, *, is_cut: bool) -> Contrast:
    """How the right body differs from the left one; `is_cut`: only the beginning of one of them is kept. Streams in
    different dialects have nothing in common but words, and are not compared."""
    if why_not := _obstacle(left, right, is_cut=is_cut):
        return Contrast(note=why_not)
    ours, theirs = value_of(left), value_of(right)
    if ours is None or theirs is None:
        return Contrast(note=NO_JSON)
    if (kinds := _shapes(ours)) and (others := _shapes(theirs)) and kinds.isdisjoint(others):
        return Contrast(note=DIALECTS)
    found = compare(ours, theirs)
    if found is None:
        return Contrast(note=TOO_LARGE)
    named = tuple(islice(_differences(found), FEW))
    note = "" if named else ALIKE
    return Contrast(tuple(found.counts.items()), named, note, found.left, found.right)


def _obstacle(left: str, right: str, *, is_cut: bool) -> str:
    """Why nothing need be compared, or can be."""
    if is_cut:
        return CUT
    if left == right:
        return ALIKE
    return TOO_LARGE if len(left) + len(right) > MOST_CHARACTERS else ""


def _shapes(events: Any) -> set[frozenset[str]]:
    """The names of members that events of a stream have; nothing of what is no stream."""
    said = (each.get(DATA, each) for each in events if isinstance(each, dict)) if isinstance(events, list) else ()
    return {frozenset(each) for each in said if isinstance(each, dict)}


def _differences(found: Compared) -> Iterator[Difference]:
    for path, marked in found.left.items():
        other = path_in_words(marked.other) if marked.other is not None else ""
        yield Difference(marked.mark, path_in_words(path), other)
    for path, marked in found.right.items():
        if marked.mark == "added":
            yield Difference(marked.mark, path_in_words(path), "")
