"""Which credential holds the prompt cache of a conversation: a table of sessions in shared memory.

Knows sessions by the digests that name them, and credentials by name. A session may be in eight places only; where they
are all taken, the one that was silent longest is forgotten. Nobody locks anything: of two who write at the same place
one is forgotten, and a conversation that is forgotten goes to another account once.
"""

from __future__ import annotations

from gateway.pools.fields import write_text
from gateway.shared.layout import SESSION_BYTES
from gateway.shared.memory import SharedMemory

WAYS = 8
WORDS = SESSION_BYTES // 8
USED_AT, NAME = 1, 2
"""Words of an entry: the session, Unix time in microseconds at which it was last used, the credential's name."""
NAME_BYTES = SESSION_BYTES - NAME * 8
"""No name in the settings is longer."""

KEPT_US = 3_600_000_000
"""Prompt caches last an hour at most (Anthropic, "Prompt caching", `ttl: 1h`); then any account is as good."""

FRESH_US = 60_000_000
"""An entry that was used within this time is not written anew."""


class Sessions:
    """The table."""

    def __init__(self, memory: SharedMemory) -> None:
        place = memory.layout.of("sessions")
        self._words, self._bytes = memory.signed, memory.bytes
        self._first = place.slots // 8
        self._sets = place.area.capacity // WAYS

    def holder(self, session: bytes, now_us: int) -> bytes | None:
        """Name of the credential that a session is bound to; None where there is none."""
        number, first = self._begin(session)
        words = self._words
        for at in range(first, first + WAYS * WORDS, WORDS):
            if words[at] == number:
                if now_us - words[at + USED_AT] > KEPT_US:
                    return None
                return self._name(at).rstrip(b"\0")
        return None

    def bind(self, session: bytes, credential: str, now_us: int) -> None:
        """Bind a session, named by a digest of 16 bytes, to a credential, or keep it bound."""
        number, first = self._begin(session)
        words, places = self._words, range(first, first + WAYS * WORDS, WORDS)
        name = write_text(credential, NAME_BYTES)
        found = next((at for at in places if words[at] == number), None)
        if found is not None and 0 <= now_us - words[found + USED_AT] < FRESH_US and self._name(found) == name:
            return
        at = found if found is not None else min(places, key=lambda at: words[at + USED_AT])
        # Whoever reads meanwhile finds no session rather than the credential of another one.
        words[at] = 0
        words[at + USED_AT] = now_us
        self._bytes[(at + NAME) * 8 : (at + WORDS) * 8] = name
        words[at] = number

    def _name(self, at: int) -> bytes:
        return self._bytes[(at + NAME) * 8 : (at + WORDS) * 8].tobytes()

    def _begin(self, session: bytes) -> tuple[int, int]:
        """The number of a session, never 0, and the word at which its places begin."""
        place = int.from_bytes(session[8:], "little") % self._sets
        return int.from_bytes(session[:8], "little", signed=True) or 1, self._first + place * (WAYS * WORDS)
