"""Limits of users, teams, models and everybody over HTTP, and how those stand whom they count."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from gateway.errors import InvalidRequest, LimitsUnavailable
from gateway.management import keys, limited
from gateway.management.configured import LimitView, LimitWish
from gateway.management.limited import LimitStandings

from .desk import Desk
from .objects import NAMES, Resource, operations_of
from .operation import Asked, Operation
from .patches import patch_of
from .schemas import Query

TAG = "limits"

RESOURCE = Resource(
    kind="limit",
    tag=TAG,
    a="a limit",
    some="limits",
    wish=LimitWish,
    change=patch_of(LimitWish, "name"),
    view=LimitView,
    about="A request counts for every one that matches. Limits of a single key are said with the key.",
)


class StandingQuery(Query, frozen=True, kw_only=True):
    """Of whom."""

    subject: Annotated[
        str,
        Meta(
            max_length=400,
            description="Id of a user or team, name or id of a key, or `provider/model`. Not needed where all are "
            "counted together.",
        ),
    ] = ""


async def show_rule(asked: Asked[Desk, None, StandingQuery]) -> LimitStandings:
    """One of those whom a limit counts."""
    name, subject = RESOURCE.named(asked), asked.query.subject
    return await limited.show_rule(asked.office, asked.actor, name, subject, asked.office.around.oversight)


async def show_key(asked: Asked[Desk, None, None]) -> LimitStandings:
    """Everything that a request with the key counts against."""
    return await limited.show_key(asked.office, asked.actor, asked.path["id"], asked.office.around.oversight)


async def reset_key(asked: Asked[Desk, None, None]) -> None:
    """From nothing."""
    await limited.reset_key(asked.office, asked.actor, asked.path["id"], asked.office.around.oversight)


OPERATIONS = (
    *operations_of(RESOURCE),
    Operation(
        method="GET",
        path="/api/limits/{name}/standing",
        id="show_limit_standing",
        summary="How somebody stands with a limit",
        description=f"What is used and what is left of it, now. {NAMES}",
        tag=TAG,
        permission=limited.EVERYBODYS,
        query=StandingQuery,
        answer=LimitStandings,
        errors=(InvalidRequest, LimitsUnavailable),
        run=show_rule,
    ),
    Operation(
        method="GET",
        path="/api/keys/{id}/limits",
        id="show_key_limits",
        summary="How a client key stands with its limits",
        description="Its own, and those it shares with others: what is used and what is left, now. A key of the "
        "configuration file goes by its name here.",
        tag="keys",
        permission=f"{keys.READ}|{keys.OWN}",
        answer=LimitStandings,
        errors=(LimitsUnavailable,),
        run=show_key,
    ),
    Operation(
        method="POST",
        path="/api/keys/{id}/limits/reset",
        id="reset_key_limits",
        summary="Count a client key from nothing",
        description="What it has used so far does not count any more against the limits, quotas and budgets that are "
        "its own; those it shares with others stay. For those who look after all keys.",
        tag="keys",
        permission=keys.WRITE,
        status=204,
        errors=(LimitsUnavailable,),
        run=reset_key,
    ),
)
