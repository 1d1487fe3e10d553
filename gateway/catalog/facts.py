"""What models can do: the operator's word first, then what its provider's own list says, then the tables of `models/`,
one TOML file for each vendor, and at last a registry of models that others keep.

Knows names of models, and nothing of who serves them: what provider and registry say is handed in. A row's patterns are
those of a shell; an earlier row wins, field by field: the first that matches and says something decides it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Struct

from gateway.catalog.presets import Format
from gateway.errors import SettingsError
from gateway.records import ModelFacts

MODELS = Path(__file__).parent / "models"

Said = tuple[str, ModelFacts]
"""A pattern of model ids, and what is said of models it matches."""

_FIELDS = tuple(field.name for field in fields(ModelFacts))
REMEMBERED = 1024
"""Models whose facts are kept at hand."""


class _Row(Struct, frozen=True, forbid_unknown_fields=True):
    """A row of a table before its facts are read."""

    models: tuple[str, ...]
    facts: dict[str, Any]


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    """One file: in which formats its models are spoken to, and what they can do."""

    formats: tuple[Format, ...]
    rows: tuple[_Row, ...]


def facts_of(
    format_name: str,
    model: str,
    said: Sequence[Said] = (),
    *,
    told: ModelFacts | None = None,
    otherwise: ModelFacts | None = None,
) -> ModelFacts:
    """What a model spoken to in a format can do.

    `said` are the operator's patterns in order, `told` is what the provider's own list says of it, `otherwise` what a
    registry does.
    """
    return _found(format_name, model, tuple(said), told, otherwise)


@lru_cache(maxsize=REMEMBERED)
def _found(
    format_name: str, model: str, said: tuple[Said, ...], told: ModelFacts | None, otherwise: ModelFacts | None
) -> ModelFacts:
    known = tables().get(format_name, ())
    name = model.lower()
    matching = [facts for pattern, facts in said if fnmatchcase(model, pattern)]
    matching += [told] if told is not None else []
    matching += [facts for pattern, facts in known if fnmatchcase(name, pattern)]
    matching += [otherwise] if otherwise is not None else []
    return ModelFacts(**{field: value for field in _FIELDS if (value := _first(field, matching)) is not None})


def _first(field: str, matching: Iterable[ModelFacts]) -> Any:
    """What the first of these says of a field; None when none does."""
    values = (getattr(facts, field) for facts in matching)
    return next((value for value in values if value not in (None, ())), None)


@cache
def tables() -> Mapping[str, tuple[Said, ...]]:
    """The catalogue's rows by format, in order; patterns are of lower-case names."""
    return load(MODELS)


def load(directory: Path) -> Mapping[str, tuple[Said, ...]]:
    """The rows of a directory's files by format, in the order of the files' names. Raises SettingsError naming the
    file."""
    found: dict[str, tuple[Said, ...]] = {}
    for path in sorted(directory.glob("*.toml")):
        table = _load_one(path)
        rows = tuple(_said(table, path))
        for name in table.formats:
            found[name] = found.get(name, ()) + rows
    return MappingProxyType(found)


def _load_one(path: Path) -> _Table:
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Table)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"not valid TOML: {error}", file=str(path)) from None
    except msgspec.ValidationError as error:
        raise SettingsError(str(error), file=str(path)) from None


def _said(table: _Table, path: Path) -> Iterator[Said]:
    for row in table.rows:
        if unknown := row.facts.keys() - set(_FIELDS):
            raise SettingsError(f"no such facts: {', '.join(sorted(unknown))}", file=str(path))
        try:
            facts = msgspec.convert(row.facts, ModelFacts)
        except msgspec.ValidationError as error:
            raise SettingsError(f"{row.models[0]}: {error}", file=str(path)) from None
        yield from ((pattern, facts) for pattern in row.models)
