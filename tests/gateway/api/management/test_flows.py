"""Answers that go on: until they are over, or whoever asked has left, and then at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from blacksheep import Application

from gateway.api.management.operation import Answer, Asked, Flow, Operation
from tests.waiting import auntil

from .sample import Answers, Shelf, application

STREAM = "text/event-stream"


class Source:
    """What goes on. `said` is given out piece by piece; then it waits for its end."""

    def __init__(self, *said: bytes) -> None:
        self.said = said
        self.over = asyncio.Event()
        self.ends = 0
        self.is_closed = False

    async def parts(self) -> AsyncIterator[bytes]:
        try:
            for piece in self.said:
                yield piece
            await self.over.wait()
            yield b"last"
        finally:
            self.is_closed = True

    def end(self) -> None:
        self.ends += 1
        self.over.set()


class Client:
    """One that asks, and leaves when it is told to."""

    def __init__(self, app: Application, method: str = "GET", who: str = "writer", **headers: str) -> None:
        self.messages: list[dict[str, Any]] = []
        self.leaving = asyncio.Event()
        self.stuck: asyncio.Event | None = None
        self._asked = False
        said = {"authorization": f"Bearer {who}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        scope = {
            "type": "http",
            "method": method,
            "path": "/api/flow",
            "raw_path": b"/api/flow",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in said.items()],
        }
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)

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
        if self.stuck is not None and message.get("body"):
            await self.stuck.wait()


async def served(source: Source) -> Application:
    """An application that answers with this."""

    async def flow(asked: Asked[Any, None, None]) -> Answer:
        return Answer(of=Flow(source.parts(), source.end), headers=(("x-accel-buffering", "no"),))

    row = Operation(
        method="GET",
        path="/api/flow",
        id="flow",
        summary="What goes on",
        tag="flows",
        permission="keys:own|keys:write",
        media_type=STREAM,
        run=flow,
    )
    app = application(Shelf(), Answers(), (row,))
    await app.start()  # type: ignore[no-untyped-call]
    return app


async def test_pieces_go_out_as_they_come_and_the_last_one_is_the_end() -> None:
    source = Source(b"one", b"two")
    client = Client(await served(source))
    await auntil(lambda: client.body == b"onetwo")
    headers = dict(client.messages[0]["headers"])
    assert (client.status, headers[b"content-type"], headers[b"x-accel-buffering"]) == (200, STREAM.encode(), b"no")
    assert b"content-length" not in headers
    assert not client.task.done()
    source.over.set()
    await asyncio.wait_for(client.task, 5)
    assert client.body == b"onetwolast"
    assert [message.get("more_body") for message in client.messages[1:]] == [True, True, True, False]
    assert source.is_closed


async def test_whoever_leaves_ends_it_at_once() -> None:
    source = Source(b"one")
    client = Client(await served(source))
    await auntil(lambda: client.body)
    client.leaving.set()
    await asyncio.wait_for(client.task, 5)
    assert source.is_closed
    assert source.ends


async def test_whoever_leaves_without_having_taken_it_ends_it_too() -> None:
    source = Source(b"one", b"two")
    client = Client(await served(source))
    client.stuck = asyncio.Event()
    await auntil(lambda: client.body)
    client.leaving.set()
    await auntil(lambda: source.ends)
    client.stuck.set()
    await asyncio.wait_for(client.task, 5)
    assert source.is_closed


async def test_one_that_is_cancelled_leaves_nothing_behind() -> None:
    source = Source(b"one")
    client = Client(await served(source))
    client.stuck = asyncio.Event()
    await auntil(lambda: client.body)
    client.task.cancel()
    await asyncio.wait({client.task})
    await auntil(lambda: source.ends)


async def test_head_begins_nothing() -> None:
    source = Source(b"one")
    client = Client(await served(source), "HEAD")
    await asyncio.wait_for(client.task, 5)
    assert (client.status, client.body, source.ends) == (200, b"", 1)
    assert dict(client.messages[0]["headers"])[b"content-type"] == STREAM.encode()


async def test_a_socket_is_asked_where_it_comes_from() -> None:
    """Which is for the entrance to judge; that it is asked is what matters here."""
    source = Source()
    app = await served(source)
    refused = Client(app, who="browser", x_sluicegate_socket="1", origin="http://theirs")
    await asyncio.wait_for(refused.task, 5)
    assert refused.status == 403
    for headers in ({"x_sluicegate_socket": "1", "origin": "http://ours"}, {"origin": "http://theirs"}):
        client = Client(app, who="browser", **headers)
        await auntil(lambda client=client: client.messages)  # type: ignore[misc]
        assert client.status == 200
        client.leaving.set()
        await asyncio.wait_for(client.task, 5)
