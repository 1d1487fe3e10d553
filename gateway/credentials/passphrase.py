"""The key that a passphrase is: for secrets that travel, where the vault's own key does not.

Knows Argon2id (RFC 9106) and how hard it is made. That takes half a second of one core: callers run it in a thread.
"""

from __future__ import annotations

from secrets import token_bytes

from nacl.pwhash import argon2id

from gateway.credentials.vault import KEY_BYTES

SALT_BYTES = argon2id.SALTBYTES

PASSES = 4
MEMORY_BYTES = 128 * 1024 * 1024
"""More than RFC 9106 recommends where memory is scarce (three passes over 64 MiB)."""

LEAST_CHARACTERS = 12
"""Whoever has what was sealed can try passphrases for as long as they like."""


def make_salt() -> bytes:
    """What makes two keys of the same passphrase different."""
    return token_bytes(SALT_BYTES)


def key_of(passphrase: str, salt: bytes) -> bytes:
    """A key for a vault. ValueError for a salt of another length."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    key: bytes = argon2id.kdf(KEY_BYTES, passphrase.encode(), salt, opslimit=PASSES, memlimit=MEMORY_BYTES)
    return key
