"""Combos over HTTP."""

from __future__ import annotations

from gateway.management.configured import ComboView, ComboWish

from .objects import Resource, operations_of
from .patches import patch_of

RESOURCE = Resource(
    kind="combo",
    tag="combos",
    a="a combo",
    some="combos",
    wish=ComboWish,
    change=patch_of(ComboWish, "name"),
    view=ComboView,
    about="A combo is a list of models that are tried one after the other, or by turns.",
)

OPERATIONS = operations_of(RESOURCE)
