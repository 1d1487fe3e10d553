"""Brings together what is sealed and the key that opens it: for every process of the gateway and for its commands.

Knows where keys may be (settings, the data directory) and which secrets the gateway keeps for itself. While keys are
being changed there are two: the one that opens the database is the right one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from secrets import token_bytes
from typing import NamedTuple

from gateway.credentials.keyfile import KeyUnusable, key_file, make_file, next_key_file, read_file, read_key
from gateway.credentials.vault import Vault, VaultError
from gateway.settings.model import Settings
from gateway.store.session import Session

SECRET_BYTES = 32

KEYS, SESSIONS = "keys", "sessions"
CAPTURES = "captures"
"""What captures are sealed under; made by whoever first keeps one."""


class Secrets(NamedTuple):
    """What the gateway itself keeps secret. Never changes, whatever seals it."""

    keys: bytes
    """What digests of client keys, tokens and links are made under."""
    sessions: bytes
    """What cookies are signed with."""

    def __repr__(self) -> str:
        return "Secrets(...)"


class Unlocked(NamedTuple):
    """A vault that opens what the database holds now, and the gateway's own secrets from it."""

    vault: Vault
    secrets: Secrets


def make_key(settings: Settings) -> None:
    """Make the key file of the data directory where no key is said and none is there. Raises KeyUnusable."""
    path = key_file(Path(settings.server.data_dir))
    if not settings.vault.key and read_file(path) is None:
        make_file(path)


def begin(session: Session, settings: Settings) -> Unlocked:
    """The same as `unlock`, where a gateway may never have been: the key file is made too, as long as nothing is sealed
    that another key would have to open. Within a transaction. Raises KeyUnusable."""
    if not session.rows("vault/secrets"):
        make_key(settings)
    return unlock(session, settings)


def unlock(session: Session, settings: Settings) -> Unlocked:
    """The vault and the secrets, which are made where there are none: within a transaction. Raises KeyUnusable."""
    sealed = {row["name"]: row["sealed"] for row in session.rows("vault/secrets")}
    vault = _fitting(settings, sealed.get(KEYS))
    return Unlocked(vault, Secrets(*(_opened(session, vault, name, sealed.get(name)) for name in (KEYS, SESSIONS))))


def captures_key(session: Session, settings: Settings) -> bytes | None:
    """What captures are sealed under; None where nobody ever kept one. Raises KeyUnusable."""
    sealed = {row["name"]: row["sealed"] for row in session.rows("vault/secrets")}
    if CAPTURES not in sealed:
        return None
    return _opened(session, _fitting(settings, sealed.get(KEYS)), CAPTURES, sealed[CAPTURES])


def make_captures_key(session: Session, settings: Settings) -> bytes:
    """The same, and made where there is none: within a transaction. Raises KeyUnusable."""
    found = captures_key(session, settings)
    return _opened(session, unlock(session, settings).vault, CAPTURES, None) if found is None else found


def check_opens(settings: Settings, sealed: Mapping[str, bytes], place: str) -> None:
    """Raises KeyUnusable where the key at hand does not open the gateway's own secrets of another place."""
    for name, value in sealed.items():
        try:
            _fitting(settings, value, place).open(value, f"server/{name}")
        except VaultError as error:
            raise KeyUnusable(str(error)) from None


def _fitting(settings: Settings, sealed: bytes | None, place: str = "the database") -> Vault:
    """The vault whose key sealed what is in a place; the first one where nothing is there yet."""
    vaults = [Vault(key) for key in _keys(settings)]
    if not vaults:
        raise KeyUnusable(f"there is no vault key: {key_file(Path(settings.server.data_dir))} is missing")
    for vault in vaults:
        if sealed is None or vault.sealed(sealed):
            return vault
    raise KeyUnusable(
        f"{_place(settings)} is not the vault key that sealed the secrets in {place}; give the one that did, by "
        "`vault.key_file` or `vault.key_env`"
    )


def _keys(settings: Settings) -> Iterator[bytes]:
    if settings.vault.key:
        yield read_key(settings.vault.key, "vault.key")
        return
    data_dir = Path(settings.server.data_dir)
    # The first once more: while it was read, the next one may have taken its place.
    for path in (key_file(data_dir), next_key_file(data_dir), key_file(data_dir)):
        if (key := read_file(path)) is not None:
            yield key


def _place(settings: Settings) -> str:
    return "what `vault` says" if settings.vault.key else str(key_file(Path(settings.server.data_dir)))


def _opened(session: Session, vault: Vault, name: str, sealed: bytes | None) -> bytes:
    context = f"server/{name}"
    if sealed is not None:
        try:
            return vault.open(sealed, context)
        except VaultError as error:
            raise KeyUnusable(str(error)) from None
    made = token_bytes(SECRET_BYTES)
    kept = vault.seal(made, context)
    if session.run("vault/keep_secret", {"name": name, "sealed": kept, "now_us": time.time_ns() // 1000}):
        return made
    raise KeyUnusable(f"another process has just made the secret `{name}`; try again")
