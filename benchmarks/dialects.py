"""How a client of each dialect asks for a chat, and what the load generator looks for in its stream. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

DialectName = Literal["openai_chat", "openai_responses", "anthropic", "gemini"]


class Dialect(NamedTuple):
    """One dialect."""

    path: str
    """Of a plain answer; `{model}` where the model stands in it."""
    stream_path: str
    key_header: str
    """The header's line up to the key."""
    body: Callable[[str, str], dict[str, Any]]
    """From the model and what is said to it."""
    content: str
    """What stands right before the text of a piece; where no text follows there is none."""
    end: str
    """Stands in an event behind the last piece of every whole stream."""
    streams: str = "stream"
    """The field that asks for a stream; empty where the path does."""


def _chat(model: str, text: str) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], "temperature": 0.7}


def _responses(model: str, text: str) -> dict[str, Any]:
    return {"model": model, "input": text, "temperature": 0.7, "store": False}


def _messages(model: str, text: str) -> dict[str, Any]:
    return {"model": model, "max_tokens": 4096, "messages": [{"role": "user", "content": text}], "temperature": 0.7}


def _contents(model: str, text: str) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], "generationConfig": {"temperature": 0.7}}


DIALECTS: dict[DialectName, Dialect] = {
    "openai_chat": Dialect(
        path="/v1/chat/completions",
        stream_path="/v1/chat/completions",
        key_header="Authorization: Bearer ",
        body=_chat,
        content='"content":"',
        end="data: [DONE]",
    ),
    "openai_responses": Dialect(
        path="/v1/responses",
        stream_path="/v1/responses",
        key_header="Authorization: Bearer ",
        body=_responses,
        content='"delta":"',
        end='"type":"response.completed"',
    ),
    "anthropic": Dialect(
        path="/v1/messages",
        stream_path="/v1/messages",
        key_header="anthropic-version: 2023-06-01\r\nx-api-key: ",
        body=_messages,
        content='"text_delta","text":"',
        end='"type":"message_stop"',
    ),
    "gemini": Dialect(
        path="/v1beta/models/{model}:generateContent",
        stream_path="/v1beta/models/{model}:streamGenerateContent?alt=sse",
        key_header="x-goog-api-key: ",
        body=_contents,
        content='"text":"',
        end='"finishReason":"',
        streams="",
    ),
}
