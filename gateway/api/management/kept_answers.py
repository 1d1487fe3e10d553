"""Where answers to repeatable requests are kept: in the state, sealed, for they may hold what is shown once."""

from __future__ import annotations

import msgspec

from gateway.credentials.vault import VaultError
from gateway.management.office import Office
from gateway.store.session import Row, Session

from .idempotency import ABANDONED_SECONDS, KEPT_SECONDS, Standing, Written

CONTEXT = "idempotent_answer"
SECOND_US = 1_000_000


class KeptAnswers:
    """The answers of one gateway, whichever of its processes gave them."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def begin(self, actor: str, key: str, digest: bytes) -> Written | Standing:
        """The answer to repeat, or how the request stands. Raises StateUnavailable."""
        now_us = self._office.now_us
        parameters = {
            "actor": actor,
            "key": key,
            "digest": digest,
            "now_us": now_us,
            "kept_since_us": now_us - KEPT_SECONDS * SECOND_US,
            "abandoned_since_us": now_us - ABANDONED_SECONDS * SECOND_US,
        }

        def perform(session: Session) -> Written | Standing:
            if session.run("answers/begin", parameters):
                return Standing.FRESH
            row = session.row("answers/found", {"actor": actor, "key": key})
            if row is None:
                return Standing.FRESH
            if row["digest"] != digest:
                return Standing.MISMATCH
            return self._standing(session, row, _context(actor, key))

        return await self._office.state.write(perform)

    async def finish(self, actor: str, key: str, answer: Written) -> None:
        """Keep the answer. Raises StateUnavailable."""
        content = msgspec.msgpack.encode((answer.status, answer.headers, answer.body))

        def perform(session: Session) -> None:
            sealed = self._office.unlock(session).vault.seal(content, _context(actor, key))
            session.run("answers/finish", {"actor": actor, "key": key, "status": answer.status, "sealed": sealed})

        await self._office.state.write(perform)

    async def abandon(self, actor: str, key: str) -> None:
        """Forget that the request was begun. Raises StateUnavailable."""
        await self._office.state.write(lambda session: session.run("answers/abandon", {"actor": actor, "key": key}))

    def _standing(self, session: Session, row: Row, context: str) -> Written | Standing:
        if row["status"] is None:
            return Standing.IN_PROGRESS
        try:
            opened = self._office.unlock(session).vault.open(row["sealed"], context)
        except VaultError:
            return Standing.IN_PROGRESS  # its key was changed in between: it is about to be forgotten
        status, headers, body = msgspec.msgpack.decode(opened, type=tuple[int, tuple[tuple[str, str], ...], bytes])
        return Written(status, headers, body)


def _context(actor: str, key: str) -> str:
    """What an answer is sealed for: whoever can write the database does not get to read somebody else's by it."""
    return f"{CONTEXT}/{actor}/{key}"


def forget_old(session: Session, now_us: int) -> None:
    """Delete the answers that have had their time."""
    session.run("answers/forget", {"kept_since_us": now_us - KEPT_SECONDS * SECOND_US})
