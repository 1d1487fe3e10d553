"""The model's name as the client knows it, in the place of the provider's own (G-3). All other bytes stay."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import orjson

from . import sse
from .members import STRING, Member, closes, members

ANCHOR_BYTES = 4096
"""Longest stretch that is remembered to find the name again."""

PARTIAL_BYTES = 1024
"""How much of the end of a piece of a long event is looked at for a name that was cut."""

_DATA = re.compile(rb"(?:^|(?<=[\r\n]))data:")


class Place(NamedTuple):
    """Where a dialect says the model's name."""

    key: bytes
    """Its name, quoted."""
    within: bytes = b""
    """The member of an event whose object has it, quoted; empty where the event itself has."""


class Rename:
    """Puts a name in its place in every event of a stream.

    An event is searched member by member, which takes a while. But the bytes from an event's beginning to the name, or
    those from the name to the event's end, mostly stay the same: where they do, they are replaced as they are. Both
    tell as surely as a search that this is no member of something within the event.
    """

    __slots__ = ("_first", "_first_new", "_held", "_known", "_last", "_last_new", "_new", "_place")

    def __init__(self, place: Place, model: str) -> None:
        self._place = place
        self._new = orjson.dumps(model)
        self._first = self._first_new = b""
        """How events begin, up to the name, and the same with the new one; empty where they do not begin alike."""
        self._last = self._last_new = b""
        """How events end, from the name on."""
        self._known = b""
        """The provider's name for the model, as written."""
        self._held = b""
        """The end of a piece of a long event in which a name may have begun."""

    @property
    def known(self) -> bytes:
        """The provider's name for the model, as written; empty before it was seen."""
        return self._known

    def feed(self, events: bytes) -> bytes:
        """Whole events with the name."""
        if events.find(b"\n") >= len(events) - 3:  # one event, of one line
            first = self._first
            if first and events.startswith(first):
                return self._first_new + events[len(first) :]
            return self._renamed(events)
        if self._place.key not in events:
            return events
        end = sse.end_of_event(events)
        begin, rest = self._renamed(events[:end]), events[end:]
        first, key = self._first, self._place.key
        if first and rest.count(key) == rest.count(first) * first.count(key):  # all of them where they always are
            return begin + rest.replace(first, self._first_new)
        events = rest
        return begin + b"".join([self._renamed(event) for event in sse.split_events(events)])

    def feed_piece(self, piece: bytes, *, last: bool) -> bytes:
        """A piece of an event too long to be held. Here the name counts wherever it stands, if it is the one seen
        before."""
        piece, self._held = _name(self._place.key).sub(self._replaced, self._held + piece), b""
        partial = None if last else _cut_name(self._place.key).search(piece, max(len(piece) - PARTIAL_BYTES, 0))
        if partial is not None:
            piece, self._held = piece[: partial.start()], piece[partial.start() :]
        return piece

    def _renamed(self, event: bytes) -> bytes:
        first, last = self._first, self._last
        if first and event.startswith(first):
            return self._first_new + event[len(first) :]
        if last and event.endswith(last):
            return event[: -len(last)] + self._last_new
        return self._searched(event) if self._place.key in event else event

    def _searched(self, event: bytes) -> bytes:
        data = _DATA.search(event)
        if data is None:
            return event
        found = _in_front(event, data.end(), self._place)
        if not found:
            found = [each for each in _named(event, data.end(), self._place) if event.startswith(b'"', each.start)]
        if not found:
            return event
        self._known = event[found[0].start : found[0].end]
        if len(found) == 1 and not self._place.within and event.endswith(sse.EVENT_ENDS):
            self._remember(event, found[0])
        for each in reversed(found):
            event = event[: each.start] + self._new + event[each.end :]
        return event

    def _remember(self, event: bytes, found: Member) -> None:
        """The beginning of an event; when that was no help with the next, its end."""
        if self._first or found.end > ANCHOR_BYTES:
            self._first = b""
            if len(event) - found.key <= ANCHOR_BYTES:
                self._last = event[found.key :]
                self._last_new = event[found.key : found.start] + self._new + event[found.end :]
        else:
            self._last = b""
            self._first, self._first_new = event[: found.end], event[: found.start] + self._new

    def _replaced(self, found: re.Match[bytes]) -> bytes:
        if self._known and found[2] != self._known:
            return found[0]
        self._known = found[2]
        return found[1] + self._new


