"""Client keys over HTTP. What may be done to them, and by whom, is `gateway.management.keys`' business."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from gateway.errors import Conflict
from gateway.management import keys
from gateway.management.keys import KeyFilter, KeyStatus, KeyView, KeyWish, MadeKey
from gateway.management.office import Office

from .operation import Answer, Asked, Operation
from .paging import Page, PageQuery, cut
from .patches import merged, patch_of
from .schemas import Id, Name

TAG = "keys"
SEEN, CHANGED = f"{keys.READ}|{keys.OWN}", f"{keys.WRITE}|{keys.OWN}"


class KeyQuery(PageQuery, frozen=True, kw_only=True):
    """Which keys."""

    status: KeyStatus | None = None
    user_id: Id | None = None
    team_id: Id | None = None
    tag: Name | None = None
    search: Annotated[str, Meta(min_length=1, max_length=100, description="Part of the name.")] | None = None


async def list_keys(asked: Asked[Office, None, KeyQuery]) -> Page[KeyView]:
    """Latest first."""
    query, after = asked.query, asked.query.after(str)
    wanted = KeyFilter(
        status=query.status, user_id=query.user_id, team_id=query.team_id, tag=query.tag, search=query.search
    )
    after_id = None if after is None else str(after[0])
    found = await keys.list_keys(asked.office, asked.actor, wanted, after_id=after_id, limit=query.fetched)
    return cut(found, query, lambda key: (key.id,), lambda key: key)


async def create_key(asked: Asked[Office, KeyWish, None]) -> Answer:
    """The secret is in the answer, and nowhere else afterwards."""
    made = await keys.create_key(asked.office, asked.actor, asked.body)
    return Answer(of=made, version=made.key.version, location=f"/api/keys/{made.key.id}")


async def show_key(asked: Asked[Office, None, None]) -> KeyView:
    """One key."""
    return await keys.get_key(asked.office, asked.actor, asked.path["id"])


async def change_key(asked: Asked[Office, Struct, None]) -> KeyView:
    """The wish is made of the key as it is; whoever changed it in between is not overwritten."""
    before = await keys.get_key(asked.office, asked.actor, asked.path["id"])
    version = before.version if asked.if_match is None else asked.if_match
    wish = merged(KeyWish, before, asked.body)
    return await keys.change_key(asked.office, asked.actor, before.id, wish, version)


async def rotate_key(asked: Asked[Office, None, None]) -> Answer:
    """The former secret is refused from now on."""
    made = await keys.rotate_key(asked.office, asked.actor, asked.path["id"], None)
    return Answer(of=made, version=made.key.version)


async def revoke_key(asked: Asked[Office, None, None]) -> KeyView:
    """What runs with the key ends within a second."""
    return await keys.revoke_key(asked.office, asked.actor, asked.path["id"], asked.if_match)


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/keys",
        id="list_keys",
        summary="List client keys",
        description="Latest first. Members see their own and those of their teams.",
        tag=TAG,
        permission=SEEN,
        query=KeyQuery,
        answer=KeyView,
        paged=True,
        run=list_keys,
    ),
    Operation(
        method="POST",
        path="/api/keys",
        id="create_key",
        summary="Make a client key",
        description="The answer holds the secret, which is not shown again. Members make keys for themselves, and for "
        "teams they are admins of.",
        tag=TAG,
        permission=CHANGED,
        body=KeyWish,
        answer=MadeKey,
        status=201,
        versioned=True,
        idempotent=True,
        errors=(Conflict,),
        run=create_key,
    ),
    Operation(
        method="GET",
        path="/api/keys/{id}",
        id="show_key",
        summary="Show a client key",
        tag=TAG,
        permission=SEEN,
        answer=KeyView,
        versioned=True,
        run=show_key,
    ),
    Operation(
        method="PATCH",
        path="/api/keys/{id}",
        id="change_key",
        summary="Change a client key",
        description="Every worker goes by the change before this answers its next request; streams that the key may no "
        "longer have end within a second.",
        tag=TAG,
        permission=CHANGED,
        body=patch_of(KeyWish),
        answer=KeyView,
        versioned=True,
        errors=(Conflict,),
        run=change_key,
    ),
    Operation(
        method="POST",
        path="/api/keys/{id}/rotate",
        id="rotate_key",
        summary="Give a client key a new secret",
        description="The former secret is refused from then on.",
        tag=TAG,
        permission=CHANGED,
        answer=MadeKey,
        versioned=True,
        idempotent=True,
        errors=(Conflict,),
        run=rotate_key,
    ),
    Operation(
        method="DELETE",
        path="/api/keys/{id}",
        id="revoke_key",
        summary="Revoke a client key",
        description="For good: it stays in lists as revoked, its name is free again, and what runs with it ends within "
        "a second.",
        tag=TAG,
        permission=CHANGED,
        answer=KeyView,
        versioned=True,
        errors=(Conflict,),
        run=revoke_key,
    ),
)
