"""What a generateContent request asks of a model, and how its reply ended, for whoever looks on.

Fields: https://ai.google.dev/api/generate-content.
"""

from __future__ import annotations

from typing import Any

from gateway.formats.closing import reason_of
from gateway.formats.format import Fields, Told
from gateway.formats.told import number_of, object_of, objects_in, some_of, text_in, whole_of, word_of, words_of
from gateway.records import OutputKind, Parameters

from .finish import read_block, read_finish
from .spelling import given, unquoted

_MODALITIES: dict[str, OutputKind] = {"IMAGE": "image", "AUDIO": "speech"}
_SCHEMAS = ("responseSchema", "responseJsonSchema")


def _number(value: Any) -> float | None:
    return number_of(unquoted(value))


def _whole(value: Any) -> int | None:
    return whole_of(unquoted(value))


def _effort(value: Any) -> str | None:
    return word_of(_given(value).get("thinkingLevel"))


_ASKED = {
    "maxOutputTokens": ("max_tokens", _whole),
    "temperature": ("temperature", _number),
    "topP": ("top_p", _number),
    "topK": ("top_k", _whole),
    "frequencyPenalty": ("frequency_penalty", _number),
    "presencePenalty": ("presence_penalty", _number),
    "seed": ("seed", _whole),
    "candidateCount": ("choices", _whole),
    "stopSequences": ("stop", words_of),
    "thinkingConfig": ("effort", _effort),
}


def read_parameters(fields: Fields) -> Parameters:
    """What a request asks."""
    config = _given(fields.get("generationConfig") or fields.get("generation_config"))
    return Parameters(output=_output(config), **some_of(config, _ASKED)) if config else Parameters()


def read_told(fields: Fields) -> Told:
    """How a reply is called and why it ended. There is no word for calls: they end with STOP."""
    reasons = {}
    for place, candidate in enumerate(objects_in(fields, "candidates")):
        finish, index = read_finish(candidate), candidate.get("index")
        if finish is not None:
            reason = reason_of(finish, text_in(candidate, "finishReason"))
            reasons[index if index.__class__ is int else place] = reason
    blocked = None if reasons else read_block(fields)
    return Told(text_in(fields, "responseId"), reasons if blocked is None else {0: reason_of(blocked, "")})


def _output(config: Fields) -> OutputKind | None:
    """What the answer is to be: drawn or spoken where that is asked for, however it may be described beside that."""
    for modality in words_of(config.get("responseModalities")):
        if (kind := _MODALITIES.get(modality.upper())) is not None:
            return kind
    form = config.get("responseFormat")
    text = _given(_given(form[0] if isinstance(form, list) and form else form).get("text"))
    if any(config.get(name) for name in _SCHEMAS) or text.get("jsonSchema"):
        return "json"
    media_type = (text_in(config, "responseMimeType") or text_in(text, "mimeType")).lower()
    if not media_type:
        return None
    return "json" if "json" in media_type else "text"


def _given(value: Any) -> Fields:
    """The fields of an object in camel case; none of anything else."""
    return given(object_of(value), "")
