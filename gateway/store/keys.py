"""Client keys between the database and the workers: which have changed, and when each was used.

Knows the columns and what a key's `spec` says. Making and changing keys is the management's business.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from gateway import logs
from gateway.records import ANY, BudgetPeriod, ClientKey, IssuedKey, Limits
from gateway.store.session import Row, Session

ID_PREFIX = "key:"
"""What the ids of these keys begin with, so that no name in the configuration file is one."""

log = logs.get("gateway.store.keys")


class Spec(Struct, frozen=True):
    """What of a key's `spec` the relay goes by, in the names of `[[client_keys]]`."""

    models: tuple[str, ...] = ANY
    providers: tuple[str, ...] = ANY
    credentials: tuple[str, ...] = ANY
    endpoints: tuple[str, ...] = ANY
    strict: bool = False
    tags: tuple[str, ...] = ()
    allow_unpriced: bool = False
    capture: bool = True
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_parallel: int | None = None
    requests_per_month: int | None = None
    tokens_per_month: int | None = None
    budget_usd: float | None = None
    budget_period: BudgetPeriod = "month"


_specs = msgspec.json.Decoder(Spec)


def changed_keys(session: Session, since: int) -> list[IssuedKey]:
    """The keys that have changed since this generation, oldest change first; with 0 all that are not revoked."""
    return [issued_key(row) for row in session.rows("keys/changed_since", {"since": since})]


def issued_key(row: Row) -> IssuedKey:
    """A row of `keys/changed_since`. A key nobody can read counts as revoked: nothing is allowed by mistake."""
    try:
        return IssuedKey(row["digest"], client_key(row), revoked=row["revoked_at"] is not None)
    except msgspec.DecodeError as error:
        log.error("a client key cannot be read, and is refused", id=row["id"], reason=str(error))
        return IssuedKey(row["digest"], ClientKey(row["name"], id=key_id_of(row["id"])), revoked=True)


def client_key(row: Row) -> ClientKey:
    """A row of `keys/changed_since` or `keys/found`, as the relay needs it. Raises msgspec.DecodeError."""
    spec = _specs.decode(row["spec"])
    return ClientKey(
        row["name"],
        id=key_id_of(row["id"]),
        models=spec.models,
        strict=spec.strict,
        providers=spec.providers,
        credentials=spec.credentials,
        endpoints=spec.endpoints,
        expires_at_us=row["expires_at"],
        paused=row["paused_at"] is not None or row["user_disabled_at"] is not None,
        user_id=row["user_id"],
        team_id=row["team_id"],
        tags=spec.tags,
        limits=Limits.of(spec),
        allow_unpriced=spec.allow_unpriced,
        capture=spec.capture,
    )


def key_id_of(row_id: str) -> str:
    """What belongs to a key of the database belongs to this."""
    return ID_PREFIX + row_id


def note_uses(session: Session, uses: Mapping[str, int]) -> None:
    """These keys were used at these times, Unix microseconds; an earlier time than what is there changes nothing."""
    for key_id, used_at_us in sorted(uses.items()):
        session.run("keys/use", {"key_id": key_id, "last_used_at": used_at_us})
