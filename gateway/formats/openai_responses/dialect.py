"""The OpenAI Responses dialect, put together."""

from __future__ import annotations

from gateway.formats.format import Format, ToolRules

from .errors import read_error, write_error, write_error_event
from .event_reader import EventReader
from .event_writer import EventWriter
from .glance import read_parameters, read_told
from .prompt_reader import read_prompt
from .prompt_writer import write_prompt
from .reply_reader import read_reply
from .reply_writer import write_reply
from .usage import read_usage, tokens_in

FIELD_NAMES = {
    "system": "instructions",
    "turns": "input",
    "thoughts": "input.reasoning",
    "max_tokens": "max_output_tokens",
    "logprobs": "top_logprobs",
    "parallel": "parallel_tool_calls",
    "thinking": "reasoning",
    "effort": "reasoning.effort",
    "visible": "reasoning.summary",
    "output": "text.format",
    "verbosity": "text.verbosity",
    "cache_key": "prompt_cache_key",
    "safety_id": "safety_identifier",
    "tier": "service_tier",
}
"""What our words are in a client's request; others are the same."""

FORMAT = Format(
    name="openai_responses",
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
    origins=("openai",),
    tools=ToolRules(name_characters="A-Za-z0-9_-", name_length=64, id_characters=r"\s\S", id_length=64, custom=True),
    urls=frozenset({"image", "document"}),
    keepalive=b": keep-alive\n\n",
)
