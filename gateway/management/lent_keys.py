"""A client key in the hands of somebody who is signed in, so that a page can ask the gateway by it for an hour: one of
theirs that they have shown, or one that was made for that hour alone.

Nothing of the secret is kept here. The browser has it, sealed, and it opens for the same session only. Knows no
cookies, and does not know what is asked.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import blake2b
from secrets import token_hex

import msgspec
from msgspec import Struct

from gateway.access.keys import refusal
from gateway.credentials.vault import Vault, VaultError
from gateway.errors import NotSignedIn, Unacceptable
from gateway.management import keys, own_keys
from gateway.management.keys import OWN, WRITE, KeyFilter, KeyView, KeyWish
from gateway.management.office import Actor, Office
from gateway.records import ClientKey
from gateway.settings.instants import write_instant
from gateway.store.keys import ID_PREFIX

LIFE_SECONDS = 3600

TAG = "playground"
PREFIX = "playground-"
"""How the name of a key begins that was made for this; with the tag it tells them from others."""

MOST_AT_ONCE = 100
"""Keys that are looked through at a time."""

OVER = "The hour for which this key was kept is over, or it was changed. Show it again, or have another one made."

SWEEPER = Actor(kind="system", name="playground", permissions=frozenset({WRITE, keys.READ}))


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key that somebody may ask by."""

    key: ClientKey
    secret: str = field(repr=False)
    value: str = field(repr=False)
    """The same, sealed: what the browser keeps."""
    until_us: int
    is_lent: bool
    """Whether it was made for this."""


class _Kept(Struct, array_like=True):
    secret: str
    until_us: int
    is_lent: bool


async def hold(office: Office, actor: Actor, secret: str, address: str) -> HeldKey:
    """A key that somebody shows. Raises NotSignedIn for one that nobody has, NotPermitted for one that may not be used,
    TooManyAttempts."""
    shown = await own_keys.show(office, secret, address)
    return _held(office, actor, shown.key, _Kept(secret, _until(office), is_lent=False))


async def lend(office: Office, actor: Actor) -> HeldKey:
    """A new key of theirs, for an hour; those that were made so before and are over end. Raises NotPermitted,
    Unacceptable, Conflict, StateUnavailable."""
    actor.require(WRITE, OWN)
    if actor.user_id is None:
        raise Unacceptable("A key is made for the user who asks by it: log in to have one.")
    await end_over(office, actor.user_id)
    kept_until = _until(office)
    wish = KeyWish(
        name=f"{PREFIX}{token_hex(6)}",
        user_id=actor.user_id,
        tags=(TAG,),
        expires_at=write_instant(kept_until),
    )
    made = await keys.create_key(office, actor, wish)
    key = await own_keys.held(office, made.secret)
    return _held(office, actor, key, _Kept(made.secret, kept_until, is_lent=True))


async def recall(office: Office, actor: Actor, value: str) -> HeldKey:
    """What a browser keeps, as the key is now. Raises NotSignedIn where that is over."""
    try:
        opened = _vault(office).open(urlsafe_b64decode(value.encode("ascii", "replace")), _place(actor))
        kept = msgspec.json.decode(opened, type=_Kept)
    except (ValueError, VaultError):
        raise NotSignedIn(OVER) from None
    if kept.until_us <= office.now_us:
        raise NotSignedIn(OVER)
    key = await own_keys.held(office, kept.secret)
    if (refused := refusal(key, office.now_us)) is not None:
        raise NotSignedIn(refused.message)
    return HeldKey(key, kept.secret, value, kept.until_us, kept.is_lent)


async def give_back(office: Office, actor: Actor, value: str) -> bool:
    """It is no longer kept; one that was made for this is revoked. Whether it was. Raises StateUnavailable,
    NotPermitted, Conflict."""
    try:
        held = await recall(office, actor, value)
    except NotSignedIn:
        return False
    if held.is_lent:
        await keys.revoke_key(office, actor, held.key.id.removeprefix(ID_PREFIX), None)
    return held.is_lent


async def end_over(office: Office, user_id: str | None = None) -> int:
    """Revoke what was lent, to one or to anybody, and is over; how many that were. Raises StateUnavailable."""
    wanted = KeyFilter(status="expired", user_id=user_id, tag=TAG, search=PREFIX)
    found = await keys.list_keys(office, SWEEPER, wanted, after_id=None, limit=MOST_AT_ONCE)
    over = [key for key in found if _was_lent(key)]
    for key in over:
        await keys.revoke_key(office, SWEEPER, key.id, None)
    return len(over)


def _was_lent(key: KeyView) -> bool:
    return key.name.startswith(PREFIX) and TAG in key.tags


def _until(office: Office) -> int:
    return office.now_us + LIFE_SECONDS * 1_000_000


def _held(office: Office, actor: Actor, key: ClientKey, kept: _Kept) -> HeldKey:
    sealed = _vault(office).seal(msgspec.json.encode(kept), _place(actor))
    return HeldKey(key, kept.secret, urlsafe_b64encode(sealed).decode(), kept.until_us, kept.is_lent)


def _vault(office: Office) -> Vault:
    return Vault(blake2b(office.secrets.sessions[:64], digest_size=32, person=b"held client key").digest())


def _place(actor: Actor) -> str:
    """For whom it opens."""
    return f"held key of {actor.kind} {actor.session_id or actor.id or actor.name}"
