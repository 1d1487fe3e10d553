"""Which names and types settings have at which place: the model, asked by path."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from msgspec import inspect

from gateway.settings.locate import KeyPath, spell
from gateway.settings.model import Settings


class Wrong(Exception):
    """Something is wrong at `path`; in which file and line that was said is for the one who knows the sources."""

    def __init__(self, path: KeyPath, message: str) -> None:
        super().__init__(message)
        self.path, self.message = path, message


def kind_at(path: KeyPath) -> inspect.Type:
    """The type of the setting at `path`. Raises Wrong when there is none."""
    kind: inspect.Type = inspect.type_info(Settings)
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
