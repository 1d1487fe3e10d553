"""What a request for a message asks of a model, and how that ended, for whoever looks on.

Fields: https://platform.claude.com/docs/en/api/messages.
"""

from __future__ import annotations

from gateway.formats.closing import reason_of
from gateway.formats.format import Fields, Told
from gateway.formats.told import number_of, object_in, some_of, text_in, whole_of, word_of, words_of
from gateway.records import Parameters

from .reply_reader import read_finish

_ASKED = {
    "max_tokens": ("max_tokens", whole_of),
    "temperature": ("temperature", number_of),
    "top_p": ("top_p", number_of),
    "top_k": ("top_k", whole_of),
    "stop_sequences": ("stop", words_of),
}


def read_parameters(fields: Fields) -> Parameters:
    """What a request asks."""
    asked, config = some_of(fields, _ASKED), object_in(fields, "output_config")
    if config:
        asked["effort"] = word_of(config.get("effort"))
    if config.get("format") or fields.get("output_format"):
        asked["output"] = "json"
    return Parameters(**asked)


def read_told(fields: Fields) -> Told:
    """How a message is called, which its first event says, and why it ended, which one of the last does."""
    message = object_in(fields, "message") or fields
    ended = object_in(fields, "delta") or message
    said = text_in(ended, "stop_reason")
    return Told(text_in(message, "id"), {0: reason_of(read_finish(ended), said)} if said else {})
