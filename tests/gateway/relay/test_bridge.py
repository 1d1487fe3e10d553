"""What the control process tells, as messages: to clients that read, stall, speak or leave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, cast

import pytest

from gateway.errors import ControlUnavailable, UpstreamClosed
from gateway.outbound.wire import Call
from gateway.relay import bridge as module
from gateway.relay.bridge import Bridge, EventStream, denying
from gateway.relay.sink import Message
from tests.waiting import auntil

HEADERS = [(b"content-type", b"text/event-stream"), (b"transfer-encoding", b"chunked")]

HELLO = b'id: b-1\nevent: hello\ndata: {"version":"1"}\n\n'
SAID_HELLO = '{"id":"b-1","event":"hello","data":{"version":"1"}}'


def end(why: str) -> bytes:
    return b'id: b-2\nevent: end\ndata: {"why":"%b"}\n\n' % why.encode()


class Asking:
    """The request to the control process."""

    def __init__(self) -> None:
        self.paused = self.cancelled = False

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def cancel(self) -> None:
        self.cancelled = True


class Finished:
    """What Granian answers when a message was taken."""

    def __await__(self) -> Any:
        return iter(())


class Client:
    """The other end of the WebSocket. While it is `stalled` nothing is taken."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.says: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self.stalled: asyncio.Future[None] | None = None

    def stall(self) -> None:
        self.stalled = asyncio.get_running_loop().create_future()

    def send(self, message: Message) -> Awaitable[None]:
        self.messages.append(message)
        return self.stalled if self.stalled is not None else Finished()

    async def receive(self) -> Message:
        return await self.says

    def leave(self) -> None:
        self.says.set_result({"type": "websocket.disconnect", "code": 1005})

    @property
    def heard(self) -> list[str]:
        return [message["text"] for message in self.messages if message["type"] == "websocket.send"]

    @property
    def closed(self) -> tuple[int, str] | None:
        last = self.messages[-1]
        return (last["code"], last["reason"]) if last["type"] == "websocket.close" else None


class Crossing:
    """A bridge, with both of its ends."""

    def __init__(self) -> None:
        self.client, self.call = Client(), Asking()
        self.bridge = Bridge(self.client.send)
        self.task = asyncio.create_task(self.bridge.run(cast(Call, self.call), self.client.receive))

    async def open(self) -> None:
        self.bridge.head(200, HEADERS)
        await auntil(lambda: self.client.messages)

    async def over(self) -> None:
        await asyncio.wait_for(self.task, 5)
        assert self.call.cancelled


WHYS = [("signed_out", 4401), ("slow", 1013), ("unavailable", 1013), ("closing", 1012)]
"""Why it is over, and what the socket is closed with."""


@pytest.fixture
async def crossing() -> Crossing:
    return Crossing()


async def test_events_become_messages(crossing: Crossing) -> None:
    await crossing.open()
    assert crossing.client.messages == [{"type": "websocket.accept"}]
    crossing.bridge.body(b"retry: 1000\n\n" + HELLO + b": \n\n")
    await auntil(lambda: len(crossing.client.heard) == 2)
    assert crossing.client.heard == [SAID_HELLO, '{"event":"heartbeat"}']
    assert not crossing.call.paused
    crossing.client.leave()
    await crossing.over()


@pytest.mark.parametrize(("why", "code"), WHYS)
async def test_why_it_is_over_is_in_the_code(crossing: Crossing, why: str, code: int) -> None:
    await crossing.open()
    crossing.bridge.body(end(why))
    crossing.bridge.end()
    await crossing.over()
    assert len(crossing.client.heard) == 1, "what was said before is sent"
    assert crossing.client.closed == (code, "")


async def test_a_control_process_that_is_gone_will_be_back(crossing: Crossing) -> None:
    await crossing.open()
    crossing.bridge.failed(UpstreamClosed("it was killed"))
    await crossing.over()
    assert crossing.client.closed == (1012, "")


async def test_without_an_answer_there_is_no_socket(crossing: Crossing) -> None:
    crossing.bridge.failed(UpstreamClosed("nobody is there"))
    with pytest.raises(ControlUnavailable):
        await crossing.task
    assert (crossing.client.messages, crossing.call.cancelled) == ([], True)


async def test_who_may_not_watch_gets_the_answer_in_the_place_of_a_socket(crossing: Crossing) -> None:
    crossing.bridge.head(401, [(b"content-type", b"application/problem+json"), (b"transfer-encoding", b"chunked")])
    crossing.bridge.body(b'{"status"')
    crossing.bridge.body(b":401}")
    await asyncio.sleep(0)
    assert crossing.client.messages == [], "it is not complete"
    crossing.bridge.end()
    await crossing.over()
    head, body = crossing.client.messages
    assert (head["type"], head["status"]) == ("websocket.http.response.start", 401)
    assert dict(head["headers"]) == {
        b"content-type": b"application/problem+json",
        b"content-length": b"14",
        b"connection": b"close",
    }
    assert (body["type"], body["body"]) == ("websocket.http.response.body", b'{"status":401}')


