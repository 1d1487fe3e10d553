"""`generationConfig` of a client's request: limits, sampling, thinking, and what the answer must look like.

Fields: https://ai.google.dev/api/generate-content#generationconfig.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from gateway.errors import InvalidRequest
from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Output, Sampling, Thinking
from gateway.formats.schemas import from_proto
from gateway.formats.values import a_flag, a_list, a_text, an_object

from .media import read_detail
from .spelling import a_figure, a_whole, a_word, drop_unknown, given

_PATH = "generationConfig"
_LEVELS = {
    "MINIMAL": "minimal",
    "LOW": "low",
    "MEDIUM": "medium",
    "HIGH": "high",
    "XHIGH": "xhigh",
    "THINKING_LEVEL_UNSPECIFIED": None,
}
_SAMPLING: dict[str, tuple[str, Callable[[Any, str], Any]]] = {
    "temperature": ("temperature", a_figure),
    "topP": ("top_p", a_figure),
    "topK": ("top_k", a_whole),
    "frequencyPenalty": ("frequency_penalty", a_figure),
    "presencePenalty": ("presence_penalty", a_figure),
    "seed": ("seed", a_whole),
    "candidateCount": ("n", a_whole),
    "responseLogprobs": ("logprobs", a_flag),
    "logprobs": ("top_logprobs", a_whole),
}
_READ = frozenset(
    (
        *_SAMPLING,
        "maxOutputTokens",
        "stopSequences",
        "thinkingConfig",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
        "responseFormat",
        "responseModalities",
        "mediaResolution",
    )
)


class Settings(NamedTuple):
    """What a request asks of the answer."""

    max_tokens: int | None
    stop: tuple[str, ...]
    sampling: Sampling
    thinking: Thinking | None
    output: Output | None
    media_resolution: str


def read_settings(value: Any, losses: Losses) -> Settings:
    """The settings. Raises InvalidRequest, and UnsupportedParameter for answers that nobody else can give."""
    config = given(value, _PATH)
    drop_unknown(config, _READ, _PATH, losses)
    _check_modalities(config, losses)
    stops = a_list(config.get("stopSequences", []), f"{_PATH}.stopSequences")
    return Settings(
        max_tokens=_limit(config),
        stop=tuple(a_text(stop, f"{_PATH}.stopSequences[{at}]") for at, stop in enumerate(stops)),
        sampling=_sampling(config),
        thinking=_thinking(config.get("thinkingConfig", {}), losses),
        output=_output(config, losses),
        media_resolution=_resolution(config, losses),
    )


def _limit(config: Fields) -> int | None:
    if "maxOutputTokens" not in config:
        return None
    path = f"{_PATH}.maxOutputTokens"
    limit = a_whole(config["maxOutputTokens"], path)
    if limit < 1:
        raise InvalidRequest(f"{path} must be at least 1.", param=path)
    return limit


def _sampling(config: Fields) -> Sampling:
    asked = {
        name: read(config[field], f"{_PATH}.{field}") for field, (name, read) in _SAMPLING.items() if field in config
    }
    return Sampling(**asked)


def _thinking(value: Any, losses: Losses) -> Thinking | None:
    """A level or a budget; both in one request make no sense, and the level counts (REAS-4)."""
    path = f"{_PATH}.thinkingConfig"
    config = given(value, path)
    drop_unknown(config, ("includeThoughts", "thinkingBudget", "thinkingLevel"), path, losses)
    visible = "includeThoughts" in config and a_flag(config["includeThoughts"], f"{path}.includeThoughts")
    budget = a_whole(config["thinkingBudget"], f"{path}.thinkingBudget") if "thinkingBudget" in config else None
    effort = _level(config["thinkingLevel"], f"{path}.thinkingLevel") if "thinkingLevel" in config else None
    if effort is None and budget is None and not visible:
        return None
    return Thinking(effort=effort, budget=budget, visible=visible)


def _level(value: Any, path: str) -> str | None:
    level = a_word(value, path)
    if level not in _LEVELS:
        known = ", ".join(f"'{word}'" for word in _LEVELS)
        raise InvalidRequest(f"{path} must be one of {known}.", param=path)
    return _LEVELS[level]


def _check_modalities(config: Fields, losses: Losses) -> None:
    """Text is what everybody answers with (MOD-1)."""
    path = f"{_PATH}.responseModalities"
    for at, modality in enumerate(a_list(config.get("responseModalities", []), path)):
        if a_word(modality, f"{path}[{at}]") not in ("TEXT", "MODALITY_UNSPECIFIED"):
            losses.refuse(path)


def _resolution(config: Fields, losses: Losses) -> str:
    if "mediaResolution" not in config:
        return ""
    return read_detail(config["mediaResolution"], f"{_PATH}.mediaResolution", losses)


def _output(config: Fields, losses: Losses) -> Output | None:
    """The schema of the answer, in whichever of three places it is (FMT-1, FMT-3)."""
    form = _format(config.get("responseFormat"), losses)
    named = "responseMimeType" if "responseMimeType" in config else "responseFormat"
    media_type = a_text(config.get("responseMimeType", form.get("mimeType", "")), f"{_PATH}.{named}").lower()
    if media_type not in ("", "text/plain", "application/json", "application_json"):
        losses.refuse(f"{_PATH}.{named}")
    schema = None
    if "responseJsonSchema" in config:
        schema = an_object(config["responseJsonSchema"], f"{_PATH}.responseJsonSchema")
    elif "responseSchema" in config:
        schema = from_proto(an_object(config["responseSchema"], f"{_PATH}.responseSchema"))
    elif "jsonSchema" in form:
        schema = an_object(form["jsonSchema"], f"{_PATH}.responseFormat.text.jsonSchema")
    if schema is not None:
        return Output("json_schema", schema)
    return Output("json_object") if "json" in media_type else None


def _format(value: Any, losses: Losses) -> Fields:
    """The `text` of `responseFormat`, which comes alone or in a list."""
    path = f"{_PATH}.responseFormat"
    found: Fields = {}
    for entry in value if isinstance(value, list) else [{} if value is None else value]:
        form = given(entry, path)
        for name in form:
            if name != "text":
                losses.refuse(f"{path}.{name}")
        found |= given(form.get("text", {}), f"{path}.text")
    drop_unknown(found, ("mimeType", "jsonSchema"), f"{path}.text", losses)
    return found
