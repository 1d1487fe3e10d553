"""Names of tools, fitted to what a dialect takes and restored afterwards (TNAME-1, TDEF-6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from .format import ToolRules
from .ids import foreign_characters, marked


class ToolName(Struct, frozen=True):
    """What the client calls a tool, and what kind it declared it as."""

    name: str
    namespace: str = ""
    kind: Literal["function", "custom"] = "function"


class ToolNames(Struct, frozen=True):
    """How to put a provider's calls back into the client's words."""

    restored: Mapping[str, ToolName] = MappingProxyType({})
    """By upstream name; a name that is the client's own is not in it."""


class Naming:
    """The upstream names of one request: pure functions of the order in which they are asked for."""

    def __init__(self, rules: ToolRules) -> None:
        self._rules = rules
        self._given: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()
        self._customs: set[tuple[str, str]] = set()

    def declare(self, name: str, namespace: str, *, custom: bool) -> str:
        """The upstream name of a tool that the request declares."""
        if custom:
            self._customs.add((namespace, name))
        return self.upstream(name, namespace)

    def knows(self, name: str, namespace: str) -> bool:
        """Whether the tool was asked for before."""
        return (namespace, name) in self._given

    def upstream(self, name: str, namespace: str = "") -> str:
        """The upstream name of a tool, the same each time."""
        key = (namespace, name)
        if key not in self._given:
            self._given[key] = self._fitted(f"{namespace}__{name}" if namespace else name)
            self._taken.add(self._given[key])
        return self._given[key]

    def chosen(self, name: str) -> str:
        """The upstream name of a tool that is chosen by name alone, or by namespace and name."""
        if ("", name) in self._given:
            return self._given["", name]
        for (namespace, short), given in self._given.items():
            if name in (short, f"{namespace}__{short}", f"{namespace}.{short}"):
                return given
        return self.upstream(name)

    def names(self) -> ToolNames:
        """What must be restored."""
        restored = {
            given: ToolName(name, namespace, "custom" if (namespace, name) in self._customs else "function")
            for (namespace, name), given in self._given.items()
            if given != name or (namespace, name) in self._customs
        }
        return ToolNames(restored)

    def _fitted(self, name: str) -> str:
        rules = self._rules
        cleaned = foreign_characters(rules.name_characters).sub("_", name) or "_"
        if rules.name_first and not re.match(f"[{rules.name_first}]", cleaned):
            cleaned = f"_{cleaned}"
        fitting = cleaned if len(cleaned) <= rules.name_length else marked(cleaned, name, rules.name_length)
        original = name
        while fitting in self._taken:
            fitting = marked(cleaned, original, rules.name_length)
            original += "#"
        return fitting
