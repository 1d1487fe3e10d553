"""Aliases over HTTP."""

from __future__ import annotations

from gateway.management.configured import AliasView, AliasWish

from .objects import Resource, operations_of
from .patches import patch_of

RESOURCE = Resource(
    kind="alias",
    tag="aliases",
    a="an alias",
    some="aliases",
    wish=AliasWish,
    change=patch_of(AliasWish, "name"),
    view=AliasView,
    about="An alias is another name for a model, or for a combo.",
)

OPERATIONS = operations_of(RESOURCE)
