"""Objects of the configuration between their rows, where secrets are sealed, and what the settings make of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import orjson

from gateway import logs
from gateway.credentials.vault import Vault, VaultError
from gateway.settings.stored import Kind, StoredObject
from gateway.store.session import Row, Session

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


def _context(kind: str, name: str) -> str:
    return f"configuration/{kind}/{name}"
