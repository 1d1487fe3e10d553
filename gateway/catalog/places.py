"""Places in the addresses of presets, such as `{region}`, and what may stand there.

Knows values only as texts that must match a pattern: nobody gets a provider's secrets sent elsewhere by a value that is
more than a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

PLACE = re.compile(r"\{([a-z_]+)\}")

LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
"""A part of a host name: no dot, no slash, nothing that ends the host."""


class Variable(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What may stand in a place of a provider's address or paths."""

    about: str
    """What it is, for people."""
    env: str | tuple[str, ...] = ()
    """Environment variables that usually hold it, the first that is set counts."""
    default: str = ""
    """What stands there where nobody says; empty where somebody must."""
    pattern: str = LABEL
    """What the whole of it must match."""

    @property
    def names(self) -> tuple[str, ...]:
        """The environment variables, in the order in which they are tried."""
        return (self.env,) if isinstance(self.env, str) else self.env

    def value(self, said: str, environ: Mapping[str, str]) -> str:
        """What stands there; empty where nobody says."""
        return next((each for each in (said, *self._around(environ), self.default) if each), "")

    def _around(self, environ: Mapping[str, str]) -> Iterator[str]:
        return (environ.get(name, "").strip() for name in self.names)

    def check(self, name: str, value: str) -> None:
        """Raises ValueError where nothing stands there, or what does not fit."""
        if not value:
            hint = f", or {self.names[0]} in the environment" if self.names else ""
            raise ValueError(f"set `variables.{name}`{hint}: {self.about}")
        if not re.fullmatch(self.pattern, value, re.ASCII):
            raise ValueError(f"`variables.{name}` must match {self.pattern}: {self.about}")

    def wrong(self) -> str:
        """What is wrong with it; empty where nothing is."""
        try:
            pattern = re.compile(self.pattern)
        except re.error as error:
            return f"no pattern: {error}"
        return "the default does not match the pattern" if self.default and not pattern.fullmatch(self.default) else ""


class Place(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A place that follows from a variable: some of its values are written otherwise there."""

    of: str
    values: Mapping[str, str]
    """What stands there by the variable's value."""
    otherwise: str
    """What stands there for any other value; it may have places itself."""


def filled(text: str, values: Mapping[str, str], places: Mapping[str, Place]) -> str:
    """An address with a value in each of its places. KeyError for one that has none."""
    written = dict(values)
    for name, place in places.items():
        form = place.values.get(values[place.of], place.otherwise)
        written[name] = PLACE.sub(lambda found: values[found[1]], form)
    return PLACE.sub(lambda found: written[found[1]], text)
