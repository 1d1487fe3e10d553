"""The OpenAI Chat Completions dialect, put together."""

from __future__ import annotations

from gateway.errors import GatewayError
from gateway.formats.format import Format, ToolRules
from gateway.formats.openai_responses.errors import read_error, write_error

from .event_reader import EventReader
from .event_writer import EventWriter
from .glance import read_parameters, read_told
from .prompt_reader import read_prompt
from .prompt_writer import write_prompt
from .reply_reader import read_reply
from .reply_writer import write_reply
from .usage import read_usage, tokens_in

KEEPALIVE = b": keep-alive\n\n"
"""A comment: every SSE reader ignores it, every proxy in between sees traffic."""

FIELD_NAMES = {
    "system": "messages",
    "turns": "messages",
    "thoughts": "messages.reasoning_content",
    "max_tokens": "max_completion_tokens",
    "parallel": "parallel_tool_calls",
    "thinking": "reasoning_effort",
    "effort": "reasoning_effort",
    "output": "response_format",
    "cache_key": "prompt_cache_key",
    "safety_id": "safety_identifier",
    "tier": "service_tier",
    "image": "messages",
    "document": "messages",
    "audio": "messages",
    "video": "messages",
    "identity": "user",
}
"""What our words are in a client's request; others are the same."""


def write_error_event(error: GatewayError, request_id: str) -> bytes:
    """The one event that ends a broken stream. The official SDKs raise on it; `[DONE]` never follows."""
    return b"data: " + write_error(error, request_id)[1] + b"\n\n"


FORMAT = Format(
    name="openai_chat",
    read_prompt=read_prompt,
    write_prompt=write_prompt,
    read_reply=read_reply,
    write_reply=write_reply,
    event_reader=EventReader,
    event_writer=EventWriter,
    read_usage=read_usage,
    read_error=read_error,
    write_error=write_error,
    write_error_event=write_error_event,
    tokens_in=tokens_in,
    read_parameters=read_parameters,
    read_told=read_told,
    field_names=FIELD_NAMES,
    tools=ToolRules(name_characters="A-Za-z0-9_-", name_length=64, id_characters=r"\s\S", id_length=64),
    urls=frozenset({"image"}),
    keepalive=KEEPALIVE,
)
