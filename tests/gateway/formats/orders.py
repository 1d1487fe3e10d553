"""Answers as a model may give them, and what chance does to their streams. The dialects' own wires are in `orders_*`.

Everything is drawn by Hypothesis and shrinks to the plainest: the first of several ways is always the orderly one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from hypothesis import strategies as st

Kind = Literal["text", "thought", "refusal", "call"]
Fields = dict[str, Any]
T = TypeVar("T")

FINISHES = ("stop", "length", "filter")


@dataclass(frozen=True)
class Part:
    """A piece of an answer, in the pieces in which it is said; of a call, those of its arguments."""

    kind: Kind
    pieces: tuple[str, ...]
    name: str = ""
    id: str = ""

    @property
    def whole(self) -> str:
        """All of it."""
        return "".join(self.pieces)


@dataclass(frozen=True)
class Numbers:
    """Tokens: all of the input, what of it came from a cache; all of the output, what of it was thought."""

    input: int
    cached: int
    output: int
    thought: int


@dataclass(frozen=True)
class Answer:
    """What a model says."""

    parts: tuple[Part, ...]
    finish: str
    usage: Numbers | None

    def said(self, *kinds: Kind) -> str:
        """All that was said of these kinds."""
        return "".join(part.whole for part in self.parts if part.kind in kinds)

    @property
    def calls(self) -> list[Part]:
        """What it calls."""
        return [part for part in self.parts if part.kind == "call"]


@dataclass(frozen=True)
class Stream:
    """An answer on the wire of one dialect."""

    answer: Answer
    events: tuple[bytes, ...]
    """The data of its events."""
    end: int
    """The event with which the answer counts as whole: a stream cut before it has failed."""
    orderly: bool = True
    """Its parts come one after another."""
    late_calls: bool = False
    """That a call is whole is told at the end of all: clients that get calls whole get them then."""


class Chance:
    """What may happen to a stream."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw

    def flag(self) -> bool:
        """Whether something is so; as a rule it is not."""
        return bool(self._draw(st.booleans()))

    def one(self, *ways: T) -> T:
        """One of several ways; the first is the orderly one."""
        found: T = self._draw(st.sampled_from(ways))
        return found

    def way(self, *ways: Fields) -> Fields:
        """The same of fields."""
        return self.one(*ways)

    def number(self, low: int, high: int) -> int:
        """A number, both ends included."""
        return int(self._draw(st.integers(low, high)))

    def some(self, ways: Sequence[T]) -> list[T]:
        """Any of them, in their order."""
        return [way for way in ways if self.flag()]

    def merged(self, tracks: Sequence[Sequence[T]]) -> list[T]:
        """All of several tracks, each in its order, beside each other in any."""
        left = [list(track) for track in tracks if track]
        out: list[T] = []
        while left:
            track = left[self.number(0, len(left) - 1)]
            out.append(track.pop(0))
            left = [each for each in left if each]
        return out

    def numbers(self, count: int) -> list[int]:
        """Indexes with gaps, in any order, all different."""
        return list(self._draw(st.lists(st.integers(0, 30), min_size=count, max_size=count, unique=True)))

    def amid(self, events: list[T], junk: Sequence[T], *, first: int = 0, last: int | None = None) -> list[T]:
        """The events, with some that say nothing among them."""
        out = list(events)
        for _ in range(self.number(0, 3)):
            out.insert(self.number(first, len(out) if last is None else last), self.one(*junk))
        return out


_WORDS = st.text(st.sampled_from('ab 0.\n"\\{}[]é漢\u2028\u0085🜁\t:'), min_size=1, max_size=5)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.sampled_from([0.5, -1.25e10]) | _WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_WORDS, inner, max_size=2),
    max_leaves=4,
)
_ARGUMENTS = st.dictionaries(st.sampled_from(["city", "days", "}", 'q"', "é"]), _VALUES, max_size=3)


def texts() -> st.SearchStrategy[tuple[str, ...]]:
    """Something said, in pieces."""
    return st.lists(_WORDS, min_size=1, max_size=3).map(tuple)


@st.composite
def arguments(draw: Callable[[st.SearchStrategy[Any]], Any]) -> tuple[str, ...]:
    """The arguments of a call in pieces; none at all where it has none."""
    fields = draw(_ARGUMENTS)
    text = json.dumps(fields, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1])))
    if not fields and draw(st.booleans()):
        return ()
    places = sorted(draw(st.sets(st.integers(1, len(text) - 1), max_size=4)))
    return tuple(text[start:stop] for start, stop in zip([0, *places], [*places, len(text)], strict=True))


@st.composite
def answers(draw: Callable[[st.SearchStrategy[Any]], Any], *kinds: Kind) -> Answer:
    """An answer of parts of these kinds."""
    parts: list[Part] = []
    least = draw(st.sampled_from((0, 2, 3)))
    for kind in draw(st.lists(st.sampled_from((*kinds, "call")), min_size=least, max_size=5)):  # calls go wrong most
        if kind == "call":
            name = draw(st.sampled_from(["weather", "clock", "sum"]))
            parts.append(Part("call", draw(arguments()), name, f"call_{len(parts)}"))
        else:
            parts.append(Part(kind, draw(texts())))
    finish = draw(st.sampled_from(FINISHES))
    if finish != "stop":  # a call without arguments may have been cut before them
        parts = [replace(part, pieces=('{"a"', ":1}")) if part.whole in ("", "{}") else part for part in parts]
    usage = draw(st.none() | st.builds(_numbers, *[st.integers(1, 10**6)] * 4))
    return Answer(tuple(parts), finish, usage)


def _numbers(fresh: int, cached: int, spoken: int, thought: int) -> Numbers:
    return Numbers(fresh + cached, cached, spoken + thought, thought)


def without_ids(answer: Answer) -> Answer:
    """The same, of a provider that gives its calls no ids."""
    return replace(answer, parts=tuple(replace(part, id="") for part in answer.parts))


def in_tracks(answer: Answer, tracks: Sequence[Sequence[T]], *, beside: bool, chance: Chance) -> list[T]:
    """What the parts of an answer are on the wire: one after another, or calls beside each other and all else."""
    if not beside:
        return [piece for track in tracks for piece in track]
    pairs = list(zip(answer.parts, tracks, strict=True))
    words = [piece for part, track in pairs if part.kind != "call" for piece in track]
    return chance.merged([words, *(track for part, track in pairs if part.kind == "call")])


def framed(events: Sequence[bytes], chance: Chance) -> list[bytes]:
    """Each event as a server-sent one, in any of the ways in which they are sent."""
    newline = chance.one(b"\n", b"\r\n", b"\r")
    field = chance.one(b"data: ", b"data:")
    before = chance.one(b"", b": waiting" + newline + newline, b"event: told" + newline, b"id: 1" + newline)
    return [before + field + event + newline + newline for event in events]


def in_pieces(body: bytes, chance: Chance) -> list[bytes]:
    """The bytes as they may arrive."""
    if len(body) < 2:
        return [body]
    if chance.flag():
        size = chance.one(1, 7, 64)
        return [body[at : at + size] for at in range(0, len(body), size)]
    places = sorted({chance.number(1, len(body) - 1) for _ in range(chance.number(0, 6))})
    return [body[start:stop] for start, stop in zip([0, *places], [*places, len(body)], strict=True)]
