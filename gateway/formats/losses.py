"""What a translation could not carry over: dropped, got by other means, or refused. Fields go by the client's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from gateway.errors import UnsupportedParameter


class Losses:
    """The losses of one translation. Readers and writers report; nobody loses anything silently.

    A field is named by its attribute in `neutral.Prompt` or its parts (`temperature`, `stop`, `tool_choice`), for which
    `names` knows the client's word, or directly by the client's path (`tools[0].max_uses`).
    """

    __slots__ = ("_names", "_strict", "dropped", "emulated")

    def __init__(self, names: Mapping[str, str], *, strict: bool = False) -> None:
        self._names = names
        self._strict = strict
        self.dropped: list[str] = []
        """What the provider never hears of, in the client's words, each once."""
        self.emulated: list[str] = []
        """What was got by other means."""

    def name(self, field: str) -> str:
        """The client's word for a field."""
        return self._names.get(field, field)

    def drop(self, field: str) -> None:
        """The field is left out. Raises UnsupportedParameter when the client asked for strictness."""
        if self._strict:
            self.refuse(field)
        self._note(self.dropped, field)

    def drop_unknown(self, path: str) -> None:
        """A field that is known by nothing but the client's own name for it, which is no word of ours, is left out.

        Raises UnsupportedParameter when the client asked for strictness.
        """
        if self._strict:
            raise UnsupportedParameter(f"{path} is not supported by the selected upstream.", param=path)
        if path not in self.dropped:
            self.dropped.append(path)

    def forget(self, field: str) -> None:
        """The field is left out, and strictness does not mind: clients send it back as they got it, and it means nothing
        to another provider than the one it came from."""
        self._note(self.dropped, field)

    def emulate(self, field: str) -> None:
        """The effect of the field is got another way."""
        self._note(self.emulated, field)

    def refuse(self, field: str, why: str = "") -> NoReturn:
        """The request makes no sense without the field. Raises UnsupportedParameter."""
        name = self.name(field)
        raise UnsupportedParameter(why or f"{name} is not supported by the selected upstream.", param=name)

    @property
    def report(self) -> tuple[str, ...]:
        """All losses, for the header and the usage record."""
        return (*self.dropped, *(f"{name} (emulated)" for name in self.emulated))

    def _note(self, where: list[str], field: str) -> None:
        name = self.name(field)
        if name not in where:
            where.append(name)
