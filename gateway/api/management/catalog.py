"""The providers that the gateway knows by itself, over HTTP: what a client can offer to choose from."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from gateway.catalog.presets import presets
from gateway.management import configuration
from gateway.management.office import Office
from gateway.settings.section import FormatName

from .operation import Asked, Operation
from .paging import Page, PageQuery, cut
from .schemas import Shown


class PresetView(Shown, frozen=True, kw_only=True):
    """A provider of the catalogue."""

    id: Annotated[str, Meta(description="What a provider is called that goes by it.")]
    name: Annotated[str, Meta(description="What people call it.")]
    format: FormatName
    also_speaks: Annotated[tuple[FormatName, ...], Meta(description="Further formats it takes at its address.")]
    base_url: str
    asks_for_key: Annotated[bool, Meta(description="Whether it needs a credential.")]
    variable: Annotated[str | None, Meta(description="Environment variable that usually holds its key.")]
    variables: Annotated[tuple[str, ...], Meta(description="What `variables` of a provider may say.")]
    notes: Annotated[str, Meta(description="What else to know of it: terms, regions.")]
    documentation: Annotated[str, Meta(description="Address of its documentation.")]


async def list_presets(asked: Asked[Office, None, PageQuery]) -> Page[PresetView]:
    """By id."""
    query, after = asked.query, asked.query.after(str)
    rows = [
        PresetView(
            id=name,
            name=preset.name,
            format=preset.format,
            also_speaks=preset.also_speaks,
            base_url=preset.base_url,
            asks_for_key=preset.auth != "none" and preset.needs_key,
            variable=next(iter(preset.secret_variables), preset.env_file) or None,
            variables=tuple(preset.variables),
            notes=preset.notes,
            documentation=preset.docs,
        )
        for name, preset in sorted(presets().items())
        if after is None or name > str(after[0])
    ]
    return cut(rows, query, lambda row: (row.id,), lambda row: row)


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/catalog",
        id="list_catalog",
        summary="List the catalogue",
        description="Providers whose address and format need not be said: adding one of these ids is enough.",
        tag="providers",
        permission=configuration.READ,
        query=PageQuery,
        answer=PresetView,
        paged=True,
        run=list_presets,
    ),
)
