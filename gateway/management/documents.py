"""The document that a gateway's state travels in, and making one: configuration, client keys, people.

Knows its shape, which is version 1 of it, and what of the database goes into it. What is secret is in one sealed piece:
secrets of the configuration, hashes of passwords, and what digests of client keys were made under. API tokens, sessions
and the audit log stay where they are, and so does what the configuration file says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec
import orjson
from msgspec import Meta, Struct

from gateway.access.roles import TeamRoleName
from gateway.credentials.vault import Vault, VaultError
from gateway.errors import Conflict
from gateway.management.recipients import Places
from gateway.management.stored import read_object
from gateway.settings.instants import Moment, write_instant
from gateway.settings.objects import KeyRules
from gateway.settings.section import Identifier, RoleName
from gateway.settings.stored import Kind, StoredObject
from gateway.store.session import Row, Session

FORMAT: Literal["sluicegate-export"] = "sluicegate-export"
VERSION: Literal[1] = 1

SectionName = Literal["configuration", "keys", "people"]
SECTIONS: tuple[SectionName, ...] = ("configuration", "keys", "people")

CONTEXT = "export"
"""What the sealed piece is sealed for."""

MOST_PLACES = 2**31 - 1

Id = Annotated[str, Meta(min_length=1, max_length=64)]
Field = Annotated[str, Meta(max_length=200)]
Instant = Annotated[Moment, Meta(max_length=40)]


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing in a document."""


class ObjectPart(Part, frozen=True, kw_only=True):
    """An object of the configuration, without its secrets."""

    kind: Kind
    name: Annotated[str, Meta(min_length=1, max_length=400, description="Of a credential `provider/name`.")]
    position: Annotated[int, Meta(ge=0, le=MOST_PLACES)]
    spec: Annotated[dict[Field, Any], Meta(description="In the names of the configuration file.")]


class KeyPart(KeyRules, frozen=True, kw_only=True):
    """A client key: what finds it, not the key itself."""

    id: Id
    name: Identifier
    prefix: Annotated[str, Meta(max_length=64)]
    last_four: Annotated[str, Meta(max_length=16)]
    digest: Annotated[bytes, Meta(min_length=32, max_length=32, description="Keyed BLAKE2b, in base64.")]
    user_id: Id | None
    team_id: Id | None
    created_at: Instant


class IdentityPart(Part, frozen=True, kw_only=True):
    """A login at a provider that leads to a user."""

    provider: Annotated[str, Meta(max_length=64)]
    subject: Annotated[str, Meta(max_length=1000)]
    email: Annotated[str, Meta(max_length=254)] | None


class UserPart(Part, frozen=True, kw_only=True):
    """A user; the hash of their password is sealed."""

    id: Id
    email: Annotated[str, Meta(max_length=254)]
    name: Annotated[str, Meta(max_length=200)]
    role: RoleName
    disabled: bool
    created_at: Instant
    identities: tuple[IdentityPart, ...]


class MemberPart(Part, frozen=True, kw_only=True):
    """A user in a team."""

    user_id: Id
    role: TeamRoleName


class TeamPart(Part, frozen=True, kw_only=True):
    """A team."""

    id: Id
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    description: Annotated[str, Meta(max_length=4000)]
    created_at: Instant
    members: tuple[MemberPart, ...]


class People(Part, frozen=True, kw_only=True):
    """Users and teams."""

    users: tuple[UserPart, ...]
    teams: tuple[TeamPart, ...]


class SealedPart(Part, frozen=True, kw_only=True):
    """Everything secret, in one piece."""

    by: Annotated[
        Literal["vault", "passphrase"],
        Meta(description="`vault`: only a gateway with the same vault key can open it."),
    ]
    salt: Annotated[bytes, Meta(description="Of the passphrase, in base64.")] | None = None
    content: Annotated[bytes, Meta(description="XSalsa20-Poly1305, in base64.")]


class StateDocument(Part, frozen=True, kw_only=True):
    """The state of a gateway, or parts of it."""

    format: Literal["sluicegate-export"]
    version: Literal[1]
    made_at: Instant
    gateway: Annotated[str, Meta(max_length=64, description="Version of the gateway that made it.")]
    configuration: tuple[ObjectPart, ...] | None = None
    keys: tuple[KeyPart, ...] | None = None
    people: People | None = None
    sealed: Annotated[
        SealedPart | None,
        Meta(description="Left out where every `spec` says its secrets anew, as for other addresses than these had."),
    ] = None


class Hidden(Struct, frozen=True, kw_only=True):
    """What is in the sealed piece."""

    objects: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    """Secrets of objects, by `kind/name` and place."""
    passwords: dict[str, str] = msgspec.field(default_factory=dict)
    """Hashes, by the user's id."""
    key_secret: bytes | None = None
    """What digests of client keys were made under."""
    places: Places = msgspec.field(default_factory=dict)
    """Where secrets of objects go: they are bound to it."""

    def __repr__(self) -> str:
        return "Hidden(...)"


