"""The gateway as its own client, in a test: answers what the test says, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from gateway.errors import GatewayError

if TYPE_CHECKING:  # it imports this module
    from tests.web.visiting import Answer as Page
    from tests.web.visiting import Person

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
    shown: bool


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
    async def asked(self, path: str, body: bytes, secret: str, *, shown: bool = False) -> AsyncIterator[Coming]:
        self.asked_for.append(Asked(path, body, secret, shown))
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


# What is told and answered, and how the form is sent

TARGET = {
    "provider": "mock",
    "model": "tiny",
    "strategy": "round_robin",
    "format": "anthropic",
    "translated": True,
    "path": "/v1/messages",
    "dropped": ["logit_bias"],
    "emulated": [],
    "quirks": [],
    "fetched_urls": 0,
    "body": {"model": "tiny-upstream", "max_tokens": 4096},
    "refused": None,
    "lags": "",
    "cost": {},
}
STEP = {"provider": "mock", "model": "tiny", "credential": "first", "state": "first", "reason": "", "until": None}
TOLD: Mapping[str, Any] = {"refused": None, "steps": [STEP], "targets": [TARGET]}

STREAM = OURS | {"content-type": "text/event-stream"}
CHAT = {"choices": [{"message": {"role": "assistant", "content": "Hello yourself"}}]}


def whole(**more: Any) -> Answer:
    return Answer((orjson.dumps(CHAT),), **more)


def streamed(*texts: str, **more: Any) -> Answer:
    events = [b"data: " + orjson.dumps({"choices": [{"delta": {"content": text}}]}) + b"\n\n" for text in texts]
    return Answer((*events, b"data: [DONE]\n\n"), **{"headers": STREAM, **more})


HELLO = {"format": "openai_chat", "model": "fast", "message": "Hello", "stream": ["no"]}


async def press(person: Person, button: str, **typed: Any) -> Page:
    """Send the form by another of its buttons."""
    assert person.last is not None
    fields = next(fields for where, fields in person.last.forms if where == "/playground/send")
    return await person.post(f"/playground/{button}", {**fields, **typed})
