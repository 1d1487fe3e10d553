"""Traffic of every kind that goes well or badly, at a rate that follows how busy the gateway is. For soaks.

Knows what is asked and how often. What comes back is only looked at as far as it takes to ask again.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from random import Random

from benchmarks import configurations
from benchmarks.stage import MODEL

NAMES = 10_000
"""Models that nobody has, each with a name of its own."""

CLIENTS = 64
"""Requests at once; of more than that none is begun."""

SECONDS = 30.0
"""How long one may take."""

LATE_SECONDS = 0.1

PIECE = 65536
NAMED = f"{configurations.PROVIDER}/{MODEL}"


@dataclass(frozen=True, slots=True)
class Kind:
    """Requests that are alike."""

    name: str
    share: int
    body: Callable[[int], bytes]
    key: str = configurations.CLIENT_KEY
    leaves_after: float | None = None
    """Seconds after which the client is gone."""


def _chat(model: str, *, stream: bool = False) -> bytes:
    said = {"model": model, "messages": [{"role": "user", "content": "How long is the coast of Norway?"}]}
    return json.dumps({**said, "stream": True} if stream else said).encode()


KINDS = (
    Kind("plain", 38, lambda number: _chat(NAMED)),
    Kind("streamed", 24, lambda number: _chat(f"{NAMED};chunks=8", stream=True)),
    Kind("paced", 6, lambda number: _chat(f"{NAMED};chunks=20;pace=10ms", stream=True)),
    Kind("aborted", 6, lambda number: _chat(f"{NAMED};chunks=200;pace=10ms", stream=True), leaves_after=0.05),
    Kind("limited", 5, lambda number: _chat(f"{NAMED};status=429;retry=0")),
    Kind("failing", 3, lambda number: _chat(f"{NAMED};status=500")),
    Kind("cut", 3, lambda number: _chat(f"{NAMED};cut=3", stream=True)),
    Kind("reset", 1, lambda number: _chat(f"{NAMED};reset=0")),
    Kind("unknown model", 10, lambda number: _chat(f"missing-{number % NAMES}")),
    Kind("unknown key", 2, lambda number: _chat(NAMED), key="sk-nobody-knows-me"),
    Kind("malformed", 2, lambda number: b'{"model":'),
)


@dataclass
class Mixture:
    """Traffic to one address, from `run` until that is cancelled."""

    address: str
    a_second: float
    """How many requests are begun; may be changed at any time."""
    kinds: Sequence[Kind] = KINDS
    asked: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    """By their status; `none` where there was none."""
    skipped: int = 0
    """Requests that were due while too many ran."""

    async def run(self) -> None:
        """Ask until cancelled."""
        chance, running = Random(1), set[asyncio.Task[None]]()
        weights = [kind.share for kind in self.kinds]
        due = asyncio.get_running_loop().time()
        try:
            for number in count():
                now = asyncio.get_running_loop().time()
                # Whoever is late does not make up for all of it.
                due = max(due + 1 / self.a_second, now - LATE_SECONDS)
                await asyncio.sleep(max(0.0, due - now))
                if len(running) >= CLIENTS:
                    self.skipped += 1
                    continue
                (kind,) = chance.choices(self.kinds, weights)
                task = asyncio.create_task(self._ask(kind, number))
                running.add(task)
                task.add_done_callback(running.discard)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _ask(self, kind: Kind, number: int) -> None:
        self.asked[kind.name] += 1
        status = b""
        with suppress(OSError, TimeoutError):
            status = await self._status(kind, number)
        self.answered[status.decode() or "none"] += 1

    async def _status(self, kind: Kind, number: int) -> bytes:
        host, _, port = self.address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        first = b""
        try:
            async with asyncio.timeout(kind.leaves_after or SECONDS):
                writer.write(self._request(kind, number))
                first = piece = await reader.read(PIECE)
                while piece:
                    piece = await reader.read(PIECE)
        except TimeoutError:
            if kind.leaves_after is None:
                raise
        finally:
            writer.transport.abort()
        return first[9:12]

    def _request(self, kind: Kind, number: int) -> bytes:
        body = kind.body(number)
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: {self.address}\r\nAuthorization: Bearer {kind.key}\r\n"
            f"Content-Type: application/json\r\nUser-Agent: soak-{number % NAMES}\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body