def renamed_reply(body: bytes, key: bytes, model: str) -> bytes:
    """A whole reply, or its first bytes, with the name the client asked for; as it is where it says none."""
    return rename_reply(body, key, model)[0]


def rename_reply(body: bytes, key: bytes, model: str) -> tuple[bytes, bytes]:
    """The same, and the name that stood there, as written; empty where it says none."""
    at = body.find(key)
    if at < 0:
        return body, b""
    new = orjson.dumps(model)
    only = _name(key).match(body, at) if body.find(key, at + 1) < 0 else None
    if only is None:
        said = (each for each in members(body) if each.name == key and body.startswith(b'"', each.start))
        found = [*islice(said, body.count(key))]
        known = body[found[-1].start : found[-1].end] if found else b""
        for each in reversed(found):
            body = body[: each.start] + new + body[each.end :]
        return body, known
    start, end = only.span(2)
    if not _is_outermost(body, at, end):
        return body, b""
    return (body if only[2] == new else b"".join((body[:start], new, body[end:]))), only[2]


def text_of(name: bytes) -> str:
    """A name as it was written, read; empty where that is no text."""
    try:
        text = orjson.loads(name)
    except orjson.JSONDecodeError:
        return ""
    return text if isinstance(text, str) else ""


def _is_outermost(body: bytes, start: int, end: int) -> bool:
    """Whether the member that stands there is one of the reply itself. The shorter way to a brace tells."""
    if _is_first_level(body, 0, start):
        return True
    if len(body) - end < start:
        return closes(body, end) == 1
    return any(each.key == start for each in members(body))


def _is_first_level(body: bytes, begin: int, at: int) -> bool:
    """Whether one object has begun between the two, and nothing in it."""
    return body.count(b"{", begin, at) == 1 and body.find(b"[", begin, at) < 0


def _in_front(event: bytes, begin: int, place: Place) -> list[Member]:
    """The name where most say it: once, and before anything else in the event is an object or a list."""
    key = place.key
    at = event.find(key, begin)
    if place.within or event.find(key, at + 1) >= 0 or not event.startswith((b"{", b" {"), begin):
        return []
    said = _name(key).match(event, at) if _is_first_level(event, begin, at) else None
    return [Member(key, at, *said.span(2))] if said is not None else []


def _named(event: bytes, at: int, place: Place) -> list[Member]:
    if not place.within:
        return [each for each in members(event, at) if each.name == place.key]
    outer = [each for each in members(event, at) if each.name == place.within]
    return [inner for each in outer for inner in members(event, each.start) if inner.name == place.key]


@lru_cache(maxsize=8)
def _name(key: bytes) -> re.Pattern[bytes]:
    """The member, with all before its value and the value as groups."""
    return re.compile(rb"(%b\s*+:\s*+)(%b)" % (re.escape(key), STRING), re.DOTALL)


@lru_cache(maxsize=8)
def _cut_name(key: bytes) -> re.Pattern[bytes]:
    """The beginning of a member at the very end of the bytes, as far as they go."""
    pattern = rb'(?:\s*+(?::\s*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+\\?)?)?)?'
    for at in range(len(key) - 1, 0, -1):
        pattern = rb"(?:%b%b)?" % (re.escape(key[at : at + 1]), pattern)
    return re.compile(re.escape(key[:1]) + pattern + rb"\Z", re.DOTALL)