@dataclass(frozen=True, slots=True)
class Present:
    """What the database holds, in the words of a document."""

    objects: Mapping[tuple[Kind, str], StoredObject]
    keys: Mapping[str, KeyPart]
    """Those that are not revoked, by id."""
    people: People
    passwords: Mapping[str, str] = field(repr=False)
    revoked: frozenset[str]
    """Ids of the other keys."""


def read_present(session: Session, vault: Vault) -> Present:
    """What is there. Raises Conflict where something is sealed that the vault's key does not open."""
    keys = session.rows("transfer/keys")
    users = session.rows("transfer/users")
    return Present(
        objects={(one.kind, one.name): one for one in _objects(session, vault)},
        keys={row["id"]: _key(row) for row in keys if row["revoked_at"] is None},
        people=_people(session, users),
        passwords={row["id"]: row["password_hash"] for row in users if row["password_hash"] is not None},
        revoked=frozenset(row["id"] for row in keys if row["revoked_at"] is not None),
    )


def _objects(session: Session, vault: Vault) -> list[StoredObject]:
    rows = session.rows("configuration/all")
    found = [read_object(row, vault) for row in rows]
    for row, one in zip(rows, found, strict=True):
        if row["sealed"] is not None and not one.secrets:
            raise Conflict(f"The secrets of the {one.kind} `{one.name}` cannot be opened: delete it or say them anew.")
    return found


def write_objects(present: Present) -> tuple[ObjectPart, ...]:
    """The configuration in a document."""
    return tuple(
        ObjectPart(kind=one.kind, name=one.name, position=one.position, spec=dict(one.spec))
        for one in present.objects.values()
    )


def hide(present: Present, sections: tuple[SectionName, ...], key_secret: bytes, places: Places) -> Hidden:
    """What is secret in these sections, and the places it belongs to."""
    objects = {f"{kind}/{name}": dict(one.secrets) for (kind, name), one in present.objects.items() if one.secrets}
    return Hidden(
        objects=objects if "configuration" in sections else {},
        passwords=dict(present.passwords) if "people" in sections else {},
        key_secret=key_secret if "keys" in sections else None,
        places=places if "configuration" in sections else {},
    )


def seal(hidden: Hidden, vault: Vault, salt: bytes | None = None) -> SealedPart:
    """The sealed piece; with a `salt` the vault is that of a passphrase."""
    content = vault.seal(msgspec.json.encode(hidden), CONTEXT)
    return SealedPart(by="vault" if salt is None else "passphrase", salt=salt, content=content)


def unseal(sealed: SealedPart, vault: Vault) -> Hidden:
    """What is in the sealed piece. Raises VaultError."""
    try:
        return msgspec.json.decode(vault.open(sealed.content, CONTEXT), type=Hidden)
    except msgspec.MsgspecError:
        raise VaultError("the sealed part holds something else than secrets") from None


def _key(row: Row) -> KeyPart:
    spec = {name: value for name, value in orjson.loads(row["spec"]).items() if name in KeyRules.__struct_fields__}
    known = {name: row[name] for name in ("id", "name", "prefix", "last_four", "user_id", "team_id")}
    times = {
        "created_at": write_instant(row["created_at"]),
        "expires_at": "" if row["expires_at"] is None else write_instant(row["expires_at"]),
        "paused": row["paused_at"] is not None,
    }
    return msgspec.convert({**spec, **known, **times, "digest": bytes(row["digest"])}, KeyPart)


def _people(session: Session, users: list[Row]) -> People:
    identities: dict[str, list[IdentityPart]] = {}
    for row in session.rows("transfer/identities"):
        known = IdentityPart(provider=row["provider"], subject=row["subject"], email=row["email"])
        identities.setdefault(row["user_id"], []).append(known)
    members: dict[str, list[MemberPart]] = {}
    for row in session.rows("transfer/members"):
        members.setdefault(row["team_id"], []).append(MemberPart(user_id=row["user_id"], role=row["role"]))
    return People(
        users=tuple(
            UserPart(
                **{name: row[name] for name in ("id", "email", "name", "role")},
                disabled=row["disabled_at"] is not None,
                created_at=write_instant(row["created_at"]),
                identities=tuple(identities.get(row["id"], ())),
            )
            for row in users
        ),
        teams=tuple(
            TeamPart(
                **{name: row[name] for name in ("id", "name", "description")},
                created_at=write_instant(row["created_at"]),
                members=tuple(members.get(row["id"], ())),
            )
            for row in session.rows("transfer/teams")
        ),
    )
