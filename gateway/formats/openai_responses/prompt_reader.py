"""A client's Responses request as a prompt: settings here, items and tools next door.

Fields: https://platform.openai.com/docs/api-reference/responses/create. What the server would have to remember is
refused; what only steers OpenAI's own machinery is dropped and reported.
"""

from __future__ import annotations

from gateway.errors import InvalidRequest
from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Output, Prompt, Sampling, Text, Thinking
from gateway.formats.openai_fields import VERBOSITIES, read_identity, read_output
from gateway.formats.reasoning import EFFORTS
from gateway.formats.values import a_count, a_flag, a_list, a_number, a_text, an_object, maybe, one_of

from .item_reader import Conversation, read_items
from .tool_reader import read_choice, read_tools

SUMMARIES = ("auto", "concise", "detailed")
TIERS = ("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")
TRUNCATIONS = ("auto", "disabled")

_REMEMBERED = ("previous_response_id", "conversation", "prompt")
"""What only a server that keeps state can serve (STATE-2)."""

_READ = frozenset(
    {
        "model",
        "input",
        "instructions",
        "max_output_tokens",
        "temperature",
        "top_p",
        "top_logprobs",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "text",
        "reasoning",
        "include",
        "store",
        "background",
        "truncation",
        "prompt_cache_key",
        "service_tier",
        "metadata",
        "safety_identifier",
        "user",
        "stream",
        "stream_options",
    }
)
_LOGPROBS = "message.output_text.logprobs"
_SERVED = frozenset({"reasoning.encrypted_content", _LOGPROBS})
"""What may be asked for in `include` and comes."""

_HOLDS_ANYWAY = {"reasoning.context": "auto", "reasoning.mode": "standard"}
"""Values that change nothing, and whose loss is none."""


def read_prompt(fields: Fields, losses: Losses) -> Prompt:
    """The prompt. Raises InvalidRequest with the field at fault, and UnsupportedParameter for what needs state."""
    given = {name: value for name, value in fields.items() if value is not None}
    _refuse_state(given, losses)
    conversation = _conversation(given, losses)
    output, verbosity = _read_text(given, losses)
    lists = [("tools", a_list(given["tools"], "tools"))] if "tools" in given else []
    prompt = Prompt(
        tuple(conversation.system),
        conversation.turns,
        stream=maybe(a_flag, given, "stream") is True,
        max_tokens=_limit(given),
        sampling=_sampling(given, losses),
        tools=read_tools([*lists, *conversation.tools], losses),
        tool_choice=read_choice(given.get("tool_choice"), losses),
        parallel=maybe(a_flag, given, "parallel_tool_calls"),
        thinking=_thinking(given, losses),
        output=output,
        verbosity=verbosity,
        cache_key=maybe(a_text, given, "prompt_cache_key"),
        identity=read_identity(given, TIERS),
    )
    _report(given, losses)
    return prompt


def _refuse_state(given: Fields, losses: Losses) -> None:
    for name in _REMEMBERED:
        if name in given:
            losses.refuse(name)
    if maybe(a_flag, given, "background"):
        losses.refuse("background")


def _report(given: Fields, losses: Losses) -> None:
    """What is left out without another word: settings of OpenAI's own, and what nobody knows."""
    if "truncation" in given and one_of(given["truncation"], TRUNCATIONS, "truncation") != "disabled":
        losses.drop("truncation")
    options = an_object(given.get("stream_options", {}), "stream_options")
    for name, value in options.items():
        if value not in (None, False):
            losses.drop(f"stream_options.{name}")
    for name in given:
        if name not in _READ:
            losses.drop(name)


def _conversation(given: Fields, losses: Losses) -> Conversation:
    """Instructions and items, and what the items change in the settings (the last word holds)."""
    if "input" not in given and "instructions" not in given:
        raise InvalidRequest("You must provide an input parameter.", param="input")
    conversation = read_items(given.get("input"), losses)
    if "instructions" in given:
        conversation.system.insert(0, Text(a_text(given["instructions"], "instructions")))
    for path, update in conversation.updates:
        for name in ("reasoning", "text"):
            if update.get(name) is not None:
                before = an_object(given.get(name, {}), name)
                given[name] = {**before, **an_object(update[name], f"{path}.{name}")}
    return conversation


def _limit(given: Fields) -> int | None:
    if "max_output_tokens" not in given:
        return None
    limit = a_count(given["max_output_tokens"], "max_output_tokens")
    if limit < 1:
        raise InvalidRequest("max_output_tokens must be at least 1.", param="max_output_tokens")
    return limit


def _sampling(given: Fields, losses: Losses) -> Sampling:
    """Sampling and log probabilities, which are asked for by their number or among the extras."""
    include = a_list(given.get("include", []), "include")
    for at, extra in enumerate(include):
        if a_text(extra, f"include[{at}]") not in _SERVED:
            losses.drop("include")
    top = maybe(a_count, given, "top_logprobs")
    wanted = bool(top) or _LOGPROBS in include
    return Sampling(
        temperature=maybe(a_number, given, "temperature"),
        top_p=maybe(a_number, given, "top_p"),
        logprobs=wanted,
        top_logprobs=top if wanted else None,
    )


def _thinking(given: Fields, losses: Losses) -> Thinking | None:
    """How much to think; thoughts are visible when a summary is asked for (REAS-5)."""
    if "reasoning" not in given:
        return None
    asked = {name: value for name, value in an_object(given["reasoning"], "reasoning").items() if value is not None}
    effort = one_of(asked["effort"], EFFORTS, "reasoning.effort") if "effort" in asked else None
    summaries = [
        one_of(asked[name], SUMMARIES, f"reasoning.{name}") for name in ("summary", "generate_summary") if name in asked
    ]
    for name, value in asked.items():
        field = f"reasoning.{name}"
        if name not in ("effort", "summary", "generate_summary") and value != _HOLDS_ANYWAY.get(field):
            losses.drop(field)
    return Thinking(effort=effort, visible=bool(summaries)) if effort or summaries else None


def _read_text(given: Fields, losses: Losses) -> tuple[Output | None, str | None]:
    """What the answer must look like, and how wordy it is to be."""
    text = an_object(given.get("text", {}), "text")
    for name in text:
        if name not in ("format", "verbosity"):
            losses.drop(f"text.{name}")
    verbosity = text.get("verbosity")
    return (
        read_output(text.get("format"), "text.format"),
        None if verbosity is None else one_of(verbosity, VERBOSITIES, "text.verbosity"),
    )
