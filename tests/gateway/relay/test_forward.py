"""What goes on to the control process of a request: the client's own words, and ours in nobody else's name."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from gateway.outbound.wire import Call
from gateway.relay import forward
from gateway.relay.forward import Crossing, request_head
from gateway.relay.sink import Sink

KNOWN = [(b"x-sluicegate-client", b"203.0.113.7"), (b"x-sluicegate-scheme", b"https")]


def lines(*headers: tuple[bytes, bytes], **more: Any) -> list[bytes]:
    """The lines of a head for these headers."""
    scope = {"method": "POST", "raw_path": b"/api/a%2fb", "query_string": b"", "headers": list(headers), **more}
    return request_head(scope, 7, KNOWN).split(b"\r\n")


def test_the_target_goes_on_as_it_came() -> None:
    assert lines()[0] == b"POST /api/a%2fb HTTP/1.1"
    assert lines(query_string=b"a=%20b")[0] == b"POST /api/a%2fb?a=%20b HTTP/1.1"


def test_what_a_client_claims_in_our_name_or_a_proxy_s_stays_behind() -> None:
    claims = [
        (b"x-sluicegate-forwarded", b"0"),
        (b"x-sluicegate-operator", b"token"),
        (b"x-sluicegate-client", b"10.0.0.1"),
        (b"x-sluicegate-scheme", b"evil"),
        (b"x-forwarded-for", b"10.0.0.1"),
        (b"x-forwarded-proto", b"evil"),
        (b"x-forwarded-host", b"evil.example"),
        (b"x-forwarded-prefix", b"/evil"),
        (b"forwarded", b"for=10.0.0.1"),
        (b"x-real-ip", b"10.0.0.1"),
        (b"connection", b"x-a"),
        (b"content-length", b"99"),
        (b"transfer-encoding", b"chunked"),
    ]
    said = lines(*claims, (b"host", b"a.example"), (b"cookie", b"a=b"))
    assert sorted(line for line in said[1:] if line) == [
        b"content-length: 7",
        b"cookie: a=b",
        b"host: a.example",
        b"x-sluicegate-client: 203.0.113.7",
        b"x-sluicegate-forwarded: 1",
        b"x-sluicegate-scheme: https",
    ]


class Stalling:
    """A client that takes nothing, behind a server whose channel is full."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send(self, message: Any) -> asyncio.Future[None]:
        self.messages.append(message)
        return self.waiting

    def take(self) -> None:
        waiting, self.waiting = self.waiting, asyncio.get_running_loop().create_future()
        waiting.set_result(None)


class Asking:
    """The request that was forwarded."""

    paused = cancelled = False

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def cancel(self) -> None:
        self.cancelled = True


def crossing(client: Stalling) -> tuple[Crossing, Asking]:
    made, call = Crossing(Sink(client.send, 2**16), asyncio.get_running_loop().create_future()), Asking()
    made.call = cast(Call, call)
    return made, call


async def test_a_client_that_takes_nothing_for_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "STALL_SECONDS", 0.05)
    made, call = crossing(Stalling())
    made.head(200, [])
    made.body(b"x")
    assert call.paused
    await asyncio.wait_for(made.done, 5)
    assert call.cancelled


async def test_a_client_that_takes_something_now_and_then_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "STALL_SECONDS", 0.1)
    client = Stalling()
    made, call = crossing(client)
    made.head(200, [])
    for _ in range(6):
        made.body(b"x")
        await asyncio.sleep(0.05)
        client.take()
        await asyncio.sleep(0)
    assert not made.done.done()
    client.take()
    await asyncio.sleep(0.25)
    assert not made.done.done(), "nothing waits for it"
    made.give_up()
    assert call.cancelled
