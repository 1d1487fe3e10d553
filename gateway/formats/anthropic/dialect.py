"""The Anthropic Messages dialect, put together."""

from __future__ import annotations

from gateway.formats.format import Format, ToolRules

from .errors import read_error, write_error, write_error_event
from .event_reader import EventReader
from .event_writer import EventWriter
from .framing import PING
from .glance import read_parameters, read_told
from .prompt_reader import read_prompt
from .prompt_writer import write_prompt
from .reply_reader import read_reply
from .reply_writer import write_reply
from .turn_writer import ORIGINS
from .usage import read_usage, tokens_in

FIELD_NAMES = {
    "turns": "messages",
    "thoughts": "messages.thinking",
    "stop": "stop_sequences",
    "parallel": "tool_choice.disable_parallel_tool_use",
    "effort": "output_config.effort",
    "visible": "thinking.display",
    "output": "output_config.format",
    "user": "metadata.user_id",
    "safety_id": "metadata.user_id",
    "tier": "service_tier",
    "cache": "cache_control",
    "cites": "citations",
}
"""What our words are in a client's request; others are the same."""

FORMAT = Format(
    name="anthropic",
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
    origins=ORIGINS,
    tools=ToolRules(
        name_characters="A-Za-z0-9_-",
        name_length=64,
        id_characters="A-Za-z0-9_-",
        id_length=64,
        id_prefix="toolu_",
    ),
    urls=frozenset({"image", "document"}),
    keepalive=PING,
    headers=((b"anthropic-version", b"2023-06-01"),),
)
