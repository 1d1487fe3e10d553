"""Asks the control process what texts come to in tokens: its tokenizer is too large for every worker to have one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import orjson

from gateway import logs
from gateway.errors import UpstreamError
from gateway.formats.counting import Measured
from gateway.outbound.wire import Origin, Pool, Request

from .gathering import Gathered, gather

PATH = b"/internal/count-tokens"

SOON = PATH + b"?soon=yes"

PATIENCE_SECONDS = 5.0
"""How long the control process may take before we do without it."""

MOST_BYTES = 8 * 1024 * 1024
"""Of texts. More is beyond any model, and how far beyond nobody needs to know exactly."""

MOST_ANSWERED = 4096

SOON_SECONDS = 2.0
"""How long it may take where the end of an answer waits for it."""

AT_ONCE = 64
"""How many answers may wait for their count at a time."""

REST_SECONDS = 5.0
"""For how long no answer waits any more, once one has waited in vain. A control process that says at once that it
cannot tell, being too busy or just begun, keeps nobody waiting, and is asked the next time."""

log = logs.get("gateway.relay.estimator")


class _Counted(msgspec.Struct):
    tokens: list[int]


class Estimator:
    """The tokenizer, as a worker sees it."""

    def __init__(self, pool: Callable[[], Pool], socket_path: str) -> None:
        """`pool` tells the connections in use, which new settings may replace."""
        self._pool = pool
        self._origin = Origin("unix", socket_path, 0)
        self._waiting = 0
        """Answers that wait for their count."""
        self._rests_until = 0.0
        """Loop time before which no answer waits."""

    async def count(self, part: Measured) -> int:
        """Tokens of the texts; a guess by their size where the tokenizer is away, slow, or asked too much."""
        if not part.texts or part.size > MOST_BYTES:
            return part.guess
        answer = await self._ask(_request(PATH, part.texts), PATIENCE_SECONDS)
        tokens = None if answer is None else _tokens(answer, len(part.texts))
        return part.guess if tokens is None else sum(tokens)

    async def count_soon(self, texts: Sequence[str]) -> list[int] | None:
        """Tokens of each of these texts; None where nobody tells them soon, at once where others have waited in
        vain."""
        clock = asyncio.get_running_loop().time
        if not any(texts):
            return [0] * len(texts)
        if self._waiting >= AT_ONCE or clock() < self._rests_until:
            return None
        self._waiting += 1
        try:
            answer = await self._ask(_request(SOON, texts), SOON_SECONDS)
        finally:
            self._waiting -= 1
        if answer is None:
            self._rests_until = clock() + REST_SECONDS
            return None
        return _tokens(answer, len(texts))

    async def _ask(self, request: Request, seconds: float) -> Gathered | None:
        try:
            async with asyncio.timeout(seconds):
                return await gather(self._pool(), self._origin, request, MOST_ANSWERED)
        except (UpstreamError, TimeoutError) as error:
            log.warning("texts are counted without the tokenizer", reason=str(error) or "it took too long")
            return None


def _request(path: bytes, texts: Sequence[str]) -> Request:
    body = orjson.dumps(texts)
    head = b"POST %b HTTP/1.1\r\nhost: control\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return Request(b"POST", head % (path, len(body)), body, PATIENCE_SECONDS, PATIENCE_SECONDS)


def _tokens(answer: Gathered, count: int) -> list[int] | None:
    """The numbers in the control process's answer; None when it has none, being too busy for instance."""
    try:
        tokens = msgspec.json.decode(answer.body, type=_Counted).tokens if answer.status == 200 else None
    except msgspec.DecodeError as error:
        log.warning("the control process gave no number", reason=str(error))
        return None
    return tokens if tokens is not None and len(tokens) == count else None
