"""Models and the registry over HTTP: what there is to be asked for, what it can do and what it costs."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from gateway.errors import UnknownResource
from gateway.management import models
from gateway.management.models import ModelView, Wanted
from gateway.settings.instants import Moment, write_moment

from .desk import Desk
from .objects import NAMES
from .operation import Asked, Operation
from .paging import Page, PageQuery, cut
from .schemas import Id, Shown

TAG = "models"

SUSPICIOUS = 100
"""Prices that are shown of those that are not believed."""


class ModelQuery(PageQuery, frozen=True, kw_only=True):
    """Which models."""

    provider: Annotated[Id | None, Meta(description="Whose.")] = None
    search: Annotated[str, Meta(min_length=1, max_length=100, description="Part of `provider/model`.")] | None = None
    key: (
        Annotated[str, Meta(min_length=1, max_length=100, description="Name or id of a client key: what it may use.")]
        | None
    ) = None


class RegistryView(Shown, frozen=True, kw_only=True):
    """The list of prices and models, and how fetching it goes."""

    date: Annotated[str, Meta(description="The day its prices are of.")]
    source: Annotated[Literal["bundled", "fetched"], Meta(description="`bundled`: it came with this version.")]
    models: int
    url: Annotated[str | None, Meta(description="Where it was fetched.")]
    confirmed_at: Annotated[Moment | None, Meta(description="When it was last found to be the latest there is.")]
    tried_at: Annotated[Moment | None, Meta(description="When it was last asked for, since the control process began.")]
    error: Annotated[str | None, Meta(description="Why that failed; the last good list stays.")]
    suspicious_count: int
    suspicious: Annotated[
        tuple[str, ...],
        Meta(description=f"Prices that were not believed, so that the former ones hold; the first {SUSPICIOUS}."),
    ]


async def list_models(asked: Asked[Desk, None, ModelQuery]) -> Page[ModelView]:
    """By provider and name."""
    query, after = asked.query, asked.query.after(str, str)
    place = None if after is None else (str(after[0]), str(after[1]))
    wanted = Wanted(provider=query.provider, search=query.search, key=query.key, after=place)
    made = asked.office.around.made
    found = await models.list_models(asked.office, asked.actor, wanted, made=made, limit=query.fetched)
    return cut(found, query, lambda one: (one.provider, one.model), lambda one: one)


async def show_model(asked: Asked[Desk, None, None]) -> ModelView:
    """One of them."""
    return models.show_model(asked.actor, asked.path["provider"], asked.path["model"], asked.office.around.made)


async def show_registry(asked: Asked[Desk, None, None]) -> RegistryView:
    """As this machine has it."""
    state = asked.office.around.registry_state()
    return RegistryView(
        date=state.date,
        source=state.source,
        models=state.models,
        url=state.url,
        confirmed_at=write_moment(state.confirmed_at_us),
        tried_at=write_moment(state.tried_at_us),
        error=state.error,
        suspicious_count=len(state.suspicious),
        suspicious=state.suspicious[:SUSPICIOUS],
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/models",
        id="list_models",
        summary="List models",
        description="Of every provider in use those that its settings name, that it lists itself, or, of one that "
        "does not, that the catalogue has; with what they can do and what they cost.",
        tag=TAG,
        permission=models.READ,
        query=ModelQuery,
        answer=ModelView,
        paged=True,
        errors=(UnknownResource,),
        run=list_models,
    ),
    Operation(
        method="GET",
        path="/api/models/{provider}/{model}",
        id="show_model",
        summary="Show a model",
        description=f"What it can do and what it costs, by which row of which list, mentioned or not. {NAMES}",
        tag=TAG,
        permission=models.READ,
        answer=ModelView,
        run=show_model,
    ),
    Operation(
        method="GET",
        path="/api/registry",
        id="show_registry",
        summary="How the list of prices is doing",
        description="Where it is from, of which day, and what was not believed of it. The job `refresh-prices` fetches "
        "it anew.",
        tag=TAG,
        permission=models.READ,
        answer=RegistryView,
        run=show_registry,
    ),
)
