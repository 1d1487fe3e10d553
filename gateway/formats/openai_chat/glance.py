"""What a chat request asks of a model, and how its reply ended, for whoever looks on. Text completions say it alike.

Fields: https://platform.openai.com/docs/api-reference/chat/create.
"""

from __future__ import annotations

from typing import Any

from gateway.formats.closing import reason_of
from gateway.formats.format import Fields, Told
from gateway.formats.openai_fields import output_kind
from gateway.formats.told import number_of, object_of, objects_in, some_of, text_in, whole_of, word_of, words_of
from gateway.records import Parameters

from .reply_reader import read_finish


def _effort(value: Any) -> str | None:
    return word_of(object_of(value).get("effort"))


_ASKED = {
    "max_tokens": ("max_tokens", whole_of),
    "temperature": ("temperature", number_of),
    "top_p": ("top_p", number_of),
    "top_k": ("top_k", whole_of),
    "frequency_penalty": ("frequency_penalty", number_of),
    "presence_penalty": ("presence_penalty", number_of),
    "seed": ("seed", whole_of),
    "n": ("choices", whole_of),
    "stop": ("stop", words_of),
    "reasoning": ("effort", _effort),
    "response_format": ("output", output_kind),
}
_INSTEAD = {"max_completion_tokens": ("max_tokens", whole_of), "reasoning_effort": ("effort", word_of)}
"""Names that win over others for the same thing (MAXT-1)."""


def read_parameters(fields: Fields) -> Parameters:
    """What a request asks."""
    asked = some_of(fields, _ASKED)
    asked.update({name: value for name, value in some_of(fields, _INSTEAD).items() if value is not None})
    modalities = fields.get("modalities")
    if isinstance(modalities, list) and "audio" in modalities:
        asked["output"] = "speech"
    return Parameters(**asked)


def read_told(fields: Fields) -> Told:
    """How a reply is called and why it ended."""
    reasons = {}
    for place, choice in enumerate(objects_in(fields, "choices")):
        if said := text_in(choice, "finish_reason"):
            index = choice.get("index")
            reasons[index if index.__class__ is int else place] = reason_of(read_finish(said), said)
    return Told(text_in(fields, "id"), reasons)
