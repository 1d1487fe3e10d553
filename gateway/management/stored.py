"""Objects of the configuration between their rows, where secrets are sealed, and what the settings make of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, cast

import orjson

from gateway import logs
from gateway.credentials.vault import Vault, VaultError
from gateway.settings.stored import VALUE, Kind, StoredObject, tables_within
from gateway.store.session import Row, Session

LOGINS, HOOKS, MAIL = "login.providers", "alerts.webhooks", "alerts.email"

BOUND: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        LOGINS: {"client_secret": ("id", "client_id", "kind", "issuer")},
        HOOKS: {"url": ("name",), "secret": ("name", "url")},
        MAIL: {"password": ("host", "port", "security", "user")},
    }
)
"""Settings with secrets within: who is shown each of these, and for what."""

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
    """A setting with the secrets of what is in it as it was and says none: secrets are not shown, so that whoever
    changes something else in it cannot say them. None follows a provider or a server to another address."""
    if former is None or stored.name not in BOUND:
        return stored
    was = tables_within(former)
    kept: dict[str, str] = {}
    for place, table in tables_within(stored).items():
        old = was.get(place, {})
        for name, same in BOUND[stored.name].items():
            if name not in table and name in old and all(table.get(each) == old.get(each) for each in same):
                table[name] = kept[f"{place}.{name}"] = old[name]
    return replace(stored, secrets={**kept, **stored.secrets})


def logins(stored: StoredObject) -> list[dict[str, Any]]:
    """The login providers that the setting says."""
    providers = stored.spec.get(VALUE)
    return [one for one in providers if isinstance(one, dict)] if isinstance(providers, list) else []


def _context(kind: str, name: str) -> str:
    return f"configuration/{kind}/{name}"
