"""Users over HTTP. Who may change whom is `gateway.management.people`' business."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from gateway.errors import Conflict, TooManyAttempts
from gateway.management import login, openid, people
from gateway.management.links import LinkView, LinkWish
from gateway.management.login import OwnPassword
from gateway.management.office import Office
from gateway.management.openid import IdentityView
from gateway.management.people import MadeUser, NewUser, UserFilter, UserView, UserWish
from gateway.settings.section import RoleName

from .operation import SIGNED_IN, Answer, Asked, Operation
from .paging import Page, PageQuery, cut
from .patches import merged, patch_of
from .schemas import Shown

TAG = "users"
USER = "/api/users/{id}"


class UserQuery(PageQuery, frozen=True, kw_only=True):
    """Which users."""

    role: RoleName | None = None
    disabled: bool | None = None
    search: (
        Annotated[str, Meta(min_length=1, max_length=100, description="Part of the name or of the e-mail address.")]
        | None
    ) = None


class Identities(Shown, frozen=True, kw_only=True):
    """The logins at OpenID providers that lead to a user."""

    items: tuple[IdentityView, ...]


async def list_users(asked: Asked[Office, None, UserQuery]) -> Page[UserView]:
    """Latest first."""
    query, after = asked.query, asked.query.after(str)
    wanted = UserFilter(role=query.role, disabled=query.disabled, search=query.search)
    after_id = None if after is None else str(after[0])
    found = await people.list_users(asked.office, asked.actor, wanted, after_id=after_id, limit=query.fetched)
    return cut(found, query, lambda user: (user.id,), lambda user: user)


async def create_user(asked: Asked[Office, NewUser, None]) -> Answer:
    """The link, if there is one, is in the answer and nowhere else."""
    made = await people.create_user(asked.office, asked.actor, asked.body)
    return Answer(of=made, version=made.user.version, location=f"/api/users/{made.user.id}")


async def show_user(asked: Asked[Office, None, None]) -> UserView:
    """One user, or oneself."""
    return await people.get_user(asked.office, asked.actor, asked.path["id"])


async def change_user(asked: Asked[Office, Struct, None]) -> UserView:
    """The wish is made of the user as they are; whoever changed them in between is not overwritten."""
    before = await people.get_user(asked.office, asked.actor, asked.path["id"])
    version = before.version if asked.if_match is None else asked.if_match
    wish = merged(UserWish, before, asked.body)
    return await people.change_user(asked.office, asked.actor, before.id, wish, version)


async def delete_user(asked: Asked[Office, None, None]) -> None:
    """Users with client keys stay: disable them."""
    await people.delete_user(asked.office, asked.actor, asked.path["id"], asked.if_match)


async def make_password_link(asked: Asked[Office, LinkWish, None]) -> LinkView:
    """For a user who cannot log in any more."""
    return await people.make_password_link(asked.office, asked.actor, asked.path["id"], asked.body)


async def list_identities(asked: Asked[Office, None, None]) -> Identities:
    """All of them: there are few."""
    return Identities(items=tuple(await openid.list_identities(asked.office, asked.actor, asked.path["id"])))


async def disconnect(asked: Asked[Office, None, None]) -> None:
    """The next login there may make another user."""
    path = asked.path
    await openid.disconnect(asked.office, asked.actor, path["id"], path["provider"], path["subject"])


async def change_password(asked: Asked[Office, OwnPassword, None]) -> UserView:
    """All other sessions end."""
    return await login.change_password(asked.office, asked.actor, asked.body)


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/users",
        id="list_users",
        summary="List users",
        tag=TAG,
        permission=people.READ,
        query=UserQuery,
        answer=UserView,
        paged=True,
        run=list_users,
    ),
    Operation(
        method="POST",
        path="/api/users",
        id="create_user",
        summary="Make a user",
        description="With a password, with a hash from elsewhere, or with a link by which they choose one.",
        tag=TAG,
        permission=people.WRITE,
        body=NewUser,
        answer=MadeUser,
        status=201,
        versioned=True,
        idempotent=True,
        errors=(Conflict,),
        run=create_user,
    ),
    Operation(
        method="GET",
        path=USER,
        id="show_user",
        summary="Show a user",
        description="Everybody may see themselves.",
        tag=TAG,
        permission=SIGNED_IN,
        answer=UserView,
        versioned=True,
        run=show_user,
    ),
    Operation(
        method="PATCH",
        path=USER,
        id="change_user",
        summary="Change a user",
        description="Whoever is disabled or gets another role is signed out; the client keys of whoever is disabled "
        "or made `pending` are refused within a second. The last owner stays one.",
        tag=TAG,
        permission=people.WRITE,
        body=patch_of(UserWish),
        answer=UserView,
        versioned=True,
        errors=(Conflict,),
        run=change_user,
    ),
    Operation(
        method="DELETE",
        path=USER,
        id="delete_user",
        summary="Delete a user",
        description="One who has, or had, client keys stays, for these stand in usage records: disable them instead.",
        tag=TAG,
        permission=people.WRITE,
        status=204,
        versioned=True,
        errors=(Conflict,),
        run=delete_user,
    ),
    Operation(
        method="POST",
        path=f"{USER}/password-link",
        id="make_password_link",
        summary="Make a link to choose a password",
        description="It works once, for the hours asked for, and voids earlier ones.",
        tag=TAG,
        permission=people.WRITE,
        body=LinkWish,
        answer=LinkView,
        status=201,
        run=make_password_link,
    ),
    Operation(
        method="GET",
        path=f"{USER}/identities",
        id="list_identities",
        summary="List a user's logins at OpenID providers",
        tag=TAG,
        permission=SIGNED_IN,
        answer=Identities,
        run=list_identities,
    ),
    Operation(
        method="DELETE",
        path=f"{USER}/identities/{{provider}}/{{subject}}",
        id="disconnect_identity",
        summary="Disconnect a login at an OpenID provider",
        tag=TAG,
        permission=SIGNED_IN,
        status=204,
        errors=(Conflict,),
        run=disconnect,
    ),
    Operation(
        method="POST",
        path="/api/me/password",
        id="change_password",
        summary="Change one's own password",
        description="By showing the one it was until now. All other sessions end.",
        tag=TAG,
        permission=SIGNED_IN,
        body=OwnPassword,
        answer=UserView,
        errors=(TooManyAttempts,),
        run=change_password,
    ),
)
