"""What was said, before it is understood: one tree of plain values, and where each was said.

Knows the file, the `SLUICEGATE_*` variables and the options of the command line, in rising order. Does not judge
values: it only reads them as what the settings want there (text, a number, a list).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from gateway.errors import SettingsError
from gateway.settings.locate import KeyPath, locate, nearest, spell
from gateway.settings.model import Settings
from gateway.settings.shape import Wrong, alternatives, kind_at, names_at

PREFIX = "SLUICEGATE_"
SEPARATOR = "__"

OPTIONS: dict[str, KeyPath] = {
    "--listen": ("server", "listen"),
    "--workers": ("server", "workers"),
    "--data-dir": ("server", "data_dir"),
}
"""Options of the command line that are settings; they win over everything else."""

_PLACE_IN_MESSAGE = re.compile(r" \(at line (\d+), column (\d+)\)$")

_NUMBERS: tuple[tuple[type[inspect.Type], type[object], str], ...] = (
    (inspect.IntType, int, "a whole number"),
    (inspect.FloatType, float, "a number"),
    (inspect.BoolType, bool, "true or false"),
)


@dataclass
class Sources:
    """The tree of values and the place of each."""

    file: Path | None
    values: dict[str, Any] = field(default_factory=dict)
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    """Lines of the file."""
    named: dict[KeyPath, str] = field(default_factory=dict)
    """Variables and options that said a value."""

    def error(self, wrong: Wrong) -> SettingsError:
        """The error an operator reads: it names the variable or option, else file, line and key."""
        if name := self._name(wrong.path):
            return SettingsError(wrong.message, key=name)
        file = str(self.file) if self.file else None
        return SettingsError(wrong.message, file=file, line=nearest(self.lines, wrong.path), key=spell(wrong.path))

    def place(self, path: KeyPath) -> str:
        """Where the value at `path` was said: a variable, an option, or file and line."""
        if name := self._name(path):
            return name
        line = nearest(self.lines, path)
        name = self.file.name if self.file else ""
        return f"{name}:{line}" if line else name

    def directory(self, path: KeyPath) -> Path:
        """What a relative file name said at `path` is relative to: the file's directory, else the working directory."""
        from_file = self.file and path in self.lines and not self._name(path)
        return self.file.parent if self.file and from_file else Path()

    def _name(self, path: KeyPath) -> str | None:
        """The variable or option that said the value at `path`: it, something around it, or all there is of it."""
        around = (self.named.get(path[:end]) for end in range(len(path), 0, -1))
        within = (name for place, name in self.named.items() if place[: len(path)] == path and path not in self.lines)
        return next((name for name in (*around, *within) if name), None)


def gather(path: Path | None, environ: Mapping[str, str], options: Mapping[str, str]) -> Sources:
    """Everything that was said; `options` by their names (`OPTIONS`). Raises SettingsError for what cannot be read."""
    sources = _read(path) if path else Sources(file=None)
    for place, name, text in sorted(_variables(environ), key=lambda said: _order(said[0])):
        _say(sources, place, name, text)
    for name, text in options.items():
        _say(sources, OPTIONS[name], name, text)
    return sources


def _read(path: Path) -> Sources:
    try:
        text = path.read_bytes().decode()
        return Sources(file=path, values=tomllib.loads(text), lines=locate(text.replace("\r\n", "\n")))
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", file=str(path)) from None
    except UnicodeDecodeError:
        raise SettingsError("is not UTF-8 text", file=str(path)) from None
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(path, str(error)) from None


def _not_toml(path: Path, message: str) -> SettingsError:
    if place := _PLACE_IN_MESSAGE.search(message):
        message = f"{message[: place.start()]} (column {place[2]})"
    return SettingsError(f"not valid TOML: {message}", file=str(path), line=int(place[1]) if place else None)


def _variables(environ: Mapping[str, str]) -> Iterable[tuple[KeyPath, str, str]]:
    """Path, name and text of every variable that is a setting."""
    for name, text in environ.items():
        if not name.startswith(PREFIX):
            continue
        words = name.removeprefix(PREFIX).lower().split(SEPARATOR)
        if len(words) > 1 or words[0] in Settings.__struct_fields__:
            yield tuple(int(word) if word.isdecimal() else word for word in words), name, text
        elif meant := _FLAT_NAMES.get(words[0]):
            raise SettingsError(f"is not a setting (did you mean `{meant}`?)", key=name)


def _flat_names() -> Iterable[tuple[str, str]]:
    """Names with one underscore where two belong: a mistake that would otherwise pass in silence."""
    for section in names_at(()):
        with suppress(Wrong):
            for setting in names_at((section,)):
                yield f"{section}_{setting}", f"{PREFIX}{section}{SEPARATOR}{setting}".upper()


_FLAT_NAMES = dict(_flat_names())


def _order(path: KeyPath) -> tuple[tuple[bool, int, str], ...]:
    """Whole values before their parts, list items by number."""
    return tuple((isinstance(part, int), part if isinstance(part, int) else 0, str(part)) for part in path)


def _say(sources: Sources, path: KeyPath, name: str, text: str) -> None:
    """Put a value said in text into the tree, read as what belongs there."""
    try:
        _put(sources.values, path, _understand(kind_at(path), text))
    except Wrong as wrong:
        raise SettingsError(wrong.message, key=name) from None
    sources.named = {place: said for place, said in sources.named.items() if place[: len(path)] != path}
    sources.named[path] = name


def _understand(kind: inspect.Type, text: str) -> Any:
    for one in alternatives(kind):
        if isinstance(one, inspect.StrType | inspect.LiteralType):
            return text
        for number, python_type, called in _NUMBERS:
            if isinstance(one, number):
                return _read_number(text, python_type, called)
    return _read_value(text)


def _read_number(text: str, python_type: type[object], called: str) -> object:
    try:
        return msgspec.convert(text.strip(), python_type, strict=False)
    except msgspec.ValidationError:
        raise Wrong((), f"expected {called}") from None


def _read_value(text: str) -> Any:
    """A list or table, as JSON or as TOML writes values."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        pass
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        raise Wrong((), "expected a list or table, written as in JSON or TOML") from None


def _put(values: dict[str, Any], path: KeyPath, value: Any) -> None:
    """Set the value at `path`, making the tables and lists around it. Raises Wrong where something else stands."""
    inside: Any = values
    for depth, part in enumerate(path):
        _make_room(inside, part, path[:depth])
        if depth == len(path) - 1:
            inside[part] = value
        elif inside[part] is None:
            inside[part] = [] if isinstance(path[depth + 1], int) else {}
        inside = inside[part]


def _make_room(inside: Any, part: str | int, path: KeyPath) -> None:
    match inside:
        case dict():
            inside.setdefault(part, None)
        case list() if isinstance(part, int) and part <= len(inside):
            if part == len(inside):
                inside.append(None)
        case list():
            raise Wrong(path, f"`{spell(path)}` has {len(inside)} items so far: the next number is {len(inside)}")
        case _:
            raise Wrong(path, f"`{spell(path)}` is neither a table nor a list")
