"""Client keys: made, changed, paused, given anew, revoked. A key itself is seen once, by whoever makes it.

Knows whose keys somebody may see and change. Does not know how workers come to hear of it: they ask for what is newer
than the generation they know (`revision`).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Annotated, Literal

import msgspec
import orjson
from msgspec import Meta, Struct, structs

from gateway.access.tokens import Made, digest, make_client_key
from gateway.assemble import keys_of
from gateway.errors import Conflict, NotPermitted, Unacceptable, UnknownResource, VersionMismatch
from gateway.management.office import Actor, Change, Office, Subject, new_id
from gateway.records import ClientKey
from gateway.settings.instants import Moment, read_instant, write_moment
from gateway.settings.objects import KeyRules
from gateway.settings.section import Identifier, Section
from gateway.store.keys import ID_PREFIX, client_key
from gateway.store.session import Row, Session

READ, WRITE, OWN = "keys:read", "keys:write", "keys:own"

OwnerId = Annotated[str, Meta(min_length=1, max_length=64)]

KeyStatus = Literal["active", "paused", "expired", "revoked", "suspended"]

MOST_ENTRIES = 100
"""Patterns of a kind, or tags, that one key has: workers make one expression of them, in the midst of a request."""

LISTS = ("models", "providers", "credentials", "endpoints", "tags")
"""Rules that are lists, which everybody with a key of their own may write."""

FREE = ("name", "tags", "strict")
"""What its owner may always change of a key."""

MOST_OWN = 100
"""Keys that somebody without `keys:write` makes for themselves, or for a team."""

KEPT_APART = ("expires_at", "paused")
"""Rules that have a column of their own: workers ask for them."""

STATUSES: tuple[tuple[KeyStatus, Callable[[Row, int], bool]], ...] = (
    ("revoked", lambda row, now_us: row["revoked_at"] is not None),
    ("expired", lambda row, now_us: row["expires_at"] is not None and row["expires_at"] <= now_us),
    ("paused", lambda row, now_us: row["paused_at"] is not None),
    ("suspended", lambda row, now_us: row["user_disabled_at"] is not None),
)
"""Why a key is refused, the most final reason first."""


class KeyWish(KeyRules, frozen=True, kw_only=True):
    """A client key as somebody wants it."""

    name: Annotated[
        Identifier, Meta(description="Name of the key in usage records and logs; unique while it is not revoked.")
    ]
    user_id: Annotated[OwnerId | None, Meta(description="The user it belongs to.")] = None
    team_id: Annotated[OwnerId | None, Meta(description="The team it belongs to.")] = None


class KeyView(KeyWish, frozen=True, kw_only=True):
    """A client key as it is."""

    id: str
    prefix: Annotated[str, Meta(description="How the key begins.")]
    last_four: Annotated[str, Meta(description="How it ends.")]
    status: Annotated[KeyStatus, Meta(description="`suspended`: its user is disabled or `pending`.")]
    locked: Annotated[
        bool,
        Meta(
            description="Whether its rules were set by somebody with `keys:write`: without that its owner can rename, "
            "tag, rotate and revoke it, no more."
        ),
    ]
    created_at: Moment
    updated_at: Moment
    revoked_at: Moment | None
    last_used_at: Annotated[Moment | None, Meta(description="Up to ten seconds late.")]
    version: int


class MadeKey(Section, frozen=True, kw_only=True):
    """A key just made."""

    secrets = frozenset({"secret"})

    secret: Annotated[str, Meta(description="The key itself. It is not shown again.")]
    key: KeyView


class KeyFilter(Struct, frozen=True, kw_only=True):
    """Which keys are asked for."""

    status: KeyStatus | None = None
    user_id: str | None = None
    team_id: str | None = None
    tag: str | None = None
    search: str | None = None


async def list_keys(
    office: Office, actor: Actor, wanted: KeyFilter, *, after_id: str | None, limit: int
) -> list[KeyView]:
    """Keys the actor may see, latest first, older than `after_id`. Raises NotPermitted."""
    actor.require(READ, OWN)
    now_us = office.now_us
    parameters = {
        "before_id": after_id,
        "status": wanted.status,
        "user_id": wanted.user_id,
        "team_id": wanted.team_id,
        "tag_line": None if wanted.tag is None else _lines((wanted.tag,)),
        "search": wanted.search,
        "now_us": now_us,
        "own_only": 0 if actor.may(READ) else 1,
        "own_user_id": actor.user_id,
        "limit": limit,
    }
    rows = await office.read(lambda session: session.rows("keys/listed", parameters))
    return [view(row, now_us) for row in rows]


async def get_key(office: Office, actor: Actor, key_id: str) -> KeyView:
    """One key. Raises UnknownResource where there is none that the actor may see."""
    actor.require(READ, OWN)
    return await office.read(lambda session: view(_visible(session, actor, key_id), office.now_us))


async def get_client_key(office: Office, actor: Actor, wanted: str) -> ClientKey:
    """A key as the relay goes by it, by its name or id. Those of the configuration file are for whoever may see all.
    Raises NotPermitted, and UnknownResource where there is none that the actor may see, or it is revoked."""
    actor.require(READ, OWN)
    said = {key.name: key for _, key in keys_of(office.settings)} if actor.may(READ) else {}
    if wanted in said:
        return said[wanted]
    return await office.read(lambda session: client_key(_chosen(session, actor, wanted)))


async def ids_of(office: Office, actor: Actor) -> list[str]:
    """Ids, as usage records have them, of the keys of a user and of their teams, revoked ones too."""
    rows = await office.read(lambda session: session.rows("keys/ids_of_user", {"user_id": actor.user_id}))
    return [f"{ID_PREFIX}{row['id']}" for row in rows]


async def create_key(office: Office, actor: Actor, wish: KeyWish) -> MadeKey:
    """A new key. Raises NotPermitted, Unacceptable, Conflict for a name that is taken."""
    wish = _owned(actor, wish)
    _check_counted(actor, wish)
    made = make_client_key()
    key_id = new_id(office.now_us)
    identity = {"id": key_id, **_known_by(office, made)}

    def perform(change: Change) -> KeyView:
        _check_owner(change.session, wish)
        _check_name(change.session, wish.name, key_id)
        _check_room(change, wish)
        change.session.run(
            "keys/create", {**identity, **columns(wish, change.now_us), **_stamp(change), **_lock(change)}
        )
        shown = view(_row(change.session, key_id), change.now_us)
        change.note("key.create", _subject(shown), after=_told(shown))
        return shown

    return MadeKey(secret=made.secret, key=await office.change(actor, perform))


async def change_key(office: Office, actor: Actor, key_id: str, wish: KeyWish, version: int | None) -> KeyView:
    """The key as wished. Raises NotPermitted, UnknownResource, VersionMismatch, Unacceptable, Conflict."""

    def perform(change: Change) -> KeyView:
        before = _changeable(change, key_id, version)
        wished = _owned(actor, wish)
        _check_owner(change.session, wished)
        _check_name(change.session, wished.name, key_id)
        _check_unlocked(change, before, wished)
        _check_counted(actor, wished, view(before, change.now_us))
        lock = {"locked": before["locked"]} if not actor.may(WRITE) else _lock(change)
        changed = {**columns(wished, change.now_us), **_stamp(change), **lock, "id": key_id}
        change.session.run("keys/change", changed)
        return _noted(change, "key.change", before)

    return await office.change(actor, perform)


async def rotate_key(office: Office, actor: Actor, key_id: str, version: int | None) -> MadeKey:
    """A new secret for the same key; the former one is refused from now on. Raises as `change_key`."""
    made = make_client_key()

    def perform(change: Change) -> KeyView:
        before = _changeable(change, key_id, version)
        change.session.run("keys/rotate", {**_known_by(office, made), **_stamp(change), "id": key_id})
        return _noted(change, "key.rotate", before)

    return MadeKey(secret=made.secret, key=await office.change(actor, perform))


async def revoke_key(office: Office, actor: Actor, key_id: str, version: int | None) -> KeyView:
    """The key is refused from now on, and what runs with it ends. Raises as `change_key`."""

    def perform(change: Change) -> KeyView:
        before = _changeable(change, key_id, version)
        change.session.run("keys/revoke", {**_stamp(change), "id": key_id})
        return _noted(change, "key.revoke", before)

    return await office.change(actor, perform)


def may_change(actor: Actor, key: KeyView) -> bool:
    """Whether somebody may change a key, as far as it is a question of whose it is."""
    owner = {"user_id": key.user_id, "team_id": key.team_id}
    return actor.may(WRITE) or (actor.may(OWN) and _belongs(owner, actor, actor.led_teams))


def view(row: Row, now_us: int) -> KeyView:
    """A row of `keys/listed` or `keys/found` as it is shown."""
    spec = orjson.loads(row["spec"])
    return msgspec.convert(
        {
            **spec,
            **{name: row[name] for name in ("id", "name", "prefix", "last_four", "user_id", "team_id", "version")},
            **{name: write_moment(row[name]) for name in ("created_at", "updated_at", "revoked_at", "last_used_at")},
            "expires_at": write_moment(row["expires_at"]) or "",
            "paused": row["paused_at"] is not None,
            "locked": bool(row["locked"]),
            "status": status(row, now_us),
        },
        KeyView,
    )


def status(row: Row, now_us: int) -> KeyStatus:
    """What becomes of a request with this key."""
    return next((name for name, applies in STATUSES if applies(row, now_us)), "active")


def _owned(actor: Actor, wish: KeyWish) -> KeyWish:
    """The wish, belonging to somebody the actor may make keys for."""
    if wish.user_id is not None and wish.team_id is not None:
        raise Unacceptable("A key belongs to a user or to a team, not to both.", param="team_id")
    if actor.may(WRITE):
        return wish
    actor.require(OWN)
    if wish.team_id is not None:
        if wish.team_id not in actor.led_teams:
            raise NotPermitted("Keys of a team are for its admins.", param="team_id")
        return wish
    if wish.user_id not in (None, actor.user_id):
        raise NotPermitted("You may make keys for yourself and for the teams you lead.", param="user_id")
    return structs.replace(wish, user_id=actor.user_id)


def _check_owner(session: Session, wish: KeyWish) -> None:
    if wish.user_id is not None and session.row("keys/user", {"id": wish.user_id}) is None:
        raise Unacceptable(f"There is no user {wish.user_id}.", param="user_id")
    if wish.team_id is not None and session.row("keys/team", {"id": wish.team_id}) is None:
        raise Unacceptable(f"There is no team {wish.team_id}.", param="team_id")


def _check_name(session: Session, name: str, key_id: str) -> None:
    taken = session.row("keys/named", {"name": name})
    if taken is not None and taken["id"] != key_id:
        raise Conflict(f"There is a key `{name}` already.", param="name")


def _check_room(change: Change, wish: KeyWish) -> None:
    """Raises Conflict where somebody would make too many for themselves or for their team."""
    if change.actor.may(WRITE):
        return
    row = change.session.row("keys/owned", {"user_id": wish.user_id, "team_id": wish.team_id})
    if row is not None and row["keys"] >= MOST_OWN:
        raise Conflict(f"There are {MOST_OWN} keys already: revoke some, or ask somebody who looks after all keys.")


def _check_unlocked(change: Change, before: Row, wished: KeyWish) -> None:
    """Raises NotPermitted where an owner would lift what was set for them."""
    if change.actor.may(WRITE) or not before["locked"]:
        return
    shown = view(before, change.now_us)
    kept = KeyWish(**{name: getattr(shown, name) for name in KeyWish.__struct_fields__})
    free = structs.replace(kept, **{name: getattr(wished, name) for name in FREE})
    if columns(free, change.now_us) != columns(wished, change.now_us):
        raise NotPermitted(
            "The rules of this key were set by somebody who looks after all keys: you can rename, tag, rotate and "
            "revoke it."
        )


def _check_counted(actor: Actor, wish: KeyWish, before: KeyWish | None = None) -> None:
    """Raises NotPermitted where an owner would have requests made that no budget counts, theirs or their team's."""
    if wish.allow_unpriced and not (actor.may(WRITE) or (before is not None and before.allow_unpriced)):
        reason = "Requests that no budget counts are for somebody to allow who looks after all keys."
        raise NotPermitted(reason, param="allow_unpriced")


