"""What was said in JSON, as a page shows it: folded where it is long, a stream event by event.

Pure. Knows JSON and server-sent events, and nothing of what they mean. What is no JSON is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

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


@dataclass(frozen=True, slots=True)
class Folded:
    """A body: as a tree, or as events, and always as text."""

    text: str
    tree: Node | None = None
    events: tuple[Event, ...] = ()
    more_events: int = 0
    """How many there are beside those."""


def fold(text: str) -> Folded:
    """A body that is text."""
    value = _read(text)
    if isinstance(value, (dict, list)):
        pretty = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
        return Folded(pretty, _Folding().node("", value, 0))
    found = list(_events(text))
    if not found:
        return Folded(text)
    folding = _Folding()
    events = tuple(_event(folding, name, said) for name, said in found[:MOST_EVENTS])
    return Folded(text, None, events, max(len(found) - MOST_EVENTS, 0))


def in_json(value: object) -> Folded:
    """A value that was never text."""
    return fold(orjson.dumps(value).decode())


class _Folding:
    """One body on its way to nodes, at most so many."""

    def __init__(self) -> None:
        self._left = MOST_NODES

    def node(self, name: str, value: Any, depth: int) -> Node | None:
        """The node of a value; None where there are too many."""
        self._left -= 1
        if self._left < 0 or depth > MOST_DEPTH:
            return None
        if isinstance(value, dict):
            return self._branch(name, list(value.items()), depth, ("{", "}"))
        if isinstance(value, list):
            members = [(str(at), each) for at, each in enumerate(value)]
            return self._branch(name, members, depth, ("[", "]"))
        if isinstance(value, str):
            return Node(name, value if len(value) > LONG else _said(value), is_long=len(value) > LONG)
        return Node(name, _said(value))

    def _branch(self, name: str, members: list[tuple[str, Any]], depth: int, marks: tuple[str, str]) -> Node:
        found = [self.node(each, value, depth + 1) for each, value in members]
        children = tuple(child for child in found if child is not None)
        begin, end = marks
        missing = len(found) - len(children)
        text = f"{begin} {len(found)} {end}" if found else begin + end
        if missing:
            text += f", {missing} of them only as text"
        return Node(name, text, children, is_open=depth < OPEN_DEPTH and len(found) <= SHORT)


def _said(value: object) -> str:
    return orjson.dumps(value).decode()


def _read(text: str) -> Any:
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeError):
        return None


def _event(folding: _Folding, name: str, said: str) -> Event:
    value = _read(said)
    tree = folding.node("", value, 1) if isinstance(value, (dict, list)) else None
    kind = value.get("type", "") if isinstance(value, dict) else ""
    return Event(name or (kind if isinstance(kind, str) else ""), said, said[:GLANCE], tree)


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
