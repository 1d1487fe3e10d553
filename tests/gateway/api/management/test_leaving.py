"""Operations that may take long are given up when whoever asked has left."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import structlog.testing
from blacksheep import Application
from msgspec import Struct

from gateway.api.management.operation import Asked, Operation
from gateway.errors import StateUnavailable
from tests.waiting import auntil

from .sample import Answers, Shelf, application


class Done(Struct):
    """What was done."""

    said: str


class Slow:
    """An operation that ends when it is let, and remembers how it ended."""

    def __init__(self, *, abandonable: bool = True) -> None:
        self.let = asyncio.Event()
        self.begun = False
        self.became = ""
        self.cleaning: Exception | None = None
        self.app = self._served(abandonable)

    async def run(self, asked: Asked[Any, None, None]) -> Done:
        self.begun = True
        try:
            await self.let.wait()
        except asyncio.CancelledError:
            self.became = "cancelled"
            if self.cleaning is not None:
                raise self.cleaning from None
            raise
        self.became = "done"
        return Done("done")

    def _served(self, abandonable: bool) -> Application:
        row = Operation(
            method="GET",
            path="/api/slow",
            id="slow",
            summary="What takes long",
            tag="slow",
            permission="keys:own|keys:write",
            answer=Done,
            abandonable=abandonable,
            run=self.run,
        )
        return application(Shelf(), Answers(), (row,))


class Client:
    """One that asks, and leaves when it is told to."""

    def __init__(self, app: Application) -> None:
        self.messages: list[dict[str, Any]] = []
        self.leaving = asyncio.Event()
        self._asked = False
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/api/slow",
            "raw_path": b"/api/slow",
            "query_string": b"",
            "headers": [(b"authorization", b"Bearer writer")],
        }
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.leaving.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        self.messages.append(message)


async def asked(slow: Slow) -> Client:
    await slow.app.start()  # type: ignore[no-untyped-call]
    client = Client(slow.app)
    await auntil(lambda: slow.begun)
    return client


async def test_who_stays_is_answered() -> None:
    slow = Slow()
    client = await asked(slow)
    slow.let.set()
    await asyncio.wait_for(client.task, 5)
    assert (client.status, json.loads(client.messages[1]["body"])) == (200, {"said": "done"})


async def test_when_its_client_leaves_it_is_cancelled_and_has_ended() -> None:
    slow = Slow()
    client = await asked(slow)
    client.leaving.set()
    with structlog.testing.capture_logs() as lines:
        await asyncio.wait_for(client.task, 5)
    assert (slow.became, client.status, lines) == ("cancelled", 499, [])


async def test_one_that_fails_at_its_end_is_in_the_log() -> None:
    slow = Slow()
    slow.cleaning = StateUnavailable("gone")
    client = await asked(slow)
    client.leaving.set()
    with structlog.testing.capture_logs() as lines:
        await asyncio.wait_for(client.task, 5)
    assert client.status == 499
    assert [(line["log_level"], line["reason"]) for line in lines] == [("warning", "gone")]


async def test_others_are_carried_out_to_their_end() -> None:
    slow = Slow(abandonable=False)
    client = await asked(slow)
    client.leaving.set()
    slow.let.set()
    await asyncio.wait_for(client.task, 5)
    assert (slow.became, client.status) == ("done", 200)


async def test_the_end_of_the_process_ends_it_too() -> None:
    slow = Slow()
    client = await asked(slow)
    client.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await client.task
    assert slow.became == "cancelled"
