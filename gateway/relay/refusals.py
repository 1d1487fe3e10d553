"""Which signatures a provider has refused: a conversation brings them back with every turn.

Known by worker, bounded, and only what was refused: nothing is looked for in answers, and a signature that nobody has
refused is always tried.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b

from gateway.routing.dispatch import Attempt

REMEMBERED = 20_000
"""Signatures; about 200 bytes each."""


class Refusals:
    """The signatures that were refused, by whom."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._most = most

    def __len__(self) -> int:
        """How many are known."""
        return len(self._known)

    def note(self, attempt: Attempt, signatures: Iterable[str]) -> None:
        """One of these was refused, and nobody knows which."""
        for signature in filter(None, signatures):
            name = _name(attempt, signature)
            self._known[name] = None
            self._known.move_to_end(name)
        while len(self._known) > self._most:
            self._known.popitem(last=False)

    def knows(self, attempt: Attempt, signature: str) -> bool:
        """Whether it was refused where this attempt goes."""
        return bool(signature) and _name(attempt, signature) in self._known


def _name(attempt: Attempt, signature: str) -> bytes:
    target = attempt.target
    where = f"{target.provider}\0{target.model}\0{attempt.credential.name}\0{signature}"
    return blake2b(where.encode("utf-8", "replace"), digest_size=16).digest()
