"""Rests over HTTP: what is not used for now, and using it again before its time."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from gateway.errors import UnknownResource
from gateway.management import rests
from gateway.management.rests import CredentialStanding, Ended, Pool, ProviderStanding, RestView, Tried, TryWish
from gateway.pools.board import Which

from .desk import Desk
from .operation import Asked, Operation
from .paging import Page, PageQuery, cut
from .probes import ask
from .schemas import Id, Query

TAG = "rests"

ModelName = Annotated[str, Meta(min_length=1, max_length=400)]


class RestQuery(PageQuery, frozen=True, kw_only=True):
    """Which rests."""

    provider: Annotated[Id | None, Meta(description="Whose.")] = None


class WhichQuery(Query, frozen=True, kw_only=True):
    """What is to be used again."""

    provider: Annotated[Id, Meta(description="Whose rests.")]
    credential: Annotated[Id | None, Meta(description="Those of one of its credentials, whatever the model.")] = None
    model: Annotated[
        ModelName | None,
        Meta(description="Those for this model: with the credential, or with all of them and as a target."),
    ] = None


async def list_rests(asked: Asked[Desk, None, RestQuery]) -> Page[RestView]:
    """By provider, credential and model."""
    query, after = asked.query, asked.query.after(str, str, str, str)
    around = asked.office.around
    found = rests.list_rests(asked.actor, around.made.providers, around.oversight.board, asked.office.now_us)
    wanted = [
        one
        for one in found
        if query.provider in (None, one.provider) and (after is None or rests.place_of(one) > tuple(map(str, after)))
    ]
    return cut(wanted, query, rests.place_of, lambda one: one)


async def end_rests(asked: Asked[Desk, None, WhichQuery]) -> Ended:
    """At once, for every worker of this machine."""
    query, around = asked.query, asked.office.around
    rests.find_provider(around.made.providers, query.provider)
    which = Which(query.provider, query.credential, query.model)
    return await rests.end_rests(asked.office, asked.actor, which, around.oversight.board)


async def try_now(asked: Asked[Desk, TryWish, None]) -> Tried:
    """By a request of our own, or by the next one of a client."""
    around, wish = asked.office.around, asked.body
    provider = rests.find_provider(around.made.providers, wish.provider)
    if wish.credential is not None:
        rests.find_credential(provider, wish.credential)
    return await rests.try_now(asked.office, asked.actor, wish, Pool(provider, around.oversight.board), ask)


async def show_provider(asked: Asked[Desk, None, None]) -> ProviderStanding:
    """All of its credentials, and what breakers say."""
    around = asked.office.around
    provider = rests.find_provider(around.made.providers, asked.path["id"])
    return rests.show_provider(asked.actor, provider, around.oversight.board, asked.office.now_us)


async def show_credential(asked: Asked[Desk, None, None]) -> CredentialStanding:
    """One of them."""
    around = asked.office.around
    provider = rests.find_provider(around.made.providers, asked.path["provider"])
    board, now_us = around.oversight.board, asked.office.now_us
    return rests.show_credential(asked.actor, provider, asked.path["name"], pools=board, now_us=now_us)


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/rests",
        id="list_rests",
        summary="List what rests",
        description="Credentials, models with a credential, and targets that are not used for now, each with its "
        "reason and when that ends.",
        tag=TAG,
        permission=rests.READ,
        query=RestQuery,
        answer=RestView,
        paged=True,
        run=list_rests,
    ),
    Operation(
        method="DELETE",
        path="/api/rests",
        id="end_rests",
        summary="End rests",
        description="Whatever is meant is used again at once, by every worker of this machine.",
        tag=TAG,
        permission=rests.WRITE,
        query=WhichQuery,
        answer=Ended,
        errors=(UnknownResource,),
        run=end_rests,
    ),
    Operation(
        method="POST",
        path="/api/rests/probe",
        id="try_rests",
        summary="Try what rests",
        description="With a `model`: a real, small request, and when it is answered the rest is over. Without: the "
        "next request of a client may try what rests, and ends the rest when it is answered.",
        tag=TAG,
        permission=rests.WRITE,
        body=TryWish,
        answer=Tried,
        errors=(UnknownResource,),
        run=try_now,
    ),
    Operation(
        method="GET",
        path="/api/providers/{id}/standing",
        id="show_provider_standing",
        summary="How a provider is doing",
        description="Of each credential: requests under way, latency, what is left of rate limits, and its rests, as "
        "this machine knows them.",
        tag="providers",
        permission=rests.READ,
        answer=ProviderStanding,
        run=show_provider,
    ),
    Operation(
        method="GET",
        path="/api/credentials/{provider}/{name}/standing",
        id="show_credential_standing",
        summary="How a credential is doing",
        description="Requests under way, latency, what is left of rate limits, and its rests, as this machine knows "
        "them.",
        tag="credentials",
        permission=rests.READ,
        answer=CredentialStanding,
        run=show_credential,
    ),
)
