"""A streamed answer in any client's dialect, as it is on the wire."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from tests.e2e.wire import ask, request

PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
BODIES: dict[str, dict[str, Any]] = {
    "chat": {"messages": [{"role": "user", "content": "hello"}], "stream": True},
    "responses": {"input": "hello", "stream": True, "store": False},
    "messages": {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 1000, "stream": True},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
}


async def spoken(port: int, client: str, model: str) -> bytes:
    """The body of the stream a model answers hello with."""
    path = PATHS.get(client) or f"/v1beta/models/{quote(model, safe='')}:streamGenerateContent?alt=sse"
    named = {} if client == "gemini" else {"model": model}
    answer = await ask(port, request("POST", path, json.dumps(BODIES[client] | named).encode()))
    assert answer.status == 200, answer
    return answer.body
