"""Which names and types settings have at which place: the model, asked by path, and values read strictly by it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from gateway.settings.locate import KeyPath, spell
from gateway.settings.model import Settings
from gateway.settings.section import Section

_PLACE = re.compile(r" - at `(?:key in `)?\$(.*?)`+$")
_PART = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_MISSING = re.compile(r"Object missing required field `(.*)`")
_NO_CHOICE = re.compile(r"Invalid enum value '(.*)'")
_TYPES = {
    "`array`": "a list",
    "`object`": "a table",
    "`str`": "text",
    "`int`": "a whole number",
    "`float`": "a number",
    "`bool`": "true or false",
    "`null`": "nothing",
}
"""What msgspec calls a type, and what an operator does."""

S = TypeVar("S", bound=Section)


class Wrong(Exception):
    """Something is wrong at `path`; in which file and line that was said is for the one who knows the sources."""

    def __init__(self, path: KeyPath, message: str) -> None:
        super().__init__(message)
        self.path, self.message = path, message


def convert(values: Any, kind: type[S], within: KeyPath = ()) -> S:
    """Plain values as the table that stands at `within`. Raises Wrong, with a path that begins with `within`."""
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise _understand(str(error), within) from None


def kind_at(path: KeyPath) -> inspect.Type:
    """The type of the setting at `path`. Raises Wrong when there is none."""
    kind = _everything()
    for depth, part in enumerate(path):
        kind = _within(kind, part, path[:depth])
    return kind


def names_at(path: KeyPath) -> tuple[str, ...]:
    """Names that may stand in the table at `path`. Raises Wrong when no table belongs there."""
    kind = kind_at(path)
    if not isinstance(kind, inspect.StructType):
        raise Wrong(path, f"`{spell(path)}` is no table")
    return tuple(one.encode_name for one in kind.fields)


def alternatives(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    """The types a value may have."""
    return tuple(kind.types) if isinstance(kind, inspect.UnionType) else (kind,)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean ...?)` when something known is close, else nothing."""
    close = get_close_matches(name, list(known), n=1)
    return f" (did you mean `{close[0]}`?)" if close else ""


@cache
def _everything() -> inspect.Type:
    """Finding it out takes as long as reading a file of settings."""
    return inspect.type_info(Settings)


def _within(kind: inspect.Type, part: str | int, path: KeyPath) -> inspect.Type:
    match kind:
        case inspect.StructType(fields=fields):
            known = {one.encode_name: one.type for one in fields}
            if part not in known:
                raise Wrong(path, f"unknown name `{part}`{did_you_mean(str(part), known)}")
            kind = known[str(part)]
        case inspect.VarTupleType(item_type=kind):
            if not isinstance(part, int):
                raise Wrong(path, f"`{spell(path)}` is a list: a number belongs here, not `{part}`")
        case _:
            raise Wrong(path, f"`{spell(path)}` has no parts")
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _understand(message: str, within: KeyPath) -> Wrong:
    """msgspec's message as one for operators, and its place as a path."""
    place = _PLACE.search(message)
    path = (*within, *(_path_of(place[1]) if place else ()))
    message = _PLACE.sub("", message)
    if unknown := _UNKNOWN.fullmatch(message):
        return Wrong((*path, unknown[1]), f"unknown name{did_you_mean(unknown[1], names_at(path))}")
    if missing := _MISSING.fullmatch(message):
        return Wrong(path, f"`{missing[1]}` is missing")
    if chosen := _NO_CHOICE.fullmatch(message):
        return Wrong(path, f"expected one of {_choices(path)}{did_you_mean(chosen[1], _choices_at(path))}")
    if "matching regex" in message:
        return Wrong(path, "expected letters, digits, `.`, `_` and `-`, beginning with a letter or digit")
    for said, meant in _TYPES.items():
        message = message.replace(said, meant)
    return Wrong(path, message[0].lower() + message[1:])


def _path_of(place: str) -> KeyPath:
    return tuple(int(index) if index else name for name, index in _PART.findall(place))


def _choices(path: KeyPath) -> str:
    return ", ".join(f"`{choice}`" for choice in _choices_at(path))


def _choices_at(path: KeyPath) -> list[str]:
    literals = [kind for kind in alternatives(kind_at(path)) if isinstance(kind, inspect.LiteralType)]
    return [str(value) for kind in literals for value in kind.values]
