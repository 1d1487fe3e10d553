"""A client's chat request as a prompt: settings here, messages and tools next door.

Fields: https://platform.openai.com/docs/api-reference/chat/create.
"""

from __future__ import annotations

from typing import Any

from gateway.errors import InvalidRequest
from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Identity, Output, Prompt, Sampling, Thinking
from gateway.formats.reasoning import EFFORTS
from gateway.formats.values import a_count, a_flag, a_list, a_number, a_text, an_object, one_of

from .message_reader import Conversation
from .part_reader import a_stop_list
from .tool_reader import read_choice, read_tools

TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
VERBOSITIES = ("low", "medium", "high")

_READ = frozenset(
    {
        "model",
        "messages",
        "stream",
        "stream_options",
        "max_completion_tokens",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "n",
        "seed",
        "stop",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "functions",
        "function_call",
        "response_format",
        "reasoning_effort",
        "verbosity",
        "modalities",
        "audio",
        "web_search_options",
        "prompt_cache_key",
        "service_tier",
        "store",
        "metadata",
        "user",
        "safety_identifier",
    }
)


def read_prompt(fields: Fields, losses: Losses) -> Prompt:
    """The prompt. Raises InvalidRequest with the field at fault, and UnsupportedParameter for sound as output."""
    given = {name: value for name, value in fields.items() if value is not None}
    conversation = _conversation(given, losses)
    _check_modalities(given, losses)
    options = an_object(given.get("stream_options", {}), "stream_options")
    for name in given:
        if name not in _READ:
            losses.drop_unknown(name)
    for name, value in options.items():
        if name != "include_usage" and value:
            losses.drop(f"stream_options.{name}")
    return Prompt(
        tuple(conversation.system),
        tuple(conversation.turns),
        stream=_flag(given, "stream") is True,
        wants_usage=options.get("include_usage") is True,
        max_tokens=_limit(given),
        stop=a_stop_list(given["stop"], "stop") if "stop" in given else (),
        sampling=_sampling(given),
        tools=read_tools(given, losses),
        tool_choice=read_choice(given),
        parallel=_flag(given, "parallel_tool_calls"),
        thinking=_thinking(given),
        output=_output(given.get("response_format")),
        verbosity=one_of(given["verbosity"], VERBOSITIES, "verbosity") if "verbosity" in given else None,
        cache_key=_text(given, "prompt_cache_key"),
        identity=_identity(given),
    )


def _conversation(given: Fields, losses: Losses) -> Conversation:
    if "messages" not in given:
        raise InvalidRequest("Missing required parameter: 'messages'.", param="messages")
    messages = a_list(given["messages"], "messages")
    if not messages:
        raise InvalidRequest("messages must have at least one message.", param="messages")
    conversation = Conversation(losses)
    for at, message in enumerate(messages):
        conversation.read(message, f"messages[{at}]")
    return conversation


def _check_modalities(given: Fields, losses: Losses) -> None:
    """Sound as output is OpenAI's alone (MOD-1)."""
    wanted = a_list(given.get("modalities", []), "modalities")
    if any(each != "text" for each in wanted):
        losses.refuse("modalities")
    if "audio" in given:
        losses.drop_unknown("audio")


def _limit(given: Fields) -> int | None:
    """The newer name wins (MAXT-1)."""
    for name in ("max_completion_tokens", "max_tokens"):
        if name in given:
            limit = a_count(given[name], name)
            if limit < 1:
                raise InvalidRequest(f"{name} must be at least 1.", param=name)
            return limit
    return None


def _sampling(given: Fields) -> Sampling:
    bias = given.get("logit_bias")
    return Sampling(
        temperature=_number(given, "temperature"),
        top_p=_number(given, "top_p"),
        top_k=_count(given, "top_k"),
        frequency_penalty=_number(given, "frequency_penalty"),
        presence_penalty=_number(given, "presence_penalty"),
        seed=_count(given, "seed"),
        n=_answers(given),
        logit_bias=None if not bias else _bias(bias),
        logprobs=_flag(given, "logprobs") is True,
        top_logprobs=_count(given, "top_logprobs"),
    )


def _answers(given: Fields) -> int | None:
    wanted = _count(given, "n")
    if wanted is not None and wanted < 1:
        raise InvalidRequest("n must be at least 1.", param="n")
    return wanted


def _bias(value: Any) -> dict[str, float]:
    return {token: a_number(each, f"logit_bias.{token}") for token, each in an_object(value, "logit_bias").items()}


def _thinking(given: Fields) -> Thinking | None:
    """Thoughts are visible to whoever asks for an effort (REAS-5)."""
    if "reasoning_effort" not in given:
        return None
    effort = one_of(given["reasoning_effort"], EFFORTS, "reasoning_effort")
    return Thinking(effort=effort, visible=effort != "none")


def _output(value: Any) -> Output | None:
    if value is None:
        return None
    form = an_object(value, "response_format")
    kind = one_of(form.get("type"), ("text", "json_object", "json_schema"), "response_format.type")
    if kind == "text":
        return None
    if kind == "json_object":
        return Output("json_object")
    inner = an_object(form.get("json_schema"), "response_format.json_schema")
    strict, schema = inner.get("strict"), inner.get("schema")
    return Output(
        "json_schema",
        {} if schema is None else an_object(schema, "response_format.json_schema.schema"),
        _within(inner, "name"),
        _within(inner, "description"),
        None if strict is None else a_flag(strict, "response_format.json_schema.strict"),
    )


def _within(form: Fields, name: str) -> str:
    value = form.get(name)
    return "" if value is None else a_text(value, f"response_format.json_schema.{name}")


def _identity(given: Fields) -> Identity:
    pairs = given.get("metadata")
    return Identity(
        user=_text(given, "user"),
        safety_id=_text(given, "safety_identifier"),
        metadata=None if pairs is None else _metadata(pairs),
        tier=one_of(given["service_tier"], TIERS, "service_tier") if "service_tier" in given else None,
        store=_flag(given, "store"),
    )


def _metadata(value: Any) -> dict[str, str]:
    return {name: a_text(each, f"metadata.{name}") for name, each in an_object(value, "metadata").items()}


def _number(given: Fields, name: str) -> float | None:
    return a_number(given[name], name) if name in given else None


def _count(given: Fields, name: str) -> int | None:
    return a_count(given[name], name) if name in given else None


def _text(given: Fields, name: str) -> str | None:
    return a_text(given[name], name) if name in given else None


def _flag(given: Fields, name: str) -> bool | None:
    return a_flag(given[name], name) if name in given else None
