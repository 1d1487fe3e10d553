"""Handshakes: what they are as requests, and how many there may be."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from gateway.api.sockets import Sockets, as_request
from gateway.errors import AmbiguousRequest, ControlUnavailable
from gateway.relay.bridge import Bridge
from gateway.relay.forward import Forward
from gateway.relay.sink import Message
from tests.waiting import auntil

OWN = [(b"sec-websocket-key", b"k"), (b"sec-websocket-version", b"13"), (b"sec-websocket-extensions", b"x")]


def scope(*headers: tuple[bytes, bytes], scheme: str = "ws") -> Message:
    return {"type": "websocket", "path": "/api/live/ws", "query_string": b"a=b", "scheme": scheme, "headers": headers}


class Control:
    """The control process, as workers ask it."""

    def __init__(self) -> None:
        self.asked: list[tuple[Message, Bridge, Any]] = []

    def ask(self, asked: Message, bridge: Bridge, *, known: Any) -> Any:
        self.asked.append((asked, bridge, known))
        return self

    def cancel(self) -> None:
        """Nothing was begun."""

    def resume(self) -> None:
        """Nothing was paused."""


class Client:
    def __init__(self, sockets: Sockets, first: str = "websocket.connect") -> None:
        self.messages: list[Message] = []
        self._words = iter((first,))
        self._leaving = asyncio.Event()
        self.task = asyncio.create_task(sockets.serve(as_request(scope()), self._receive, self._send, [(b"a", b"b")]))

    def leave(self) -> None:
        self._leaving.set()

    async def _receive(self) -> Message:
        if (word := next(self._words, None)) is None:
            await self._leaving.wait()
            return {"type": "websocket.disconnect", "code": 1005}
        return {"type": word}

    async def _send(self, message: Message) -> None:
        self.messages.append(message)


def test_a_handshake_is_a_get_without_what_is_between_the_client_and_us() -> None:
    asked = as_request(scope((b"host", b"a.example"), *OWN, (b"cookie", b"c"), (b"content-length", b"0")))
    assert (asked["type"], asked["method"], asked["scheme"]) == ("http", "GET", "http")
    assert [name for name, _ in asked["headers"]] == [b"host", b"cookie", b"content-length"]
    assert as_request(scope(scheme="wss"))["scheme"] == "https"


@pytest.mark.parametrize(("said", "meant"), [(b"wss", b"https"), (b"ws", b"http"), (b"https", b"https"), (b"x", b"x")])
def test_some_proxies_name_the_scheme_of_a_socket(said: bytes, meant: bytes) -> None:
    assert as_request(scope((b"x-forwarded-proto", said)))["headers"] == [(b"x-forwarded-proto", meant)]


@pytest.mark.parametrize("header", [(b"content-length", b"5"), (b"transfer-encoding", b"chunked")])
def test_a_handshake_has_no_body(header: tuple[bytes, bytes]) -> None:
    with pytest.raises(AmbiguousRequest):
        as_request(scope(header))


async def test_the_control_process_is_asked_for_the_feed_and_told_that_it_is_for_a_socket() -> None:
    control = Control()
    client = Client(Sockets(cast(Forward, control), lambda: 1))
    await auntil(lambda: control.asked)
    asked, bridge, known = control.asked[0]
    assert (asked["path"], asked["raw_path"], asked["query_string"]) == ("/api/live", b"/api/live", b"a=b")
    assert known == [(b"a", b"b"), (b"x-sluicegate-socket", b"1")]
    bridge.head(200, [])
    await auntil(lambda: client.messages)
    client.leave()
    await asyncio.wait_for(client.task, 5)


async def test_no_more_are_open_than_may() -> None:
    control, most = Control(), 1
    sockets = Sockets(cast(Forward, control), lambda: most)
    first = Client(sockets)
    await auntil(lambda: control.asked)
    with pytest.raises(ControlUnavailable) as refused:
        await Client(sockets).task
    assert refused.value.retry_after == 10
    control.asked[0][1].head(200, [])
    first.leave()
    await asyncio.wait_for(first.task, 5)
    later = Client(sockets)
    await auntil(lambda: len(control.asked) == 2)
    later.task.cancel()


async def test_whoever_is_gone_before_it_begins_is_not_answered() -> None:
    control = Control()
    client = Client(Sockets(cast(Forward, control), lambda: 1), "websocket.disconnect")
    await asyncio.wait_for(client.task, 5)
    assert (client.messages, control.asked) == ([], [])


async def test_a_worker_that_stops_sends_everybody_away_and_lets_nobody_in() -> None:
    control = Control()
    sockets = Sockets(cast(Forward, control), lambda: 9)
    client = Client(sockets)
    await auntil(lambda: control.asked)
    control.asked[0][1].head(200, [])
    await auntil(lambda: client.messages)
    sockets.close()
    await asyncio.wait_for(client.task, 5)
    assert client.messages[-1] == {"type": "websocket.close", "code": 1001, "reason": ""}
    with pytest.raises(ControlUnavailable):
        await Client(sockets).task
