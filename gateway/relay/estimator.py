"""Asks the control process what texts come to in tokens: its tokenizer is too large for every worker to have one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import orjson

from gateway import logs
from gateway.errors import UpstreamError
from gateway.formats.counting import Measured
from gateway.outbound.wire import Origin, Pool, Request

from .gathering import Gathered, gather

PATH = b"/internal/count-tokens"

PATIENCE_SECONDS = 5.0
"""How long the control process may take before we do without it."""

MOST_BYTES = 8 * 1024 * 1024
"""Of texts. More is beyond any model, and how far beyond nobody needs to know exactly."""

MOST_ANSWERED = 4096

log = logs.get("gateway.relay.estimator")


class _Counted(msgspec.Struct):
    tokens: int


class Estimator:
    """The tokenizer, as a worker sees it."""

    def __init__(self, pool: Callable[[], Pool], socket_path: str) -> None:
        """`pool` tells the connections in use, which new settings may replace."""
        self._pool = pool
        self._origin = Origin("unix", socket_path, 0)

    async def count(self, part: Measured) -> int:
        """Tokens of the texts; a guess by their size where the tokenizer is away, slow, or asked too much."""
        if not part.texts or part.size > MOST_BYTES:
            return part.guess
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await gather(self._pool(), self._origin, _request(part), MOST_ANSWERED)
        except (UpstreamError, TimeoutError) as error:
            log.warning("texts are counted without the tokenizer", reason=str(error) or "it took too long")
            return part.guess
        return _tokens(answer) or part.guess


def _request(part: Measured) -> Request:
    body = orjson.dumps(part.texts)
    head = b"POST %b HTTP/1.1\r\nhost: control\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return Request(b"POST", head % (PATH, len(body)), body, PATIENCE_SECONDS, PATIENCE_SECONDS)


def _tokens(answer: Gathered) -> int:
    """The number in the control process's answer; 0 when it has none, being too busy for instance."""
    try:
        return msgspec.json.decode(answer.body, type=_Counted).tokens if answer.status == 200 else 0
    except msgspec.DecodeError as error:
        log.warning("the control process gave no number", reason=str(error))
        return 0
