"""Requests in Anthropic's and Google's formats on a raw socket, and what comes back."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from tests.gateway.mock.peer import Answer, ask, request
from tests.providers import MockProcess

MESSAGES = "/v1/messages"
HELLO = [{"role": "user", "content": "Hi"}]
CONTENTS = [{"role": "user", "parts": [{"text": "Hi"}]}]
CLASSIC = "anthropic-version: 2023-06-01\r\n"
LATEST = "anthropic-version: 2026-10-21\r\n"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}


async def claude(
    mock: MockProcess, model: str = "claude-mock", *, path: str = MESSAGES, headers: str = CLASSIC, **more: Any
) -> Answer:
    """Anthropic's answer; a field given as None is left out."""
    document = {"model": model, "max_tokens": 1000, "messages": HELLO} | more
    return await post(mock, path, {name: value for name, value in document.items() if value is not None}, headers)


async def gemini(
    mock: MockProcess, model: str = "gemini-mock", *, action: str = "generateContent", headers: str = "", **more: Any
) -> Answer:
    """Google's answer, as events when the action is `streamGenerateContent`."""
    query = "?alt=sse" if action == "streamGenerateContent" else ""
    path = f"/v1beta/models/{quote(model, safe='')}:{action}{query}"
    return await post(mock, path, {"contents": CONTENTS} | more, headers)


async def post(mock: MockProcess, path: str, document: object, headers: str = "") -> Answer:
    return await ask(mock.port, request(json.dumps(document).encode(), path, headers=headers))


async def get(mock: MockProcess, path: str, headers: str = "") -> Answer:
    return await ask(mock.port, request(b"", path, method="GET", headers=headers), method="GET")


def names(answer: Answer) -> list[str]:
    """The names of the events, as their own lines say them."""
    return re.findall(r"^event: (.*)$", answer.body.decode().replace("\r\n", "\n"), re.MULTILINE)


def said(answer: Answer) -> str:
    """The text of an answer of Anthropic, whole or streamed."""
    if "event-stream" not in answer.headers["content-type"]:
        return "".join(block["text"] for block in answer.json["content"] if block["type"] == "text")
    deltas = [event["delta"] for event in answer.events if event["type"] == "content_block_delta"]
    return "".join(delta["text"] for delta in deltas if delta["type"] == "text_delta")


def parts(answer: Answer) -> list[dict[str, Any]]:
    """All parts of the first candidate of Gemini, whole, in events or in a list."""
    is_events = "event-stream" in answer.headers["content-type"]
    chunks = answer.events if is_events else answer.json if answer.body[:1] == b"[" else [answer.json]
    found = [candidate for chunk in chunks for candidate in chunk.get("candidates", ()) if candidate["index"] == 0]
    return [part for candidate in found for part in candidate["content"].get("parts", ())]


def spoken(answer: Answer) -> str:
    """The text of an answer of Gemini, thoughts aside."""
    return "".join(part.get("text", "") for part in parts(answer) if not part.get("thought"))
