"""Client keys: who a presented key belongs to, and whether it may be used now. Keeps keyed digests, never keys.

Knows the keys of the configuration file and those of the database in one table. Does not know where either is from, nor
when they change: it is told.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Collection, Iterable

from gateway.errors import InvalidKey, KeyExpired, KeyPaused, RequestRefused, StateUnavailable
from gateway.records import ClientKey, IssuedKey

from .tokens import digest

SaidKey = tuple[str, ClientKey]
"""A key of the configuration file as the client sends it, and its record."""


class KeyRing:
    """The client keys of one process.

    A presented key is hashed under a secret and the digest looked up. How long that takes says nothing about the keys
    there are: no comparison ever involves one, and digests cannot be chosen from outside.
    """

    __slots__ = ("_clock", "_expiries", "_issued", "_keys", "_said", "_secret", "doubtful")

    def __init__(self, secret: bytes, said: Iterable[SaidKey] = (), *, clock: Callable[[], int] = time.time_ns) -> None:
        """`secret` is what digests are made under, `said` the keys of the configuration file; `clock` gives Unix
        nanoseconds."""
        self._clock = clock
        self.doubtful = False
        """There may be keys that this process has not heard of: one it does not know is no wrong one."""
        self.rekey(secret, said)

    def rekey(self, secret: bytes, said: Iterable[SaidKey]) -> None:
        """Begin anew under another secret, with the keys of the configuration file alone."""
        self._secret = secret
        self._keys: dict[bytes, ClientKey] = {}
        self._said, self._issued = _Layer(), _Layer()
        self._expiries: list[int] = []
        self.say(said)

    def say(self, said: Iterable[SaidKey]) -> frozenset[str]:
        """The configuration file has these keys from now on. Ids of those that go by another secret than before."""
        entries = [(digest(secret.encode(), self._secret), key) for secret, key in said]
        self._keep_only(self._said, {key.id for _, key in entries})
        return frozenset([key.id for mark, key in entries if self._put(self._said, mark, key)])

    def update(self, issued: Collection[IssuedKey], *, whole: bool = False) -> frozenset[str]:
        """These keys of the database are new or have changed; with `whole` there are no others. Ids of those that go by
        another secret than before."""
        if whole:
            self._keep_only(self._issued, {each.key.id for each in issued})
        for each in issued:
            if each.revoked:
                self._drop(self._issued, each.key.id)
        there = [each for each in issued if not each.revoked]
        return frozenset([each.key.id for each in there if self._put(self._issued, each.digest, each.key)])

    def now(self, key_id: str) -> ClientKey | None:
        """How the key with this id is by now; None when it is there no more."""
        mark = self._said.marks.get(key_id) or self._issued.marks.get(key_id)
        key = None if mark is None else self._keys[mark]
        return key if key is not None and key.id == key_id else None

    def find(self, presented: bytes) -> ClientKey | None:
        """The record of a key that may be used now, or None."""
        key = self._keys.get(digest(presented, self._secret))
        return None if key is None or refusal(key, self._clock() // 1000) is not None else key

    def get(self, headers: dict[bytes, bytes]) -> ClientKey:
        """The record of the key that a request carries. Raises InvalidKey, KeyExpired, KeyPaused, and StateUnavailable
        for an unknown one while keys may be there that nobody has told of."""
        presented = presented_key(headers)
        if not presented:
            raise InvalidKey(
                "You didn't provide an API key. Provide one in an Authorization header: Authorization: Bearer YOUR_KEY."
            )
        key = self._keys.get(digest(presented, self._secret))
        if key is None:
            if self.doubtful:
                raise StateUnavailable(
                    "The gateway cannot tell at the moment whether this key is valid.", retry_after=1
                )
            raise InvalidKey("Incorrect API key provided.")
        if key.paused or key.expires_at_us is not None:
            error = refusal(key, self._clock() // 1000)
            if error is not None:
                raise error
        return key

    def has_expired(self) -> bool:
        """Whether the time of any key has come since this was last asked."""
        now_us, due = self._clock() // 1000, False
        while self._expiries and self._expiries[0] <= now_us:
            heapq.heappop(self._expiries)
            due = True
        return due

    def _put(self, layer: _Layer, mark: bytes, key: ClientKey) -> bool:
        """Whether a key of this id was there under another digest."""
        before = layer.marks.get(key.id)
        rotated = before is not None and before != mark
        if rotated:
            self._drop(layer, key.id)
        layer.keys[mark] = key
        layer.marks[key.id] = mark
        self._settle(mark)
        if key.expires_at_us is not None:
            heapq.heappush(self._expiries, key.expires_at_us)
        return rotated

    def _keep_only(self, layer: _Layer, key_ids: Collection[str]) -> None:
        for key_id in layer.marks.keys() - key_ids:
            self._drop(layer, key_id)

    def _drop(self, layer: _Layer, key_id: str) -> None:
        mark = layer.marks.pop(key_id, None)
        # Two keys may have exchanged their secrets: then it is the other's by now.
        if mark is not None and layer.keys[mark].id == key_id:
            del layer.keys[mark]
            self._settle(mark)

    def _settle(self, mark: bytes) -> None:
        """One entry of the table that is asked. A key that stands in the configuration file as well belongs to it."""
        key = self._said.keys.get(mark) or self._issued.keys.get(mark)
        if key is None:
            self._keys.pop(mark, None)
        else:
            self._keys[mark] = key


class _Layer:
    """The keys of the file, or those of the database: by digest, and digests by id."""

    __slots__ = ("keys", "marks")

    def __init__(self) -> None:
        self.keys: dict[bytes, ClientKey] = {}
        self.marks: dict[str, bytes] = {}


def refusal(key: ClientKey, now_us: int) -> RequestRefused | None:
    """Why a key may not be used at this moment, Unix microseconds; None when it may."""
    if key.expires_at_us is not None and key.expires_at_us <= now_us:
        return KeyExpired("This API key has expired.")
    if key.paused:
        return KeyPaused("This API key is paused.")
    return None


def presented_key(headers: dict[bytes, bytes]) -> bytes:
    """The key in the headers (names lower-case) of a request; empty when there is none.

    It is in `Authorization: Bearer`, `x-api-key` or `x-goog-api-key`: where each vendor's SDK puts it.
    """
    authorization = headers.get(b"authorization", b"")
    if authorization[:7].lower() == b"bearer ":
        return authorization[7:].strip()
    return (headers.get(b"x-api-key") or headers.get(b"x-goog-api-key", b"")).strip()
