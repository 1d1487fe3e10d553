"""What differs between two values as JSON has them: what is only on one side, what has another value, what stands
elsewhere. Pure.

Lists are held against each other by their equal members. What is on one side only, and is alike on the other side only,
has moved. However large values are, only so much is looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from types import MappingProxyType
from typing import Any, Literal

import orjson

Path = tuple[str | int, ...]
"""Names and places from the outermost value inwards."""

Mark = Literal["removed", "added", "changed", "moved"]

MOST_VALUES = 20_000
"""Of both sides together; with more of them nothing is compared."""

MOST_MEMBERS = 400
"""Of the parts of two lists that are not alike at both ends, together; longer ones are compared place by place."""

DEEPEST = 60

PLAIN = frozenset((b"null", b"true", b"false", b'""', b"0", b"1", b"[]", b"{}"))
"""Values that may be alike by chance: they never move."""

NOTHING: Mapping[Path, Marked] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Marked:
    """What a side has that the other has not, or has otherwise."""

    mark: Mark
    other: Path | None = None
    """Of what has moved, where it stands on the other side."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Marks of both sides, by path."""

    left: Mapping[Path, Marked]
    right: Mapping[Path, Marked]

    @property
    def counts(self) -> Mapping[Mark, int]:
        """How much there is of each, as far as there is any."""
        sides = (*self.left.values(), *(each for each in self.right.values() if each.mark == "added"))
        found = defaultdict[Mark, int](int)
        for each in sides:
            found[each.mark] += 1
        return found


@dataclass(slots=True)
class _Found:
    """Differences, as they are found."""

    removed: dict[Path, Any] = field(default_factory=dict)
    added: dict[Path, Any] = field(default_factory=dict)
    changed: list[tuple[Path, Path]] = field(default_factory=list)


_At = tuple[Path, Any]
"""A value and where it stands."""


def compare(left: Any, right: Any) -> Compared | None:
    """How `right` differs from `left`; None where there is too much of them."""
    if _count(left, MOST_VALUES) + _count(right, MOST_VALUES) > MOST_VALUES:
        return None
    found = _Found()
    _compare(found, ((), left), ((), right), 0)
    ours: dict[Path, Marked] = {path: Marked("removed") for path in found.removed}
    theirs: dict[Path, Marked] = {path: Marked("added") for path in found.added}
    for here, there in found.changed:
        ours[here], theirs[there] = Marked("changed"), Marked("changed")
    for here, there in _moved(found):
        ours[here], theirs[there] = Marked("moved", there), Marked("moved", here)
    return Compared(ours, theirs)


def path_in_words(path: Path) -> str:
    """`messages[0].content`."""
    text = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path)
    return text.removeprefix(".") or "all of it"


def _compare(found: _Found, left: _At, right: _At, depth: int) -> None:
    (here, mine), (there, other) = left, right
    if depth < DEEPEST and isinstance(mine, dict) and isinstance(other, dict):
        _compare_members(found, left, right, depth)
    elif depth < DEEPEST and isinstance(mine, list) and isinstance(other, list):
        _compare_lists(found, left, right, depth)
    elif _key(mine) == _key(other):
        return
    elif isinstance(mine, (dict, list)) or isinstance(other, (dict, list)):
        found.removed[here], found.added[there] = mine, other
    else:
        found.changed.append((here, there))


def _compare_members(found: _Found, left: _At, right: _At, depth: int) -> None:
    (here, mine), (there, other) = left, right
    for name, value in mine.items():
        if name in other:
            _compare(found, ((*here, name), value), ((*there, name), other[name]), depth + 1)
        else:
            found.removed[*here, name] = value
    for name, value in other.items():
        if name not in mine:
            found.added[*there, name] = value


def _compare_lists(found: _Found, left: _At, right: _At, depth: int) -> None:
    (here, mine), (there, other) = left, right
    for at, to, from_, until in _unlike(mine, other):
        # Within a part that is not alike, what stands at the same place is taken for the same member.
        both = min(to - at, until - from_)
        for place in range(both):
            ours, theirs = (*here, at + place), (*there, from_ + place)
            _compare(found, (ours, mine[at + place]), (theirs, other[from_ + place]), depth + 1)
        for place in range(at + both, to):
            found.removed[*here, place] = mine[place]
        for place in range(from_ + both, until):
            found.added[*there, place] = other[place]


def _unlike(mine: Sequence[Any], other: Sequence[Any]) -> Iterator[tuple[int, int, int, int]]:
    """The parts of two lists that are not alike: from where to where in each."""
    ours, theirs = [_key(each) for each in mine], [_key(each) for each in other]
    least, begin = min(len(ours), len(theirs)), 0
    while begin < least and ours[begin] == theirs[begin]:
        begin += 1
    end = 0
    while end < least - begin and ours[-1 - end] == theirs[-1 - end]:
        end += 1
    to, until = len(ours) - end, len(theirs) - end
    if to - begin + until - begin > MOST_MEMBERS:
        yield begin, to, begin, until
        return
    matcher = SequenceMatcher(None, ours[begin:to], theirs[begin:until], autojunk=False)
    for tag, *places in matcher.get_opcodes():
        if tag != "equal":
            at, upto, from_, till = (begin + each for each in places)
            yield at, upto, from_, till


def _moved(found: _Found) -> Iterator[tuple[Path, Path]]:
    """From where to where values have moved: whole, or what is within them."""
    whole = dict(_pairs(found.removed, found.added))
    yield from whole.items()
    gone = {path: value for path, value in found.removed.items() if path not in whole}
    came = {path: value for path, value in found.added.items() if path not in set(whole.values())}
    yield from _pairs(dict(_leaves(gone)), dict(_leaves(came)))


def _pairs(removed: Mapping[Path, Any], added: Mapping[Path, Any]) -> Iterator[tuple[Path, Path]]:
    """Where the same value stands on both sides, and only once on each."""
    gone, came = _by_key(removed), _by_key(added)
    return ((paths[0], came[key][0]) for key, paths in gone.items() if len(paths) == 1 == len(came.get(key, ())))


def _by_key(values: Mapping[Path, Any]) -> Mapping[bytes, list[Path]]:
    found = defaultdict[bytes, list[Path]](list)
    for path, value in values.items():
        if (key := _key(value)) not in PLAIN:
            found[key].append(path)
    return found


def _leaves(values: Mapping[Path, Any]) -> Iterator[tuple[Path, Any]]:
    """What is within values and holds nothing itself."""
    waiting = [*values.items()]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(((*path, name), each) for name, each in value.items())
        elif isinstance(value, list):
            waiting.extend(((*path, at), each) for at, each in enumerate(value))
        else:
            yield path, value


def _key(value: Any) -> bytes:
    """What tells a value from others, whatever the order of its members."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _count(value: Any, most: int) -> int:
    """How many values there are in one, as far as `most`."""
    count, waiting = 0, [value]
    while waiting and count <= most:
        each = waiting.pop()
        count += 1
        if isinstance(each, (dict, list)):
            waiting.extend(each.values() if isinstance(each, dict) else each)
    return count
