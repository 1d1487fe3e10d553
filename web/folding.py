"""What was said in JSON, as a page shows it: folded where it is long, a stream event by event.

Pure. Knows JSON and server-sent events, and nothing of what they mean. What is no JSON is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from web.comparing import NOTHING, Marked, Path

MOST_NODES = 3_000
"""Of one body; what comes after them is shown as text alone."""

MOST_DEPTH = 40

MOST_EVENTS = 300
"""Of one stream."""

GLANCE = 200
"""Characters of an event that are seen before it is opened."""

LONG = 400
"""Characters of a text from which on it is folded."""

OPEN_DEPTH = 4
"""How deep objects and lists are open at first."""

SHORT = 12
"""Members up to which they are."""

EVENT, DATA = "event", "data"
"""Of an event: its name, and what it says."""

WITHIN = Marked("changed")
"""Something within an event differs."""

_BREAK = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Node:
    """A value in JSON, with its name in whatever holds it."""

    name: str
    """Empty for the outermost."""
    text: str
    """The value itself; of an object or a list how much is in it."""
    children: tuple[Node, ...] = ()
    is_open: bool = True
    is_long: bool = False
    """Whether it is a text that is folded."""
    marked: Marked | None = None
    """How it differs from what stands beside it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream."""

    name: str
    text: str
    """Its data."""
    glance: str
    """The beginning of it."""
    tree: Node | None
    """The same, where it is JSON."""
    marked: Marked | None = None
    """How it differs from what stands beside it."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A body: as a tree, or as events, and always as text."""

    text: str
    tree: Node | None = None
    events: tuple[Event, ...] = ()
    more_events: int = 0
    """How many there are beside those."""


def fold(text: str, marks: Mapping[Path, Marked] = NOTHING) -> Folded:
    """A body that is text; `marks` tell what of its `value_of` differs from what stands beside it."""
    value, folding = _read(text), _Folding(marks)
    if isinstance(value, (dict, list)):
        pretty = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
        return Folded(pretty, folding.node("", value, 0, ()))
    found = list(_events(text))
    if not found:
        return Folded(text)
    events = tuple(_event(folding, at, name, said) for at, (name, said) in enumerate(found[:MOST_EVENTS]))
    return Folded(text, None, events, max(len(found) - MOST_EVENTS, 0))


def value_of(text: str) -> Any:
    """A body to be compared: a value in JSON, or a list of the events of a stream; None where it is neither."""
    value = _read(text)
    if isinstance(value, (dict, list)):
        return value
    found = list(_events(text))[: MOST_EVENTS + 1]
    if not found or len(found) > MOST_EVENTS:
        return None
    read = ((name, said, _read(said)) for name, said in found)
    return [{EVENT: name, DATA: said if value is None else value} for name, said, value in read]


def in_json(value: object) -> Folded:
    """A value that was never text."""
    return fold(orjson.dumps(value).decode())


class _Folding:
    """One body on its way to nodes, at most so many."""

    def __init__(self, marks: Mapping[Path, Marked]) -> None:
        self._left = MOST_NODES
        self.marks = marks
        self._around = frozenset(path[:length] for path in marks for length in range(len(path)))
        """What holds something that is marked."""

    def node(self, name: str, value: Any, depth: int, path: Path) -> Node | None:
        """The node of a value; None where there are too many."""
        self._left -= 1
        if self._left < 0 or depth > MOST_DEPTH:
            return None
        if isinstance(value, dict):
            return self._branch(Node(name, "{}"), list(value.items()), depth, path)
        if isinstance(value, list):
            return self._branch(Node(name, "[]"), list(enumerate(value)), depth, path)
        is_long = isinstance(value, str) and len(value) > LONG
        return Node(name, value if is_long else _said(value), is_long=is_long, marked=self.marks.get(path))

    def holds(self, path: Path) -> bool:
        """Whether something within a value is marked."""
        return path in self._around

    def _branch(self, empty: Node, members: Sequence[tuple[str | int, Any]], depth: int, path: Path) -> Node:
        found = [self.node(str(each), value, depth + 1, (*path, each)) for each, value in members]
        children = tuple(child for child in found if child is not None)
        missing = len(found) - len(children)
        text = f"{empty.text[0]} {len(found)} {empty.text[1]}" if found else empty.text
        if missing:
            text += f", {missing} of them only as text"
        is_open = path in self._around or (depth < OPEN_DEPTH and len(found) <= SHORT)
        return Node(empty.name, text, children, is_open=is_open, marked=self.marks.get(path))


def _said(value: object) -> str:
    return orjson.dumps(value).decode()


def _read(text: str) -> Any:
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeError):
        return None


def _event(folding: _Folding, at: int, name: str, said: str) -> Event:
    value, path = _read(said), (at, DATA)
    tree = folding.node("", value, 1, path) if isinstance(value, (dict, list)) else None
    kind = value.get("type", "") if isinstance(value, dict) else ""
    marked = folding.marks.get((at,)) or folding.marks.get(path) or folding.marks.get((at, EVENT))
    if marked is None and folding.holds(path):
        marked = WITHIN
    return Event(name or (kind if isinstance(kind, str) else ""), said, said[:GLANCE], tree, marked)


def _events(text: str) -> Iterator[tuple[str, str]]:
    """Names and data of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
    name, lines = "", list[str]()
    for line in (*_BREAK.split(text), ""):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if lines:
                yield name, "\n".join(lines)
            name, lines = "", []
        elif field == "event":
            name = value
        elif field == "data":
            lines.append(value)