async def test_a_refusal_is_not_held_however_long_it_is(crossing: Crossing) -> None:
    crossing.bridge.head(503, [])
    for _ in range(20):
        crossing.bridge.body(b"x" * 10_000)
    crossing.bridge.end()
    await crossing.over()
    assert len(crossing.client.messages[1]["body"]) == module.REFUSAL_BYTES


async def test_a_client_that_stalls_stops_the_reading(crossing: Crossing) -> None:
    await crossing.open()
    crossing.client.stall()
    crossing.bridge.body(HELLO * 3)
    await auntil(lambda: crossing.client.heard)
    assert (len(crossing.client.heard), crossing.call.paused) == (1, True)
    stalled, crossing.client.stalled = crossing.client.stalled, None
    assert stalled is not None
    stalled.set_result(None)
    await auntil(lambda: len(crossing.client.heard) == 3)
    await auntil(lambda: not crossing.call.paused)
    crossing.client.leave()
    await crossing.over()


async def test_a_client_that_stalls_for_too_long_is_given_up(
    crossing: Crossing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STALL_SECONDS", 0.05)
    monkeypatch.setattr(module, "LAST_WORDS_SECONDS", 0.05)
    await crossing.open()
    crossing.client.stall()
    crossing.bridge.body(HELLO)
    await crossing.over()
    assert crossing.client.closed == (1013, ""), "told, should it read on after all"


async def test_a_client_that_stalls_does_not_keep_the_gateway(
    crossing: Crossing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LAST_WORDS_SECONDS", 0.05)
    await crossing.open()
    crossing.client.stall()
    crossing.bridge.body(HELLO * 2)
    await auntil(lambda: crossing.client.heard)
    crossing.bridge.close(module.GOING_AWAY)
    await crossing.over()
    assert crossing.client.closed == (1001, "")


async def test_a_client_that_leaves_ends_it_at_once(crossing: Crossing) -> None:
    await crossing.open()
    crossing.client.leave()
    await crossing.over()
    assert crossing.client.messages == [{"type": "websocket.accept"}], "nobody is told"


async def test_a_client_that_leaves_while_it_stalls_ends_it_at_once(crossing: Crossing) -> None:
    await crossing.open()
    crossing.client.stall()
    crossing.bridge.body(HELLO * 2)
    await auntil(lambda: crossing.client.heard)
    crossing.client.leave()
    await crossing.over()
    assert len(crossing.client.heard) == 1


async def test_a_client_that_speaks_is_sent_away(crossing: Crossing) -> None:
    await crossing.open()
    crossing.client.says.set_result({"type": "websocket.receive", "text": "hello?"})
    await crossing.over()
    assert crossing.client.closed == (1008, module.ONLY_TELLS)


async def test_what_is_no_event_stream_ends_it(crossing: Crossing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_EVENT", 1000)
    await crossing.open()
    crossing.bridge.body(b"x" * 1001)
    await crossing.over()
    assert crossing.client.closed == (1012, "")


async def test_under_a_server_whose_send_is_a_coroutine_it_works_too() -> None:
    taken: list[Message] = []

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        taken.append(message)

    bridge, call, client = Bridge(send), Asking(), Client()
    task = asyncio.create_task(bridge.run(cast(Call, call), client.receive))
    bridge.head(200, HEADERS)
    bridge.body(HELLO * 5)
    bridge.end()
    await asyncio.wait_for(task, 5)
    assert [message["type"] for message in taken] == ["websocket.accept", *["websocket.send"] * 5, "websocket.close"]


async def test_a_denial_is_an_answer_by_other_names() -> None:
    client = Client()
    await denying(client.send)({"type": "http.response.start", "status": 404})
    assert client.messages == [{"type": "websocket.http.response.start", "status": 404}]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000])
def test_messages_are_the_same_however_the_bytes_arrive(size: int) -> None:
    stream, data = EventStream(), b"retry: 1000\n\n" + HELLO + b": \n\n" + HELLO + end("slow")
    messages = [message for at in range(0, len(data), size) for message in stream.feed(data[at : at + size])]
    assert messages == [
        SAID_HELLO,
        '{"event":"heartbeat"}',
        SAID_HELLO,
        '{"id":"b-2","event":"end","data":{"why":"slow"}}',
    ]
    assert (stream.why, stream.is_broken) == ("slow", False)
