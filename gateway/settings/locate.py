"""On which line of a TOML text each key stands.

Knows TOML's shape, not its meaning: the text has been read by `tomllib` before, so whatever stands here is well formed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]
"""Where a value is: `("client_keys", 0, "name")`."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\r\n]+")
_STRINGS = (
    re.compile(r'"""(?:\\.|[^\\])*?"""(?:"{0,2})', re.DOTALL),
    re.compile(r"'''.*?'''(?:'{0,2})", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\\n])*"'),
    re.compile(r"'[^'\n]*'"),
)


def locate(text: str) -> dict[KeyPath, int]:
    """The line, from 1, of every table, key and list item of a TOML text that `tomllib` accepts."""
    return _Scanner(text).scan()


def nearest(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    """The line of `path`, or of the closest thing around it; None when nothing of it stands in the text."""
    for end in range(len(path), 0, -1):
        if (line := lines.get(path[:end])) is not None:
            return line
    return None


def spell(path: KeyPath) -> str:
    """A path as people write it: `client_keys[0].name`."""
    spelled = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return spelled.removeprefix(".")


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text, self._position = text, 0
        self._lines: dict[KeyPath, int] = {}
        self._lists: dict[KeyPath, int] = {}
        """How many tables each list of tables has so far."""
        self._counted, self._line = 0, 1

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._take(_BLANK)
        while self._position < len(self._text):
            if self._text.startswith("[", self._position):
                table = self._header()
            else:
                self._pair(table)
            self._take(_BLANK)
        return self._lines

    def _header(self) -> KeyPath:
        brackets = 2 if self._text.startswith("[[", self._position) else 1
        self._position += brackets
        keys = self._keys()
        path = (*self._within(keys[:-1]), keys[-1])
        self._mark(path)
        if brackets == 2:
            self._lists[path] = self._lists.get(path, 0) + 1
        if path in self._lists:
            path = (*path, self._lists[path] - 1)
        self._mark(path)
        self._take(_SPACE)
        self._position += brackets
        return path

    def _within(self, keys: tuple[str, ...]) -> KeyPath:
        """Keys of a header as a path: a list of tables stands for the last one of it."""
        path: KeyPath = ()
        for key in keys:
            path = (*path, key)
            if path in self._lists:
                path = (*path, self._lists[path] - 1)
        return path

    def _pair(self, table: KeyPath) -> None:
        path = table
        for key in self._keys():
            path = (*path, key)
            self._mark(path)
        self._take(_SPACE)
        self._position += 1  # the equals sign
        self._take(_SPACE)
        self._value(path)

    def _keys(self) -> tuple[str, ...]:
        keys: list[str] = []
        while True:
            self._take(_SPACE)
            keys.append(self._key())
            if not self._take(_DOT):
                return tuple(keys)

    def _key(self) -> str:
        if bare := self._take(_BARE_KEY):
            return bare
        return str(tomllib.loads(f"key = {self._string()}")["key"])

    def _value(self, path: KeyPath) -> None:
        self._mark(path)
        match self._text[self._position]:
            case "[":
                self._list(path)
            case "{":
                self._inline_table(path)
            case '"' | "'":
                self._string()
            case _:
                self._take(_SCALAR)

    def _list(self, path: KeyPath) -> None:
        index = 0
        while not self._closes("]"):
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: KeyPath) -> None:
        while not self._closes("}"):
            self._pair(path)

    def _closes(self, bracket: str) -> bool:
        """Pass over an opening bracket or a comma; whether the closing bracket came, which is passed over too."""
        self._take(_BLANK)
        if self._text[self._position] in "[{,":
            self._position += 1
            self._take(_BLANK)
        closes = self._text[self._position] == bracket
        self._position += closes
        return closes

    def _string(self) -> str:
        return next(taken for pattern in _STRINGS if (taken := self._take(pattern)))

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._position)
        taken = found.group() if found else ""
        self._position += len(taken)
        return taken

    def _mark(self, path: KeyPath) -> None:
        self._line += self._text.count("\n", self._counted, self._position)
        self._counted = self._position
        self._lines.setdefault(path, self._line)
