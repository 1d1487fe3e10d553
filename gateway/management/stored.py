"""Objects of the configuration between their rows, where secrets are sealed, and what the settings make of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import orjson

from gateway import logs
from gateway.credentials.vault import Vault, VaultError
from gateway.settings.stored import VALUE, Kind, StoredObject
from gateway.store.session import Row, Session

LOGINS = "login.providers"

log = logs.get("gateway.configuration")


def read_objects(session: Session, vault: Vault) -> list[StoredObject]:
    """Everything the database says of the configuration."""
    return [read_object(row, vault) for row in session.rows("configuration/all")]


def read_object(row: Row, vault: Vault) -> StoredObject:
    """One of them. Secrets that cannot be opened are as good as missing, which the overlay tells."""
    secrets: dict[str, str] = {}
    if row["sealed"] is not None:
        try:
            secrets = orjson.loads(vault.open(row["sealed"], _context(row["kind"], row["name"])))
        except VaultError as error:
            log.error(
                "the secrets of an object cannot be opened", kind=row["kind"], name=row["name"], reason=str(error)
            )
    spec = orjson.loads(row["spec"])
    return StoredObject(cast("Kind", row["kind"]), row["name"], spec, secrets, row["position"])


def columns(stored: StoredObject, vault: Vault) -> Mapping[str, Any]:
    """What `configuration/create` and `change` take of an object, but its place and the time."""
    sealed = vault.seal(orjson.dumps(dict(stored.secrets)), _context(stored.kind, stored.name))
    return {
        "kind": stored.kind,
        "name": stored.name,
        "spec": orjson.dumps(dict(stored.spec)).decode(),
        "sealed": sealed if stored.secrets else None,
    }


def with_kept_secrets(stored: StoredObject, former: StoredObject | None) -> StoredObject:
    """The list of login providers with the secrets of those that are as they were and say none: secrets are not shown,
    so that whoever changes something else in the list cannot say them. None follows a provider to another address."""
    if former is None or stored.name != LOGINS:
        return stored
    silent = [one for one in logins(stored) if "client_secret" not in one]
    same = {one.get("id") for one in silent if _asked_for(one) in map(_asked_for, logins(former))}
    kept = {f"{VALUE}.{name}.client_secret" for name in same}
    secrets = {place: secret for place, secret in former.secrets.items() if place in kept}
    return replace(stored, secrets={**secrets, **stored.secrets})


def logins(stored: StoredObject) -> list[dict[str, Any]]:
    """The login providers that the setting says."""
    providers = stored.spec.get(VALUE)
    return [one for one in providers if isinstance(one, dict)] if isinstance(providers, list) else []


def _asked_for(provider: Mapping[str, Any]) -> tuple[Any, ...]:
    """Who would be shown the secret, and for what."""
    return tuple(provider.get(name) for name in ("id", "client_id", "kind", "issuer"))


def _context(kind: str, name: str) -> str:
    return f"configuration/{kind}/{name}"
