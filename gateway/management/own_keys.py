"""A client key, shown by whoever has it to see what it may do and has used. Nobody has to be a user for that.

Knows how often somebody may try, and what a browser is given to go on with: the key's id, for an hour, signed together
with the digest of the secret. So nobody reads the secret there, and a key that is given anew, paused, revoked or has
expired ends it at once. Does not know cookies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gateway.access.attempts import key_subjects
from gateway.access.keys import refusal
from gateway.access.tokens import digest, is_same, signature
from gateway.assemble import keys_of
from gateway.errors import NotPermitted, NotSignedIn
from gateway.management import attempts
from gateway.management.office import Actor, Change, Office
from gateway.records import ClientKey
from gateway.store.keys import ID_PREFIX, client_key
from gateway.store.session import Row, Session

LIFE_SECONDS = 3600
"""How long a key that was shown once may be looked at."""

PURPOSE = "own key"

UNKNOWN = "This is no key of this gateway, or it was revoked. See that all of it is there, from its first letter on."
OVER = "The time for which this key was shown is over, or it was changed. Show it again."

_VALUE = re.compile(r"((?:[0-9a-f]{2}){1,256})\.([0-9]{1,12})\.([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key that somebody has shown."""

    key: ClientKey
    value: str = field(repr=False)
    """What the browser keeps of it; not the key itself."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A key, and what is kept of its secret."""

    key: ClientKey
    digest: bytes = field(repr=False)


async def show(office: Office, secret: str, address: str) -> ShownKey:
    """The key that this is. Raises NotSignedIn for one that nobody has, NotPermitted for one that may not be used,
    TooManyAttempts."""
    mark = digest(secret.encode("utf-8", "surrogatepass"), office.secrets.keys)
    who = key_subjects(address)
    anybody = Actor(kind="anybody", name="anybody", address=address or None)
    # Counted before it is looked at: or a thousand at once would all be told.
    await office.change(anybody, lambda change: attempts.let_through(change, who))

    def perform(change: Change) -> _Kept | None:
        kept = _by_digest(office, change.session, mark)
        if kept is not None:
            attempts.take_back(change, who)
        return kept

    kept = await office.change(anybody, perform)
    if kept is None:
        raise NotSignedIn(UNKNOWN, param="key")
    if (refused := refusal(kept.key, office.now_us)) is not None:
        raise NotPermitted(refused.message, param="key")
    return ShownKey(kept.key, _sealed(office, kept, office.now_us // 1_000_000 + LIFE_SECONDS))


async def recall(office: Office, value: str) -> ClientKey:
    """The key that was shown before, as it is now. Raises NotSignedIn where that is over."""
    found = _VALUE.fullmatch(value)
    now_us = office.now_us
    if found is None or int(found[2]) * 1_000_000 <= now_us:
        raise NotSignedIn(OVER)
    kept = await office.read(
        lambda session: _by_id(office, session, bytes.fromhex(found[1]).decode("utf-8", "replace"))
    )
    if kept is None or not is_same(value, _sealed(office, kept, int(found[2]))):
        raise NotSignedIn(OVER)
    if (refused := refusal(kept.key, now_us)) is not None:
        raise NotSignedIn(refused.message)
    return kept.key


async def held(office: Office, secret: str) -> ClientKey:
    """The key that this was, when it was last looked at, as it is now; it may be one that is refused. Raises
    NotSignedIn where there is none any more."""
    mark = digest(secret.encode("utf-8", "surrogatepass"), office.secrets.keys)
    kept = await office.read(lambda session: _by_digest(office, session, mark))
    if kept is None:
        raise NotSignedIn(OVER)
    return kept.key


def _sealed(office: Office, kept: _Kept, until: int) -> str:
    """The id and the end, which anybody may read, and a signature of them and of the secret's digest."""
    said = kept.key.id.encode().hex()
    signed = signature(PURPOSE, f"{said}.{until}.{kept.digest.hex()}", office.secrets.sessions)
    return f"{said}.{until}.{signed}"


def _by_digest(office: Office, session: Session, mark: bytes) -> _Kept | None:
    """As workers find it: a key that stands in the configuration file as well belongs to it."""
    said = next((kept for kept in _said(office) if kept.digest == mark), None)
    return said or _issued(session.row("keys/presented", {"digest": mark, "id": ""}))


def _by_id(office: Office, session: Session, key_id: str) -> _Kept | None:
    if key_id.startswith(ID_PREFIX):
        return _issued(session.row("keys/presented", {"digest": b"", "id": key_id.removeprefix(ID_PREFIX)}))
    return next((kept for kept in _said(office) if kept.key.id == key_id), None)


def _said(office: Office) -> list[_Kept]:
    return [_Kept(key, digest(secret.encode(), office.secrets.keys)) for secret, key in keys_of(office.settings)]


def _issued(row: Row | None) -> _Kept | None:
    return None if row is None else _Kept(client_key(row), bytes(row["digest"]))