def _lock(change: Change) -> Row:
    return {"locked": int(change.actor.may(WRITE))}


def columns(wish: KeyWish, now_us: int) -> Row:
    """What is kept of a wish. Raises Unacceptable."""
    for name in LISTS:
        if len(getattr(wish, name)) > MOST_ENTRIES:
            raise Unacceptable(f"`{name}` may have at most {MOST_ENTRIES} entries.", param=name)
    spec = {name: getattr(wish, name) for name in KeyRules.__struct_fields__ if name not in KEPT_APART}
    try:
        expires_at = read_instant(wish.expires_at) if wish.expires_at else None
    except ValueError as error:
        raise Unacceptable(f"`expires_at`: {error}.", param="expires_at") from None
    return {
        "name": wish.name,
        "user_id": wish.user_id,
        "team_id": wish.team_id,
        "spec": msgspec.json.encode(spec).decode(),
        "tags": _lines(wish.tags),
        "expires_at": expires_at,
        "paused_at": now_us if wish.paused else None,
    }


def _lines(tags: Sequence[str]) -> str:
    """Tags as `client_keys.tags` has them, each between two line breaks."""
    return "".join(f"\n{tag}\n" for tag in tags)


def _known_by(office: Office, made: Made) -> Row:
    """What is kept of a secret."""
    return {
        "digest": digest(made.secret.encode(), office.secrets.keys),
        "prefix": made.prefix,
        "last_four": made.last_four,
    }


