"""What models cost and what they can do, as models.dev tells it: one list of models for each provider.

Knows lists, rows and the bytes they are kept as. Does not know what models.dev sends (`models_dev`), what of that is
believed (`judging`) nor where the bytes lie. Rows of a list are unpacked when somebody asks for that list.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct, msgpack
from msgspec.structs import astuple

from gateway.records import ModelFacts, Price, Rates

from .spelling import Names

SNAPSHOT = Path(__file__).parent / "snapshot" / "models.msgpack.gz"
"""The registry that this version came with."""

VERSION = 1
"""Of what the bytes mean; others are not read."""

REMEMBERED = 4096
"""Look-ups kept; clients may invent names under a wildcard, so this is bounded."""

Found = TypeVar("Found")

Figures = tuple[int | None, ...]
"""Rates in the order of their fields, without what is None at the end."""


class RegistryUnreadable(ValueError):
    """These bytes are no registry; the message says why."""


class Row(Struct, frozen=True, array_like=True, gc=False):
    """One model of a list. None and False: nobody said."""

    name: str
    rates: Figures | None = None
    """None where the price is not known."""
    tiers: tuple[tuple[int, Figures], ...] = ()
    status: str = ""
    """`alpha`, `beta` or `deprecated`, where it is one."""
    context: int | None = None
    max_input: int | None = None
    max_output: int | None = None
    takes: str = ""
    """Letters for what it takes beside text: `i`mages, `a`udio, `d`ocuments; `?` where nobody said."""
    tools: bool | None = None
    reasoning: bool | None = None

    def price(self, source: str) -> Price | None:
        """What it costs; None where that is not known."""
        if self.rates is None:
            return None
        return Price(_rates(self.rates), tuple((size, _rates(each)) for size, each in self.tiers), source=source)

    def facts(self) -> ModelFacts:
        """What it can do."""
        said = "?" not in self.takes
        return ModelFacts(
            context=self.context,
            max_input=self.max_input,
            max_output=self.max_output,
            images="i" in self.takes if said else None,
            audio="a" in self.takes if said else None,
            documents="d" in self.takes if said else None,
            tools=self.tools,
            thinking="none" if self.reasoning is False else None,
        )


class _Packed(Struct, frozen=True, array_like=True):
    """A registry as bytes."""

    version: int
    date: str
    lists: dict[str, msgspec.Raw]


class Registry:
    """Lists of models by the name of their provider. Of `date`, as YYYY-MM-DD."""

    def __init__(self, date: str, lists: Mapping[str, Iterable[Row]]) -> None:
        self.date = date
        self._rows = {name: {row.name: row for row in rows} for name, rows in lists.items()}
        self._packed: dict[str, msgspec.Raw] = {}
        self._names: dict[str, Names] = {}
        self._found: dict[tuple[str, str], Row | None] = {}

    @classmethod
    def unpack(cls, packed: bytes) -> Registry:
        """A registry from the bytes of `pack`. Raises RegistryUnreadable."""
        try:
            found = msgpack.decode(gzip.decompress(packed), type=_Packed)
        except (OSError, EOFError, zlib.error, msgspec.MsgspecError) as error:
            raise RegistryUnreadable(f"not a registry: {error}") from None
        if found.version != VERSION:
            raise RegistryUnreadable(f"a registry of version {found.version}, not {VERSION}")
        registry = cls(found.date, {})
        registry._packed = found.lists
        return registry

    def pack(self) -> bytes:
        """These lists as bytes, the same for the same lists."""
        lists = {name: msgspec.Raw(msgpack.encode(tuple(self.rows(name).values()))) for name in self.lists()}
        return gzip.compress(msgpack.encode(_Packed(VERSION, self.date, lists)), 9, mtime=0)

    def lists(self) -> tuple[str, ...]:
        """The names of the lists, in order."""
        return tuple(sorted({*self._rows, *self._packed}))

    def rows(self, price_list: str) -> Mapping[str, Row]:
        """The rows of a list by the model's name; none where there is no such list. Raises RegistryUnreadable."""
        if price_list not in self._rows and price_list in self._packed:
            try:
                rows = msgpack.decode(self._packed[price_list], type=tuple[Row, ...])
            except msgspec.MsgspecError as error:
                raise RegistryUnreadable(f"{price_list}: {error}") from None
            self._rows[price_list] = {row.name: row for row in rows}
        return self._rows.get(price_list, {})

    def price(self, price_list: str, model: str) -> Price | None:
        """What a model costs, and by which row; None where nobody knows."""
        row = self._find(price_list, model)
        return None if row is None else row.price(f"models.dev {price_list}/{row.name} of {self.date}")

    def facts(self, price_list: str, model: str) -> ModelFacts | None:
        """What a model can do; None where it is not in the list."""
        row = self._find(price_list, model)
        return None if row is None else row.facts()

    def models(self, price_list: str) -> tuple[str, ...]:
        """The models of a list, in order."""
        return tuple(sorted(self.rows(price_list)))

    def _find(self, price_list: str, model: str) -> Row | None:
        key = (price_list, model)
        if key not in self._found:
            remember(self._found, key, self._look_up(price_list, model))
        return self._found[key]

    def _look_up(self, price_list: str, model: str) -> Row | None:
        rows = self.rows(price_list)
        if model in rows or not rows:
            return rows.get(model)
        if price_list not in self._names:
            self._names[price_list] = Names(rows)
        found = [rows[name] for name in self._names[price_list].find(model)]
        # Of several versions none was asked for by its name: what is true of all of them holds.
        alike = {(row.rates, row.tiers) for row in found}
        return found[-1] if len(alike) == 1 else None


def remember(known: dict[tuple[str, str], Found], key: tuple[str, str], value: Found) -> None:
    """Keep what was found for a key, among a bounded number of others."""
    if len(known) >= REMEMBERED:
        known.clear()
    known[key] = value


@cache
def bundled() -> Registry:
    """The registry that this version came with."""
    return Registry.unpack(SNAPSHOT.read_bytes())


def figures_of(rates: Rates) -> Figures:
    """Rates as a row has them."""
    values = list(astuple(rates))
    while values[-1] is None:
        values.pop()
    return tuple(values)


def _rates(figures: Figures) -> Rates:
    return Rates(*figures)  # type: ignore[arg-type] # the first two are never None
