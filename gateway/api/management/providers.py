"""Providers over HTTP, and whether they answer."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.management import probes
from gateway.management.configured import ProviderView, ProviderWish
from gateway.management.office import Office
from gateway.management.probes import ProbeView, ProbeWish
from gateway.settings.section import FormatName, Identifier, Quirk

from .objects import WRITE, Resource, operations_of
from .operation import Asked, Operation
from .patches import Headers, patch_of
from .probes import ask

TAG = "providers"

Variable = Annotated[str, Meta(max_length=200)]

ProviderChange = msgspec.defstruct(
    "ProviderChange",
    [
        # What was said may be taken back, so that the preset's own holds again.
        ("format", FormatName | None | UnsetType, UNSET),
        ("also_speaks", tuple[FormatName, ...] | None | UnsetType, UNSET),
        ("quirks", tuple[Quirk, ...] | None | UnsetType, UNSET),
        ("variables", dict[Identifier, Variable | None] | UnsetType, UNSET),
        ("headers", Headers | UnsetType, UNSET),
    ],
    bases=(patch_of(ProviderWish, "id", "format", "also_speaks", "quirks", "variables", "headers"),),
    module=__name__,
    namespace={
        "__doc__": "What is to be different. Headers and variables that are not named stay as they are; `null` takes "
        "one away, or takes back what was said of format, further formats and quirks."
    },
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
)

RESOURCE = Resource(
    kind="provider",
    tag=TAG,
    a="a provider",
    some="providers",
    wish=ProviderWish,
    change=ProviderChange,
    view=ProviderView,
    about="A provider is a service or a server with models; its credentials are listed apart.",
)


async def try_provider(asked: Asked[Office, ProbeWish, None]) -> ProbeView:
    """With its first credential, or without one where it has none."""
    return await probes.try_provider(asked.office, asked.actor, asked.path["id"], asked.body, ask)


OPERATIONS = (
    *operations_of(RESOURCE),
    Operation(
        method="POST",
        path="/api/providers/{id}/test",
        id="test_provider",
        summary="Ask a provider",
        description="A real, small request with its first credential, or without one where it has none. What goes "
        "wrong is in the answer.",
        tag=TAG,
        permission=WRITE,
        body=ProbeWish,
        answer=ProbeView,
        run=try_provider,
    ),
)
