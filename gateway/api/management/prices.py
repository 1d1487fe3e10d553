"""Price overrides over HTTP."""

from __future__ import annotations

from gateway.management.configured import PriceView, PriceWish

from .objects import Resource, operations_of
from .patches import patch_of

RESOURCE = Resource(
    kind="price",
    tag="prices",
    a="a price",
    some="prices",
    wish=PriceWish,
    change=patch_of(PriceWish, "model"),
    view=PriceView,
    about="The first one whose pattern matches a model counts; the catalogue knows the prices of the others.",
)

OPERATIONS = operations_of(RESOURCE)
