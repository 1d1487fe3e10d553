"""Client keys: who a presented key belongs to. Keeps keyed hashes, never keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from secrets import token_bytes

from gateway.errors import InvalidKey
from gateway.records import ClientKey

DIGEST_BYTES = 32


class KeyRing:
    """The client keys of one process.

    A presented key is hashed under a secret of this process and the digest looked up. How long that takes says nothing
    about the keys there are: no comparison ever involves one, and digests cannot be chosen from outside.
    """

    __slots__ = ("_keys", "_secret")

    def __init__(self, keys: Iterable[tuple[str, ClientKey]]) -> None:
        """`keys`: each key as the client sends it, and its record."""
        self._secret = token_bytes(DIGEST_BYTES)
        self._keys = {self._digest(secret.encode()): key for secret, key in keys}

    def find(self, presented: bytes) -> ClientKey | None:
        """The record of a key, or None."""
        return self._keys.get(self._digest(presented))

    def get(self, headers: dict[bytes, bytes]) -> ClientKey:
        """The record of the key that a request carries; raises InvalidKey."""
        presented = presented_key(headers)
        if not presented:
            raise InvalidKey(
                "You didn't provide an API key. Provide one in an Authorization header: Authorization: Bearer YOUR_KEY."
            )
        key = self._keys.get(self._digest(presented))
        if key is None:
            raise InvalidKey("Incorrect API key provided.")
        return key

    def _digest(self, presented: bytes) -> bytes:
        return hashlib.blake2b(presented, key=self._secret, digest_size=DIGEST_BYTES).digest()


def presented_key(headers: dict[bytes, bytes]) -> bytes:
    """The key in the headers (names lower-case) of a request; empty when there is none.

    It is in `Authorization: Bearer`, `x-api-key` or `x-goog-api-key`: where each vendor's SDK puts it.
    """
    authorization = headers.get(b"authorization", b"")
    if authorization[:7].lower() == b"bearer ":
        return authorization[7:].strip()
    return (headers.get(b"x-api-key") or headers.get(b"x-goog-api-key", b"")).strip()
