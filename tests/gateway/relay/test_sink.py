"""Bytes reach the client in order and in bounded pieces, whatever kind of awaitable the server answers with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from gateway.relay.sink import SHARE_OF_WINDOW, Message, Sink, Watch

WINDOW = 16 * 1024 * SHARE_OF_WINDOW


class Finished:
    """What Granian answers when the channel took the message."""

    def __await__(self) -> Any:
        return iter(())


class Server:
    """An ASGI server whose channel holds `room` messages until the client reads."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.messages: list[Message] = []
        self.waiting: asyncio.Future[None] | None = None

    def send(self, message: Message) -> Awaitable[None]:
        assert self.waiting is None, "a message was sent while the channel was full"
        self.messages.append(message)
        self.room -= 1
        if self.room > 0:
            return Finished()
        self.waiting = asyncio.get_running_loop().create_future()
        return self.waiting

    async def read(self, room: int) -> None:
        self.room = room
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            waiting.set_result(None)
        await asyncio.sleep(0)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)

    @property
    def ended(self) -> bool:
        return bool(self.messages) and self.messages[-1].get("more_body") is None and len(self.messages) > 1


def is_blocked(sink: Sink) -> bool:
    return sink.blocked_since is not None


async def test_a_reader_that_keeps_up_gets_chunks_as_they_come() -> None:
    server = Server(100)
    sink = Sink(server.send, WINDOW)
    sink.start(200, [(b"a", b"b")])
    assert sink.write(b"one")
    assert sink.write(b"two")
    sink.finish(b"three")
    assert [message.get("body") for message in server.messages] == [None, b"one", b"two", b"three"]
    assert (sink.status, sink.bytes_sent, sink.over, server.ended) == (200, 11, True, True)


async def test_a_reader_that_falls_behind_pauses_the_source_and_loses_nothing() -> None:
    server = Server(2)
    sink = Sink(server.send, WINDOW)
    rooms: list[str] = []
    sink.on_room = lambda: rooms.append("room")
    sink.start(200, [])
    assert not sink.write(b"first")
    assert not sink.write(b"second")
    assert not sink.write(b"third")
    assert is_blocked(sink)
    await server.read(10)
    assert rooms == ["room"]
    assert not is_blocked(sink)
    sink.finish()
    assert server.body == b"firstsecondthird"
    assert server.messages[2]["body"] == b"secondthird"


async def test_an_end_waits_for_a_reader_that_is_behind() -> None:
    server = Server(2)
    sink = Sink(server.send, WINDOW)
    heard: list[str] = []
    sink.on_end = lambda: heard.append("end")
    sink.on_drained = lambda: heard.append("drained")
    sink.start(200, [])
    sink.write(b"first")
    sink.finish(b"last")
    assert heard == []
    await server.read(10)
    assert heard == ["end", "drained"]
    assert (server.body, server.ended, sink.over) == (b"firstlast", True, True)


@pytest.mark.parametrize("room", [2, 3, 1000])
async def test_a_large_answer_leaves_in_pieces(room: int) -> None:
    server = Server(room)
    sink = Sink(server.send, WINDOW)
    body = bytes(range(256)) * 1000
    sink.answer(200, [], body)
    while not sink.over:
        await server.read(room)
    assert server.body == body
    assert max(len(message.get("body", b"")) for message in server.messages) == WINDOW // SHARE_OF_WINDOW
    assert server.ended


async def test_nothing_is_sent_to_a_client_that_left() -> None:
    server = Server(2)
    sink = Sink(server.send, WINDOW)
    sink.start(200, [])
    sink.write(b"first")
    sink.write(b"never")
    sink.forget()
    await server.read(10)
    assert server.body == b"first"
    assert sink.over


async def test_a_server_whose_send_is_a_coroutine_works_as_well() -> None:
    messages: list[Message] = []

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        messages.append(message)

    sink = Sink(send, WINDOW)
    drained = asyncio.Event()
    sink.on_drained = drained.set
    sink.start(200, [])
    for word in (b"a", b"b", b"c"):
        sink.write(word)
    sink.finish(b"d")
    await drained.wait()
    await asyncio.sleep(0.01)
    assert b"".join(message.get("body", b"") for message in messages) == b"abcd"


async def test_a_client_that_leaves_is_heard_of_once() -> None:
    queue: asyncio.Queue[Message] = asyncio.Queue()
    gone: list[str] = []
    watch = Watch(queue.get, lambda: gone.append("gone"))
    watch.begin()
    queue.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    queue.put_nowait({"type": "http.disconnect"})
    for _ in range(5):
        await asyncio.sleep(0)
    assert gone == ["gone"]


async def test_after_the_end_nobody_listens() -> None:
    queue: asyncio.Queue[Message] = asyncio.Queue()
    gone: list[str] = []
    watch = Watch(queue.get, lambda: gone.append("gone"))
    watch.begin()
    watch.end()
    queue.put_nowait({"type": "http.disconnect"})
    for _ in range(5):
        await asyncio.sleep(0)
    assert gone == []