def _stamp(change: Change) -> Row:
    return {"revision": change.count("keys"), "now_us": change.now_us}


def _row(session: Session, key_id: str) -> Row:
    row = session.row("keys/found", {"id": key_id})
    if row is None:
        raise UnknownResource(f"There is no key {key_id}.")
    return row


def _visible(session: Session, actor: Actor, key_id: str) -> Row:
    row = _row(session, key_id)
    if not (actor.may(READ) or _belongs(row, actor, actor.teams)):
        raise UnknownResource(f"There is no key {key_id}.")
    return row


def _chosen(session: Session, actor: Actor, wanted: str) -> Row:
    """A key that is not revoked, by its name or id."""
    named = session.row("keys/named", {"name": wanted})
    row = session.row("keys/found", {"id": wanted.removeprefix(ID_PREFIX) if named is None else named["id"]})
    if row is None or row["revoked_at"] is not None or not (actor.may(READ) or _belongs(row, actor, actor.teams)):
        raise UnknownResource(f"There is no key {wanted}.")
    return row


def _changeable(change: Change, key_id: str, version: int | None) -> Row:
    actor = change.actor
    actor.require(WRITE, OWN)
    row = _visible(change.session, actor, key_id)
    if not (actor.may(WRITE) or _belongs(row, actor, actor.led_teams)):
        raise NotPermitted("This key is not yours to change.")
    if row["revoked_at"] is not None:
        raise Conflict("This key is revoked, and that is for good.")
    if version is not None and version != row["version"]:
        raise VersionMismatch(f"The key has version {row['version']} by now, not {version}.")
    return row


def _belongs(row: Row, actor: Actor, teams: Container[str]) -> bool:
    if row["user_id"] is not None:
        return bool(row["user_id"] == actor.user_id)
    return row["team_id"] is not None and row["team_id"] in teams


def _noted(change: Change, action: str, before: Row) -> KeyView:
    """The key as it is now, once the audit log has it."""
    shown = view(_row(change.session, before["id"]), change.now_us)
    change.note(action, _subject(shown), before=_told(view(before, change.now_us)), after=_told(shown))
    return shown


def _subject(shown: KeyView) -> Subject:
    return Subject("key", shown.id, shown.name)


def _told(shown: KeyView) -> dict[str, object]:
    """What the audit log keeps of a key."""
    return {name: value for name, value in structs.asdict(shown).items() if name != "last_used_at"}
