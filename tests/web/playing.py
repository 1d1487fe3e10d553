"""The gateway as its own client, in a test: answers what the test says, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gateway.errors import GatewayError

OURS = {
    "content-type": "application/json",
    "x-sluicegate-provider": "mock",
    "x-sluicegate-model": "tiny",
    "x-sluicegate-credential": "first",
    "x-sluicegate-attempts": "1",
}


@dataclass(frozen=True)
class Asked:
    """What came in."""

    path: str
    body: bytes
    secret: str


@dataclass(frozen=True)
class Answer:
    """What goes out."""

    parts: tuple[bytes, ...]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: OURS)
    breaks: GatewayError | None = None
    """After the last part."""
    hangs: bool = False
    """Nothing more comes, for ever."""


@dataclass(frozen=True)
class Coming:
    status: int
    headers: Mapping[str, str]
    parts: AsyncIterator[bytes]


class Playing:
    """Whoever answers."""

    def __init__(self) -> None:
        self.answer = Answer((b"{}",))
        self.refusal: GatewayError | None = None
        self.asked_for: list[Asked] = []
        self.left = asyncio.Event()
        """Whoever asked has left, before the end or at it."""

    @asynccontextmanager
    async def asked(self, path: str, body: bytes, secret: str) -> AsyncIterator[Coming]:
        self.asked_for.append(Asked(path, body, secret))
        if self.refusal is not None:
            raise self.refusal
        try:
            yield Coming(self.answer.status, self.answer.headers, self._parts())
        finally:
            self.left.set()

    async def _parts(self) -> AsyncIterator[bytes]:
        for part in self.answer.parts:
            yield part
        if self.answer.hangs:
            await asyncio.Event().wait()
        if self.answer.breaks is not None:
            raise self.answer.breaks
