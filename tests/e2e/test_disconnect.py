"""A client that leaves takes its provider's connection with it, at once, and leaves one usage record."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from typing import Any

import pytest

from tests.e2e.wire import CHAT, chat, chat_body, connect, leave, read_until, request
from tests.gateway_process import GatewayProcess
from tests.providers import MockProcess
from tests.waiting import until

WITHIN_MS = 250
"""How soon after the client the provider's connection is closed."""

WAYS = pytest.mark.parametrize("how", ["fin", "reset"])


def closed_after_ms(mock: MockProcess, tag: str, left_ms: float) -> float:
    """How long after the client the gateway left the provider."""
    (gone,) = until(lambda: mock.disconnects(tag))
    after: float = gone["at_ms"] - left_ms
    return after


def check_record(gateway: GatewayProcess, tag: str, status: int, **expected: Any) -> dict[str, Any]:
    """There is one record, and it says that the client left."""
    record = gateway.record(tag)
    assert (record["status"], record["error"]) == (status, "client_disconnected")
    assert {name: record[name] for name in expected} == expected
    return record


@WAYS
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("silence", ["first", "think"])
def test_gone_while_waiting(
    gateway: GatewayProcess, mock: MockProcess, tag: str, how: str, stream: bool, silence: str
) -> None:
    """Before the provider's head, and behind it: nothing has begun for the client either way."""
    sock = connect(gateway.port)
    sock.sendall(chat(f"gpt-4o-mini;{silence}=10s;tag={tag}", stream=stream))
    until(lambda: mock.requests(tag))
    assert not mock.disconnects(tag)
    assert closed_after_ms(mock, tag, leave(sock, how)) < WITHIN_MS
    record = check_record(gateway, tag, 499, stream=stream, response_bytes=0)
    assert [attempt["error"] for attempt in record["attempts"]] == [None]


@WAYS
def test_gone_as_soon_as_asked(gateway: GatewayProcess, mock: MockProcess, tag: str, how: str) -> None:
    """Before the gateway has begun to watch. Who has left before it even looked is nobody's request."""
    for _ in range(20):
        sock = connect(gateway.port)
        sock.sendall(chat(f"gpt-4o-mini;first=10s;tag={tag}"))
        left = leave(sock, how)
    asked = until(lambda: [each["outcome"] for each in mock.requests(tag)])
    until(lambda: len(mock.disconnects(tag)) == len(mock.requests(tag)) == len(gateway.records(tag)))
    assert mock.disconnects(tag)[-1]["at_ms"] - left < 2 * WITHIN_MS
    assert {record["error"] for record in gateway.records(tag, len(asked))} == {"client_disconnected"}


@WAYS
@pytest.mark.parametrize("pace", ["stall=3", "chunks=1000;pace=10ms"])
def test_gone_in_the_middle_of_a_stream(
    gateway: GatewayProcess, mock: MockProcess, tag: str, how: str, pace: str
) -> None:
    sock = connect(gateway.port)
    sock.sendall(chat(f"gpt-4o-mini;{pace};tag={tag}", stream=True))
    read_until(sock, b'"content":"the "')
    assert closed_after_ms(mock, tag, leave(sock, how)) < WITHIN_MS
    record = check_record(gateway, tag, 200, stream=True)
    assert record["response_bytes"] > 600
    assert record["first_byte_us"] > 0


@WAYS
def test_gone_in_the_middle_of_sound(gateway: GatewayProcess, mock: MockProcess, tag: str, how: str) -> None:
    body = {"model": f"mock/tts-1;chunks=1000;size=2000;pace=10ms;tag={tag}", "input": "x", "voice": "alloy"}
    sock = connect(gateway.port)
    sock.sendall(request("POST", "/v1/audio/speech", json.dumps(body).encode()))
    read_until(sock, bytes(range(256)))
    assert closed_after_ms(mock, tag, leave(sock, how)) < WITHIN_MS
    check_record(gateway, tag, 200, endpoint="/v1/audio/speech")


@WAYS
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_gone_while_uploading(gateway: GatewayProcess, mock: MockProcess, tag: str, how: str, framing: str) -> None:
    """No provider is asked; whose request it was is known by then."""
    body = chat_body(f"gpt-4o-mini;tag={tag}", padding="x" * 200_000)
    if framing == "length":
        whole = request("POST", CHAT, body, user_agent=tag)
    else:
        head = request("POST", CHAT, user_agent=tag, content_length="", transfer_encoding="chunked")
        whole = head + b"%x\r\n%b" % (len(body), body)
    sock = connect(gateway.port)
    sock.sendall(whole[:150_000])
    until(lambda: gateway.total("sluicegate_requests_in_flight"))
    leave(sock, how)
    record = check_record(gateway, tag, 499, key="tester", attempts=[], provider=None)
    assert record["total_us"] < 5_000_000
    assert not mock.requests(tag)


def test_gone_after_the_answer_is_no_error(gateway: GatewayProcess, tag: str) -> None:
    sock = connect(gateway.port)
    sock.sendall(chat(f"gpt-4o-mini;chunks=3;pace=60ms;tag={tag}", stream=True))
    read_until(sock, b"[DONE]\n\n")
    leave(sock, "reset")
    record = gateway.record(tag)
    assert (record["status"], record["error"], record["output_tokens"]) == (200, None, 3)


def test_many_that_leave_together_are_all_noticed(gateway: GatewayProcess, mock: MockProcess, tag: str) -> None:
    socks: list[socket.socket] = [connect(gateway.port) for _ in range(40)]
    for number, sock in enumerate(socks):
        sock.sendall(chat(f"gpt-4o-mini;first=10s;tag={tag}", stream=bool(number % 2)))
    until(lambda: len(mock.requests(tag)) == len(socks))
    left = [leave(sock, "fin") for sock in socks]
    until(lambda: len(mock.disconnects(tag)) == len(socks))
    assert max(each["at_ms"] for each in mock.disconnects(tag)) - left[-1] < WITHIN_MS
    assert {record["error"] for record in gateway.records(tag, len(socks))} == {"client_disconnected"}
    assert len(gateway.records(tag)) == len(socks)
    assert gateway.total("sluicegate_requests_in_flight") == 0


def test_others_are_not_disturbed(gateway: GatewayProcess, tag: str) -> None:
    with closing(connect(gateway.port)) as staying:
        staying.sendall(chat(f"gpt-4o-mini;chunks=20;pace=20ms;tag={tag}", stream=True))
        read_until(staying, b'"content":"Hello "')
        for _ in range(20):
            going = connect(gateway.port)
            going.sendall(chat("gpt-4o-mini;first=10s"))
            leave(going, "reset")
        assert read_until(staying, b"[DONE]\n\n").count(b'"content":') >= 10
    assert gateway.record(tag)["output_tokens"] == 20
