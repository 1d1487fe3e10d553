"""A client's chat request as a prompt: settings here, messages and tools next door.

Fields: https://platform.openai.com/docs/api-reference/chat/create.
"""

from __future__ import annotations

from typing import Any

from gateway.errors import InvalidRequest
from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Prompt, Sampling, Thinking
from gateway.formats.openai_fields import VERBOSITIES, read_identity, read_output
from gateway.formats.reasoning import EFFORTS
from gateway.formats.values import a_count, a_flag, a_list, a_number, a_text, an_object, maybe, one_of

from .message_reader import Conversation
from .part_reader import a_stop_list
from .tool_reader import read_choice, read_tools

TIERS = ("auto", "default", "flex", "scale", "priority", "fast")

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
        stream=maybe(a_flag, given, "stream") is True,
        wants_usage=options.get("include_usage") is True,
        max_tokens=_limit(given),
        stop=a_stop_list(given["stop"], "stop") if "stop" in given else (),
        sampling=_sampling(given),
        tools=read_tools(given, losses),
        tool_choice=read_choice(given),
        parallel=maybe(a_flag, given, "parallel_tool_calls"),
        thinking=_thinking(given),
        output=read_output(given.get("response_format"), "response_format", "json_schema"),
        verbosity=one_of(given["verbosity"], VERBOSITIES, "verbosity") if "verbosity" in given else None,
        cache_key=maybe(a_text, given, "prompt_cache_key"),
        identity=read_identity(given, TIERS),
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
        temperature=maybe(a_number, given, "temperature"),
        top_p=maybe(a_number, given, "top_p"),
        top_k=maybe(a_count, given, "top_k"),
        frequency_penalty=maybe(a_number, given, "frequency_penalty"),
        presence_penalty=maybe(a_number, given, "presence_penalty"),
        seed=maybe(a_count, given, "seed"),
        n=_answers(given),
        logit_bias=None if not bias else _bias(bias),
        logprobs=maybe(a_flag, given, "logprobs") is True,
        top_logprobs=maybe(a_count, given, "top_logprobs"),
    )


def _answers(given: Fields) -> int | None:
    wanted = maybe(a_count, given, "n")
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
