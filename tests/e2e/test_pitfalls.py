"""Pitfalls of translation that only a running gateway shows: what is held back, how long, and who is asked next."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.e2e.scripted import Script, playing
from tests.e2e.wire import CHAT, HELLO, ask, chat, content, dialled, events, request
from tests.gateway_process import GatewayProcess, configuration, running
from tests.providers import MockProcess

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
HELD = 0.3
"""Seconds for which a beginning without content is held back here."""
SILENCE = 60.0
"""Longer than any test waits."""


def event(**fields: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (str(fields["type"]).encode(), json.dumps(fields).encode())


START = event(type="message_start", message={"id": "msg_1", "model": "m", "usage": {"input_tokens": 3}})
BUSY = event(type="error", error={"type": "overloaded_error", "message": "busy"})

SCRIPTS: dict[str, Script] = {
    "busy-behind-the-handshake": (HEAD, START, event(type="ping"), BUSY),
    "silent-behind-the-handshake": (HEAD, START, SILENCE),
}

SETTINGS = f"""
[stream]
commit_seconds = {HELD}

[[providers]]
id       = "scripted"
format   = "anthropic"
base_url = "http://127.0.0.1:{{port}}"

[[combos]]
name    = "full-then-well"
targets = ["scripted/busy-behind-the-handshake", "mock/gpt-4o-mini;chunks=3"]
"""


@pytest.fixture(scope="module")
def holding(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway that does not hold a beginning back for long."""
    with playing(SCRIPTS) as provider:
        toml = configuration(mock.url, SETTINGS.format(port=provider.port))
        with running(tmp_path_factory.mktemp("holding"), toml) as gateway:
            yield gateway
            assert gateway.close() == 0


async def test_an_overload_behind_the_handshake_is_answered_by_the_next_target(holding: GatewayProcess) -> None:
    body = json.dumps({"model": "full-then-well", "messages": HELLO, "stream": True}).encode()
    answer = await ask(holding.port, request("POST", CHAT, body))
    assert answer.status == 200
    assert content(answer.body)
    assert b"busy" not in answer.body


async def test_an_overload_behind_the_handshake_has_a_status(holding: GatewayProcess) -> None:
    answer = await ask(holding.port, chat("scripted/busy-behind-the-handshake", stream=True))
    assert answer.status == 503
    assert json.loads(answer.body)["error"]["message"] == "busy"


async def test_a_beginning_is_not_held_back_for_ever(holding: GatewayProcess) -> None:
    """The provider says nothing more: what arrives can only be what was held back."""
    async with dialled(holding.port) as wire:
        wire.send(chat("scripted/silent-behind-the-handshake", stream=True))
        head = await wire.head()
        assert head.status == 200
        said = [data async for piece in _until_data(wire.pieces(head)) for data in events(piece)]
    assert json.loads(said[0])["choices"][0]["delta"]["role"] == "assistant"


async def _until_data(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Pieces of a body up to the first with an event, which may come behind signs of life."""
    async for piece in pieces:
        yield piece
        if b"data: " in piece:
            return
