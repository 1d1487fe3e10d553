"""Seals what is secret before it is kept, and opens it again. The key is all that is needed, and it is not kept here.

Knows libsodium's secretbox (XSalsa20-Poly1305: https://doc.libsodium.org/secret-key_cryptography/secretbox) and the
shape of what it makes. Does not know what is sealed, where it is kept, nor where the key comes from.
"""

from __future__ import annotations

import hmac
from hashlib import blake2b

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

KEY_BYTES = SecretBox.KEY_SIZE

SHAPE = b"\x01"
"""First byte of everything sealed: what the rest looks like."""

MARK_BYTES = 8
CONTEXT_BYTES = 16


class VaultError(Exception):
    """It cannot be opened, in one line: another key sealed it, it was sealed for another place, or it was changed."""


class Vault:
    """One key. Sealed values carry a mark of it, so that a wrong key is told from a damaged value."""

    def __init__(self, key: bytes) -> None:
        """ValueError unless the key has 32 bytes."""
        if len(key) != KEY_BYTES:
            raise ValueError(f"a vault key has {KEY_BYTES} bytes, not {len(key)}")
        self._box = SecretBox(key)
        self.mark = blake2b(key, digest_size=MARK_BYTES, person=b"vault mark").digest()

    def seal(self, plain: bytes, context: str) -> bytes:
        """`plain`, for this place only: `context` says what it is, and `open` must say the same."""
        return SHAPE + self.mark + bytes(self._box.encrypt(_place(context) + plain))

    def open(self, sealed: bytes, context: str) -> bytes:
        """What was sealed for this place. Raises VaultError."""
        head = len(SHAPE) + MARK_BYTES
        if sealed[: len(SHAPE)] != SHAPE or len(sealed) <= head:
            raise VaultError(f"the sealed value of {context} has an unknown shape")
        if not self.sealed(sealed):
            raise VaultError(f"the sealed value of {context} was sealed with another key")
        try:
            opened = self._box.decrypt(sealed[head:])
        except (CryptoError, ValueError):
            raise VaultError(f"the sealed value of {context} is damaged") from None
        if not hmac.compare_digest(opened[:CONTEXT_BYTES], _place(context)):
            raise VaultError(f"the sealed value of {context} belongs to something else")
        return opened[CONTEXT_BYTES:]

    def sealed(self, sealed: bytes) -> bool:
        """Whether this key sealed it, as far as its mark tells."""
        return hmac.compare_digest(sealed[len(SHAPE) : len(SHAPE) + MARK_BYTES], self.mark)

    def __repr__(self) -> str:
        return f"Vault(mark={self.mark.hex()})"


def fingerprint(secret: str, key: bytes) -> str:
    """Twelve characters that tell one secret from another and say nothing about it: what logs and audits show."""
    return blake2b(secret.encode(), key=key[:64], digest_size=6, person=b"fingerprint").hexdigest()


def _place(context: str) -> bytes:
    return blake2b(context.encode(), digest_size=CONTEXT_BYTES, person=b"vault context").digest()
