"""The same request twice: `Idempotency-Key` has it carried out once and answered twice.

Knows keys, digests and answers. Where answers are kept is not its business; what a place must promise is written below.
After draft-ietf-httpapi-idempotency-key-header: a key belongs to whoever sends it, for a day.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import NamedTuple, Protocol

from gateway import logs
from gateway.errors import Conflict, GatewayError, InvalidRequest, Unacceptable

from .operation import Flow

KEY_HEADER = "Idempotency-Key"
REPLAYED = ("idempotency-replayed", "true")
KEPT_SECONDS = 24 * 3600
"""How long an answer is kept."""

ABANDONED_SECONDS = 300
"""After this long, a request that never finished counts as never made: its process has died."""

RETRY_SECONDS = 1
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

log = logs.get("gateway.api")


class Written(NamedTuple):
    """An answer as it goes out."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """With the type of the body; names in lower case."""
    body: bytes
    """It may hold what is shown once."""
    flow: Flow | None = None
    """What follows behind it; never kept."""

    def __repr__(self) -> str:
        return f"Written({self.status}, {len(self.body)} bytes)"


class Standing(Enum):
    """How a request stands that has no answer yet."""

    FRESH = "fresh"
    """Nobody has asked before: it is to be carried out."""
    IN_PROGRESS = "in progress"
    MISMATCH = "mismatch"
    """The key was used for another request."""


class IdempotentAnswers(Protocol):
    """Where answers are kept, shared by all processes. Each verb raises StateUnavailable."""

    async def begin(self, actor: str, key: str, digest: bytes) -> Standing | Written:
        """The answer to repeat, or how the request stands. FRESH goes to one asker only, until `finish` or `abandon`;
        an answer older than KEPT_SECONDS and a beginning older than ABANDONED_SECONDS count for nothing."""

    async def finish(self, actor: str, key: str, answer: Written) -> None:
        """Keep the answer. It may hold a secret that is shown once."""

    async def abandon(self, actor: str, key: str) -> None:
        """Forget that the request was begun: it may be made again."""


class Repeatable(NamedTuple):
    """A request that has a key."""

    actor: str
    key: str
    digest: bytes


def read_key(said: list[str]) -> str | None:
    """The key among the values of its header. Raises InvalidRequest when it is none."""
    if not said:
        return None
    if len(said) > 1 or not _KEY.fullmatch(said[0]):
        raise InvalidRequest(
            f"{KEY_HEADER} is 1 to 255 printable characters of ASCII, without spaces.", param=KEY_HEADER
        )
    return said[0]


def digest_of(method: str, target: bytes, body: bytes) -> bytes:
    """What tells a request from another: method, path with query, body."""
    parts = (method.encode(), target, body)
    return hashlib.blake2b(b"".join(b"%d:%b" % (len(part), part) for part in parts), digest_size=32).digest()


async def once(answers: IdempotentAnswers, request: Repeatable, perform: Callable[[], Awaitable[Written]]) -> Written:
    """The answer to a request that may have been made before. `perform` raises nothing: what went wrong is its answer.

    Raises Conflict while the first is still running, Unacceptable for another request, StateUnavailable.
    """
    found = await answers.begin(request.actor, request.key, request.digest)
    if isinstance(found, Written):
        return found._replace(headers=(*found.headers, REPLAYED))
    if found is Standing.MISMATCH:
        raise Unacceptable(f"This {KEY_HEADER} was sent with another request.", param=KEY_HEADER)
    if found is Standing.IN_PROGRESS:
        raise Conflict("The same request is still running.", param=KEY_HEADER, retry_after=RETRY_SECONDS)
    written = await perform()
    await _remember(answers, request, written)
    return written


async def _remember(answers: IdempotentAnswers, request: Repeatable, written: Written) -> None:
    """Keep an answer that another try would get too. What was done is done, whether or not that can be kept."""
    try:
        if written.status >= 500 or written.status == 429:
            await answers.abandon(request.actor, request.key)
        else:
            await answers.finish(request.actor, request.key, written)
    except GatewayError as error:
        log.error("an idempotent answer cannot be kept", reason=error.message)
