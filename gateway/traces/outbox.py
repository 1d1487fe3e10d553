"""Spans on their way to a collector: gathered, sent in batches, kept while it is away, given up when too many wait.

Lives in the event loop of a worker and makes nobody wait there. Knows what a collector's answers mean (OTLP over HTTP);
how spans are written and how a collector is reached is handed in. Says nothing that may hold a secret.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gateway import logs
from gateway.errors import UpstreamError

if TYPE_CHECKING:
    from gateway.outbound.client import Fetched

GATHER_SECONDS = 1.0
"""How long a span waits for others to go with."""

BATCH_SPANS = 1024
"""Most spans in one request: about a megabyte."""

MOST_SPANS = 8192
"""Spans that wait for a collector, at the most; beyond that new ones are lost."""

SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Between two tries while a collector is away: doubled each time, and varied by chance."""

CLOSING_SECONDS = 3.0
"""How long the last spans may take to be sent."""

QUIET_SECONDS = 60.0
"""How often it is said that spans are lost."""

RETRIED = frozenset((429, 502, 503, 504))
"""Answers after which a batch may be sent again, and after no others
(https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes)."""

REASON_CHARACTERS = 200

log = logs.get("gateway.traces")

Post = Callable[[bytes], Awaitable["Fetched"]]
"""Brings a batch to the collector. Raises UpstreamError."""


class Batches(Protocol):
    """How a batch is written, and the answer to it read."""

    def batch(self, spans: Iterable[bytes]) -> bytes:
        """The body of a request with these spans."""

    def rejected(self, body: bytes) -> tuple[int, str]:
        """How many spans a collector did not take of a batch that it took, and why."""


@dataclass(slots=True)
class Losses:
    """Spans that nobody will see, of all outboxes that a process has had."""

    spans: int = 0


class Outbox:
    """The spans of one process that are for one collector. Not for several threads."""

    def __init__(self, batches: Batches, post: Post, losses: Losses) -> None:
        self._batches, self._post, self._losses = batches, post, losses
        self._waiting: deque[bytes] = deque()
        self._in_hand = 0
        """Spans of the batch that is being sent."""
        self._hurry, self._closing = asyncio.Event(), asyncio.Event()
        self._is_away = False
        self._unsaid = 0
        self._quiet_until = 0.0
        self._running = asyncio.create_task(self._run())

    def add(self, span: bytes) -> None:
        """Take a span along."""
        if len(self._waiting) >= MOST_SPANS:
            self._lose(1, "too many wait for the collector")
            return
        self._waiting.append(span)
        if len(self._waiting) >= BATCH_SPANS:
            self._hurry.set()

    async def close(self) -> None:
        """Send what is there, as far as that goes in a few seconds; the rest is lost."""
        self._closing.set()
        self._hurry.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._running, CLOSING_SECONDS)
        self._lose(self._in_hand + len(self._waiting), "the collector did not take them before the end")
        self._waiting.clear()

    async def _run(self) -> None:
        while self._waiting or not self._closing.is_set():
            await self._gather()
            if self._waiting:
                await self._bring()

    async def _gather(self) -> None:
        """Wait until there is a whole batch, or what there is has waited long enough."""
        if len(self._waiting) < BATCH_SPANS:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), GATHER_SECONDS)
        if not self._closing.is_set():
            self._hurry.clear()

    async def _bring(self) -> None:
        """Send a batch until it is taken or refused, with pauses that grow; at the end there is no time for these."""
        spans = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_SPANS))]
        self._in_hand = len(spans)
        try:
            body, pause = self._batches.batch(spans), SHORTEST_PAUSE
            while (asked := await self._try(body, len(spans))) is not None and not self._closing.is_set():
                with suppress(TimeoutError):
                    # Chance, so that many gateways do not come back at the same moment.
                    seconds = max(asked, pause * random.uniform(0.5, 1.0))  # noqa: S311 # nothing to guess here
                    await asyncio.wait_for(self._closing.wait(), seconds)
                pause = min(pause * 2, LONGEST_PAUSE)
            if asked is not None:
                self._lose(len(spans), "the collector was away at the end")
        except Exception:  # whatever it was, the next batch shall be sent
            log.exception("a batch of spans failed")
            self._lose(len(spans), "a mistake of ours")
        self._in_hand = 0

    async def _try(self, body: bytes, spans: int) -> float | None:
        """Send a batch once. None when nothing is left to do for it; else how long the collector asks to be left."""
        try:
            answer = await self._post(body)
        except UpstreamError as error:
            self._note_away(error.message)
            return 0.0
        if answer.status in RETRIED:
            self._note_away(f"it answers {answer.status}")
            return _retry_after(answer.headers)
        if not 200 <= answer.status < 300:
            self._lose(spans, f"the collector refuses them with {answer.status}")
            return None
        self._note_back()
        rejected, reason = self._batches.rejected(answer.body)
        self._lose(min(rejected, spans), reason)
        return None

    def _note_away(self, reason: str) -> None:
        if not self._is_away:
            log.warning("the collector of spans is away, they wait", reason=reason)
        self._is_away = True

    def _note_back(self) -> None:
        if self._is_away:
            log.info("the collector of spans takes them again")
        self._is_away = False

    def _lose(self, spans: int, reason: str) -> None:
        """So many are lost: counted each time, said now and then."""
        if spans <= 0:
            return
        self._losses.spans += spans
        self._unsaid += spans
        now = asyncio.get_running_loop().time()
        if now >= self._quiet_until:
            log.warning("spans are lost", spans=self._unsaid, reason=reason[:REASON_CHARACTERS])
            self._quiet_until, self._unsaid = now + QUIET_SECONDS, 0


def _retry_after(headers: Mapping[str, str]) -> float:
    """The seconds that an answer asks for, where it says them as a number."""
    said = headers.get("retry-after", "")
    return min(float(said), LONGEST_PAUSE) if said.isascii() and said.isdigit() else 0.0
