"""The Gemini dialect, put together."""

from __future__ import annotations

from gateway.formats.format import Format, ToolRules

from .errors import read_error, write_error, write_error_event
from .event_reader import EventReader
from .event_writer import EventWriter
from .finish import goes_on
from .glance import read_parameters, read_told
from .media import OWN_FILE
from .prompt_reader import read_prompt
from .prompt_writer import write_prompt
from .reply_reader import read_reply
from .reply_writer import write_reply
from .usage import read_usage, tokens_in

_CONFIG = "generationConfig"

FIELD_NAMES = {
    "system": "systemInstruction",
    "turns": "contents",
    "thoughts": "contents.thought",
    "max_tokens": f"{_CONFIG}.maxOutputTokens",
    "stop": f"{_CONFIG}.stopSequences",
    "temperature": f"{_CONFIG}.temperature",
    "top_p": f"{_CONFIG}.topP",
    "top_k": f"{_CONFIG}.topK",
    "frequency_penalty": f"{_CONFIG}.frequencyPenalty",
    "presence_penalty": f"{_CONFIG}.presencePenalty",
    "seed": f"{_CONFIG}.seed",
    "n": f"{_CONFIG}.candidateCount",
    "logprobs": f"{_CONFIG}.responseLogprobs",
    "top_logprobs": f"{_CONFIG}.logprobs",
    "output": f"{_CONFIG}.responseJsonSchema",
    "thinking": f"{_CONFIG}.thinkingConfig",
    "effort": f"{_CONFIG}.thinkingConfig.thinkingLevel",
    "budget": f"{_CONFIG}.thinkingConfig.thinkingBudget",
    "visible": f"{_CONFIG}.thinkingConfig.includeThoughts",
    "media_resolution": f"{_CONFIG}.mediaResolution",
    "tool_choice": "toolConfig.functionCallingConfig",
    "safety": "safetySettings",
    "identity": "serviceTier",
    "tier": "serviceTier",
    "image": "contents",
    "document": "contents",
    "audio": "contents",
    "video": "contents",
}
"""What our words are in a client's request; others are the same."""

FORMAT = Format(
    name="gemini",
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
    own_urls=OWN_FILE,
    goes_on=goes_on,
    origins=("gemini",),
    tools=ToolRules(
        name_characters="A-Za-z0-9_.:-", name_length=128, name_first="A-Za-z_", id_characters=r"\s\S", id_length=4096
    ),
)
