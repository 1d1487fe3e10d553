"""Where the members of a JSON object stand in its bytes. Only strings and brackets are told apart: nothing is parsed.

The data of a server-sent event may go over several lines, so `data:` counts as a blank. Meant for what is known or
hoped to be JSON: of anything else come fewer members, never an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
"""A JSON string; possessive, for a pattern that may go back remembers every character of it."""

_BLANK = rb"(?:\s|data:)*+"
_BEGIN = re.compile(_BLANK + rb"\{")
_KEY = re.compile(rb"(?:[\s,]|data:)*+(%b)%b:%b" % (STRING, _BLANK, _BLANK), re.DOTALL)
_STRING = re.compile(STRING, re.DOTALL)
_SCALAR = re.compile(rb"[^\s,{}\[\]\"]++")
_MARK = re.compile(STRING + rb"|[{}\[\]]", re.DOTALL)
_BEFORE = re.compile(rb",\s*+\Z")
_BEHIND = re.compile(rb"\s*+,\s*+")


class Member(NamedTuple):
    """A member: `body[key:]` begins with its name, `body[start:end]` is its value."""

    name: bytes
    """As written, with its quotes."""
    key: int
    start: int
    end: int


def members(body: bytes, at: int = 0) -> Iterator[Member]:
    """The members of the object that begins at `at`, in their order, until its end or what is no JSON."""
    begin = _BEGIN.match(body, at)
    at = begin.end() if begin is not None else len(body)
    while (key := _KEY.match(body, at)) is not None:
        at = _value_end(body, key.end())
        if at < 0:
            return
        yield Member(key[1], key.start(1), key.end(), at)


def without(body: bytes, member: Member) -> bytes:
    """`body` without a member and the comma that belongs to it."""
    before = _BEFORE.search(body, max(member.key - 64, 0), member.key)
    if before is not None:
        return body[: before.start()] + body[member.end :]
    behind = _BEHIND.match(body, member.end)
    return body[: member.key] + body[behind.end() if behind is not None else member.end :]


def closes(body: bytes, at: int) -> int:
    """How many more objects and arrays end behind `at` than begin there: in how many of them a member stands."""
    marks = [mark[0] for mark in _MARK.finditer(body, at)]
    return sum(map((b"}", b"]").count, marks)) - sum(map((b"{", b"[").count, marks))


def _value_end(body: bytes, start: int) -> int:
    first = body[start : start + 1]
    if first == b'"':
        return _end_of(_STRING.match(body, start))
    if first not in (b"{", b"["):
        return _end_of(_SCALAR.match(body, start))
    depth = 0
    for mark in _MARK.finditer(body, start):
        if mark[0] in (b"{", b"["):
            depth += 1
        elif mark[0] in (b"}", b"]"):
            depth -= 1
            if not depth:
                return mark.end()
    return -1


def _end_of(found: re.Match[bytes] | None) -> int:
    return found.end() if found is not None else -1
