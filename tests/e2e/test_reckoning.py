"""What a provider does not count is estimated and marked as such: servers that tell no usage, clients that leave. What
we can count ourselves is in `test_counted_usage`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.pairs import MODELS
from tests.e2e.pairs import crossing as crossing  # noqa: PLC0414 # a fixture
from tests.e2e.wire import CHAT, ask, connect, leave, read_until, request
from tests.gateway_process import GatewayProcess

SAID = "weir " * 200
"""1000 bytes; some 200 to 330 tokens by anybody's rule of thumb."""

Asking = Callable[[str, bool], tuple[str, dict[str, Any]]]

CLIENTS: dict[str, Asking] = {
    "chat": lambda model, stream: (
        CHAT,
        {"model": model, "stream": stream, "messages": [{"role": "user", "content": SAID}]},
    ),
    "responses": lambda model, stream: (
        "/v1/responses",
        {"model": model, "stream": stream, "input": SAID, "store": False},
    ),
    "messages": lambda model, stream: (
        "/v1/messages",
        {"model": model, "stream": stream, "max_tokens": 9999, "messages": [{"role": "user", "content": SAID}]},
    ),
    "gemini": lambda model, stream: (
        f"/v1beta/models/{model}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}",
        {"contents": [{"role": "user", "parts": [{"text": SAID}]}]},
    ),
}

every_client = pytest.mark.parametrize("client", CLIENTS)
every_provider = pytest.mark.parametrize("provider", MODELS)


def asked(client: str, provider: str, script: str, *, stream: bool) -> bytes:
    path, body = CLIENTS[client](f"{provider}/{MODELS[provider]};{script}", stream)
    return request("POST", path, json.dumps(body).encode())


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@every_provider
@every_client
async def test_a_provider_that_tells_no_usage_is_reckoned(
    crossing: GatewayProcess, client: str, provider: str, stream: bool
) -> None:
    tag = f"reckoned-{client}-{provider}-{stream}"
    script = f"usage=off;tag={tag};text={SAID.replace(' ', '%20')}"
    answer = await ask(crossing.port, asked(client, provider, script, stream=stream))
    assert answer.status == 200, answer.body
    record = crossing.record(tag)
    assert record["usage_source"] == "estimated" or (provider == "chat" and not stream), "its model's tokenizer is ours"
    assert 200 <= record["input_tokens"] <= 600
    assert 200 <= record["output_tokens"] <= 600


@every_provider
@every_client
def test_a_client_that_leaves_pays_for_what_was_said(crossing: GatewayProcess, client: str, provider: str) -> None:
    """Thirteen chunks of a hundred bytes each, and then silence."""
    tag = f"left-{client}-{provider}"
    script = f"tag={tag};size=100;stall=13;usage=late;text={'weir%20' * 259}weEND"
    sock = connect(crossing.port)
    sock.sendall(asked(client, provider, script, stream=True))
    read_until(sock, b"END")
    leave(sock, "fin")
    record = crossing.record(tag)
    assert record["error"] == "client_disconnected"
    assert record["usage_source"] == "estimated"
    assert 400 <= record["output_tokens"] <= 1400


async def test_what_was_refused_cost_nothing(crossing: GatewayProcess) -> None:
    await ask(crossing.port, asked("chat", "messages", "status=400;tag=refused", stream=False))
    record = crossing.record("refused")
    assert (record["usage_source"], record["input_tokens"]) == ("none", 0)
