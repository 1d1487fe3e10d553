"""What a translation could not carry over: dropped, got by other means, or refused. Fields go by the client's names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from gateway.errors import UnsupportedParameter

MOST_NAMES = 50
"""Longest report; what goes beyond is counted."""

NAME_CHARACTERS = 100
"""Longest name told in full."""


class Losses:
    """The losses of one translation. Readers and writers report; nobody loses anything silently.

    A field is named by its attribute in `neutral.Prompt` or its parts (`temperature`, `stop`, `tool_choice`), for which
    `names` knows the client's word, or directly by the client's path (`tools[0].max_uses`).
    """

    __slots__ = ("_dropped", "_emulated", "_names", "_strict")

    def __init__(self, names: Mapping[str, str], *, strict: bool = False) -> None:
        self._names = names
        self._strict = strict
        self._dropped: dict[str, None] = {}
        self._emulated: dict[str, None] = {}

    @property
    def dropped(self) -> list[str]:
        """What the provider never hears of, in the client's words, each once, in the order in which it came up."""
        return list(self._dropped)

    @property
    def emulated(self) -> list[str]:
        """What was got by other means."""
        return list(self._emulated)

    def name(self, field: str) -> str:
        """The client's word for a field."""
        return self._names.get(field, field)

    def drop(self, field: str) -> None:
        """The field is left out. Raises UnsupportedParameter when the client asked for strictness."""
        if self._strict:
            self.refuse(field)
        self._note(self._dropped, field)

    def drop_unknown(self, path: str) -> None:
        """A field that is known by nothing but the client's own name for it, which is no word of ours, is left out.

        Raises UnsupportedParameter when the client asked for strictness.
        """
        if self._strict:
            self._refuse(path)
        self._dropped[_short(path)] = None

    def forget(self, field: str) -> None:
        """The field is left out, and strictness does not mind: clients send it back as they got it, and it means
        nothing to another provider than the one it came from."""
        self._note(self._dropped, field)

    def emulate(self, field: str) -> None:
        """The effect of the field is got another way."""
        self._note(self._emulated, field)

    def refuse(self, field: str, why: str = "") -> NoReturn:
        """The request makes no sense without the field. Raises UnsupportedParameter."""
        self._refuse(self.name(field), why)

    @property
    def report(self) -> tuple[str, ...]:
        """All losses, for the header and the usage record; a client that makes up field names makes it no longer."""
        names = (*self._dropped, *(f"{name} (emulated)" for name in self._emulated))
        return names if len(names) <= MOST_NAMES else (*names[:MOST_NAMES], f"and {len(names) - MOST_NAMES} more")

    def _note(self, where: dict[str, None], field: str) -> None:
        where[_short(self.name(field))] = None

    def _refuse(self, name: str, why: str = "") -> NoReturn:
        name = _short(name)
        raise UnsupportedParameter(why or f"{name} is not supported by the selected upstream.", param=name)


def _short(name: str) -> str:
    return name if len(name) <= NAME_CHARACTERS else name[:NAME_CHARACTERS] + "…"


def drop_fields(fields: dict[str, Any], names: Collection[str], losses: Losses) -> dict[str, Any]:
    """A provider's request without fields that it is known to refuse."""
    for name in names:
        if name in fields:
            losses.drop(name)
    return {name: value for name, value in fields.items() if name not in names} if names else fields
