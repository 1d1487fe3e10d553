"""Requests in OpenAI's two formats on a raw socket, and what comes back."""

from __future__ import annotations

import json
from typing import Any

from tests.gateway.mock.peer import CHAT, Answer, ask, request
from tests.providers import MockProcess

RESPONSES = "/v1/responses"
HELLO = [{"role": "user", "content": "Hi"}]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
FLAT = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}
PATCH = {"type": "custom", "name": "patch"}
PIXEL = "data:image/png;base64,aGk="
PDF = "data:application/pdf;base64,aGk="


async def chat(mock: MockProcess, model: str = "gpt-4o-mini", **more: Any) -> Answer:
    """A chat completion; a field given as None is left out."""
    return await post(mock, CHAT, {"model": model, "messages": HELLO} | more)


async def respond(mock: MockProcess, model: str = "gpt-5.5", path: str = RESPONSES, **more: Any) -> Answer:
    """A response, or what else is posted there."""
    return await post(mock, path, {"model": model, "input": "Hi"} | more)


async def post(mock: MockProcess, path: str, document: dict[str, Any]) -> Answer:
    wanted = {name: value for name, value in document.items() if value is not None}
    return await ask(mock.port, request(json.dumps(wanted).encode(), path))


async def send(mock: MockProcess, method: str, path: str) -> Answer:
    """A request without a body."""
    return await ask(mock.port, request(b"", path, method=method), method=method)


def deltas(answer: Answer) -> list[dict[str, Any]]:
    """The deltas of the first choice of a chat stream."""
    chunks = [event for event in answer.events if event != "[DONE]"]
    return [choice["delta"] for chunk in chunks for choice in chunk["choices"] if choice["index"] == 0]


def said(answer: Answer, field: str = "content") -> str:
    """What a chat stream says in this field."""
    return "".join(delta.get(field) or "" for delta in deltas(answer))


def output(answer: Answer, kind: str) -> list[dict[str, Any]]:
    """The output items of a kind, of a whole response or of the end of a stream."""
    streamed = "event-stream" in answer.headers["content-type"]
    response = answer.events[-1]["response"] if streamed else answer.json
    return [item for item in response["output"] if item["type"] == kind]


def text_of(answer: Answer) -> str:
    """The text of a response."""
    parts = [part for item in output(answer, "message") for part in item["content"]]
    return "".join(part.get("text", "") for part in parts)
