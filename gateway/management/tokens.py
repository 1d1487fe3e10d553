"""API tokens: made, listed, revoked, found by what a program shows. A token itself is seen once, by whoever makes it.

Knows whose tokens somebody may see, and that one allows what its scopes and its user's present role have in common.
"""

from __future__ import annotations

from typing import Annotated, Literal

import orjson
from msgspec import Meta, Struct, structs

from gateway.access.roles import PERMISSIONS, permissions_of
from gateway.access.tokens import digest, kind_of, make_api_token
from gateway.errors import Conflict, NotPermitted, NotSignedIn, Unacceptable, UnknownResource
from gateway.management.office import Actor, Change, Office, Subject, new_id
from gateway.management.people import check_version
from gateway.management.teams import memberships
from gateway.settings.instants import read_instant, write_instant, write_moment
from gateway.settings.section import Section
from gateway.store.session import Row, Session

READ, WRITE, OWN = "tokens:read", "tokens:write", "tokens:own"

NOTE_EVERY_US = 60_000_000
"""How often `last_used_at` is worth a write."""

TokenStatus = Literal["active", "expired", "revoked"]


class NewToken(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An API token to be made."""

    name: Annotated[str, Meta(min_length=1, max_length=100, description="What it is for.")]
    scopes: Annotated[
        tuple[Annotated[str, Meta(max_length=64)], ...],
        Meta(min_length=1, max_length=100, description="Permissions, of which you must have each one."),
    ]
    expires_at: Annotated[
        str, Meta(max_length=64, description="Date or instant (RFC 3339) from which it is refused; empty: never.")
    ] = ""


class TokenView(Struct, frozen=True, kw_only=True):
    """An API token as it is."""

    id: str
    name: str
    prefix: Annotated[str, Meta(description="How the token begins.")]
    last_four: Annotated[str, Meta(description="How it ends.")]
    user_id: Annotated[str, Meta(description="The user in whose name it is used.")]
    email: Annotated[str, Meta(description="Of that user.")]
    scopes: Annotated[tuple[str, ...], Meta(description="It allows those that its user's role has as well.")]
    status: TokenStatus
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: Annotated[str | None, Meta(description="Up to a minute late.")]
    version: int


class MadeToken(Section, frozen=True, kw_only=True):
    """A token just made."""

    secrets = frozenset({"secret"})

    secret: Annotated[str, Meta(description="The token itself. It is not shown again.")]
    token: TokenView


class TokenFilter(Struct, frozen=True, kw_only=True):
    """Which tokens are asked for."""

    status: TokenStatus | None = None
    user_id: str | None = None


async def list_tokens(
    office: Office, actor: Actor, wanted: TokenFilter, *, after_id: str | None, limit: int
) -> list[TokenView]:
    """Tokens the actor may see, latest first, older than `after_id`. Raises NotPermitted."""
    actor.require(READ, OWN)
    now_us = office.now_us
    parameters = {
        "before_id": after_id,
        "status": wanted.status,
        "user_id": wanted.user_id,
        "own_only": int(not actor.may(READ)),
        "own_user_id": actor.user_id,
        "now_us": now_us,
        "limit": limit,
    }
    rows = await office.read(lambda session: session.rows("tokens/listed", parameters))
    return [_view(row, now_us) for row in rows]


async def get_token(office: Office, actor: Actor, token_id: str) -> TokenView:
    """One token. Raises NotPermitted, UnknownResource where there is none that the actor may see."""
    actor.require(READ, OWN)
    now_us = office.now_us
    return await office.read(lambda session: _view(_visible(session, actor, token_id), now_us))


async def create_token(office: Office, actor: Actor, wish: NewToken) -> MadeToken:
    """A new token in the actor's own name. Raises NotPermitted, Unacceptable."""
    actor.require(OWN)
    # Whoever finds a token shall not be able to make himself another one that outlives it.
    if actor.kind != "user" or actor.user_id is None:
        raise Unacceptable("An API token is made by the user it belongs to: log in to make it.")
    _check_scopes(actor, wish.scopes)
    expires_at, made = _expiry(wish.expires_at, office.now_us), make_api_token()
    columns = {
        "name": wish.name.strip(),
        "digest": digest(made.secret.encode("ascii"), office.secrets.keys),
        "prefix": made.prefix,
        "last_four": made.last_four,
        "user_id": actor.user_id,
        "scopes": orjson.dumps(sorted(set(wish.scopes))).decode(),
        "expires_at": expires_at,
    }

    def perform(change: Change) -> TokenView:
        token_id = new_id(change.now_us)
        change.session.run("tokens/create", {"id": token_id, **columns, "now_us": change.now_us})
        shown = _view(_row(change.session, token_id), change.now_us)
        change.note("token.create", _subject(shown), after=_told(shown))
        return shown

    return MadeToken(secret=made.secret, token=await office.change(actor, perform))


async def revoke_token(office: Office, actor: Actor, token_id: str, version: int | None) -> TokenView:
    """The token is refused from now on, for good.

    Raises NotPermitted, UnknownResource, VersionMismatch, Conflict for one that is revoked.
    """
    actor.require(WRITE, OWN)

    def perform(change: Change) -> TokenView:
        row = _visible(change.session, actor, token_id)
        if not (actor.may(WRITE) or row["user_id"] == actor.user_id):
            raise NotPermitted("This token is not yours to revoke.")
        check_version(row["version"], version)
        if not change.session.run("tokens/revoke", {"id": token_id, "now_us": change.now_us}):
            raise Conflict("This token is revoked, and that is for good.")
        shown = _view(_row(change.session, token_id), change.now_us)
        change.note("token.revoke", _subject(shown), before=_told(_view(row, change.now_us)), after=_told(shown))
        return shown

    return await office.change(actor, perform)


async def find(office: Office, presented: str, address: str | None) -> Actor:
    """Who an API token stands for, and what it allows. Raises NotSignedIn, whatever is wrong with it."""
    now_us = office.now_us
    if kind_of(presented) != "api_token":
        raise NotSignedIn("This is no API token of this gateway.")
    parameters = {"digest": digest(presented.encode("ascii"), office.secrets.keys), "now_us": now_us}

    def perform(session: Session) -> tuple[Row, dict[str, str]]:
        row = session.row("tokens/presented", parameters)
        if row is None:
            raise NotSignedIn("This API token is unknown, expired or revoked, or its user is disabled.")
        return row, memberships(session, row["user_id"])

    row, teams = await office.read(perform)
    if row["last_used_at"] is None or now_us - row["last_used_at"] >= NOTE_EVERY_US:
        await office.state.write(lambda session: session.run("tokens/used", {"id": row["id"], "now_us": now_us}))
    return Actor(
        kind="token",
        name=row["name"],
        permissions=permissions_of(row["role"], orjson.loads(row["scopes"])),
        id=row["id"],
        user_id=row["user_id"],
        teams=teams,
        address=address,
    )


def _check_scopes(actor: Actor, scopes: tuple[str, ...]) -> None:
    for scope in scopes:
        if scope not in PERMISSIONS:
            raise Unacceptable(f"There is no permission {scope!r}.", param="scopes")
        if not actor.may(scope):
            raise NotPermitted(f"You can give a token only what you may do yourself, and {scope} is none of that.")


def _expiry(text: str, now_us: int) -> int | None:
    try:
        expires_at = read_instant(text) if text else None
    except ValueError as error:
        raise Unacceptable(f"`expires_at`: {error}.", param="expires_at") from None
    if expires_at is not None and expires_at <= now_us:
        raise Unacceptable("`expires_at` is over already.", param="expires_at")
    return expires_at


def _row(session: Session, token_id: str) -> Row:
    row = session.row("tokens/found", {"id": token_id})
    if row is None:
        raise UnknownResource(f"There is no API token {token_id}.")
    return row


def _visible(session: Session, actor: Actor, token_id: str) -> Row:
    row = _row(session, token_id)
    if not (actor.may(READ) or row["user_id"] == actor.user_id):
        raise UnknownResource(f"There is no API token {token_id}.")
    return row


def _view(row: Row, now_us: int) -> TokenView:
    return TokenView(
        **{name: row[name] for name in ("id", "name", "prefix", "last_four", "user_id", "email", "version")},
        scopes=tuple(orjson.loads(row["scopes"])),
        status=_status(row, now_us),
        created_at=write_instant(row["created_at"]),
        expires_at=write_moment(row["expires_at"]),
        revoked_at=write_moment(row["revoked_at"]),
        last_used_at=write_moment(row["last_used_at"]),
    )


def _status(row: Row, now_us: int) -> TokenStatus:
    if row["revoked_at"] is not None:
        return "revoked"
    return "expired" if row["expires_at"] is not None and row["expires_at"] <= now_us else "active"


def _subject(shown: TokenView) -> Subject:
    return Subject("token", shown.id, shown.name)


def _told(shown: TokenView) -> dict[str, object]:
    """What the audit log keeps of a token."""
    return {name: value for name, value in structs.asdict(shown).items() if name != "last_used_at"}
