"""Names of one model: with the day of a version and without, with dots and with dashes. Pure.

Providers list `claude-sonnet-4-5-20250929` and are asked for `claude-sonnet-4-5`, or the other way round. What is said
here goes by a list that a provider gave: of a provider whose list is not known nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

LATEST = "-latest"

_DOT = re.compile(r"(?<=\d)\.(?=\d)")
_DAY = re.compile(r"[-@](20\d\d)(-?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])$")
"""`-20250929`, `-2024-08-06`, and Vertex' `@20250929`."""


class Name(NamedTuple):
    """A model id, taken apart."""

    plain: str
    """Lower case, dashes for dots between digits, no version."""
    day: str = ""
    """`20250929`; empty where no version is named."""
    is_latest: bool = False


def take_apart(model: str) -> Name:
    """What a model id is made of."""
    name = _DOT.sub("-", model.lower())
    if found := _DAY.search(name):
        return Name(name[: found.start()], f"{found[1]}{found[3]}{found[4]}")
    if name.endswith(LATEST):
        return Name(name.removesuffix(LATEST), is_latest=True)
    return Name(name)


class Listed:
    """The model ids that one provider lists."""

    __slots__ = ("_dated", "_ids", "_spelt", "_undated")

    def __init__(self, models: Iterable[str]) -> None:
        """Of ids that differ in spelling alone the first one counts."""
        self._ids = dict.fromkeys(models)
        self._spelt: dict[Name, str] = {}
        self._undated: dict[str, str] = {}
        self._dated: dict[str, tuple[str, str]] = {}
        for model in self._ids:
            self._spelt.setdefault(take_apart(model), model)
        for name, model in self._spelt.items():
            if name.day:
                self._dated[name.plain] = max((name.day, model), self._dated.get(name.plain, ("", "")))
            elif not name.is_latest or name.plain not in self._undated:
                self._undated[name.plain] = model

    @property
    def ids(self) -> tuple[str, ...]:
        """All of them, as they are listed."""
        return tuple(self._ids)

    def find(self, model: str) -> str | None:
        """The id under which the provider lists a model; None where it does not.

        Another spelling of the same name; for a name without a version its alias, or else the newest version; for a
        version that is not listed the name without one, but only where no version of it is listed at all: who tells
        versions apart would answer with another one than was asked for.
        """
        name = take_apart(model)
        if (spelt := self._spelt.get(name)) is not None:
            return model if model in self._ids else spelt
        newest = self._dated.get(name.plain)
        if name.day:
            return None if newest else self._undated.get(name.plain)
        return self._undated.get(name.plain) or (newest[1] if newest else None)
