"""A change of some fields, made from the record of all of them.

Knows msgspec's records. What is left out of a patch stays as it is; `null` is a value like any other.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from gateway.settings.section import Pattern

from .schemas import Patch, changes

W = TypeVar("W", bound=Struct)

Headers = dict[Pattern, Annotated[str, Meta(max_length=8000)] | None]
"""Changed one by one, since nobody who sees them knows their values."""


@cache
def patch_of(wish: type[Struct], *without: str) -> type[Patch]:
    """The patch of a record: the same fields, each of which may be left out, but those named."""
    fields = [
        (field.name, field.type | UnsetType, UNSET) for field in structs.fields(wish) if field.name not in without
    ]
    name = f"{wish.__name__.removesuffix('Wish')}Change"
    documentation = f"What is to be different. {(wish.__doc__ or '').partition('. ')[0]}".strip()
    made = msgspec.defstruct(
        name,
        fields,
        bases=(Patch,),
        module=__name__,
        namespace={"__doc__": documentation},
        frozen=True,
        kw_only=True,
        omit_defaults=True,
        forbid_unknown_fields=True,
    )
    assert issubclass(made, Patch)
    return made


def given(patch: Struct) -> dict[str, Any]:
    """What a patch sets, by name, as plain values."""
    assert isinstance(patch, Patch)
    said: dict[str, Any] = msgspec.to_builtins(changes(patch))
    return said


def merged(wish: type[W], before: Struct, patch: Struct) -> W:
    """The wish that a record is after a patch."""
    kept = {name: getattr(before, name) for name in wish.__struct_fields__}
    return msgspec.convert({**msgspec.to_builtins(kept), **given(patch)}, wish)
