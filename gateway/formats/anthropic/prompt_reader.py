"""A client's Messages request as a prompt: settings and turns here, blocks and tools next door.

Fields: https://platform.claude.com/docs/en/api/messages. Both versions of the API are read alike: whether sampling may
be asked for is the provider's question. What only Anthropic's servers remember is refused, what only steers them is
dropped and reported.
"""

from __future__ import annotations

from typing import Any, Literal

from gateway.errors import InvalidRequest
from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Identity, Output, Prompt, Sampling, Text, Thinking, Turn
from gateway.formats.reasoning import EFFORTS
from gateway.formats.schemas import leaves_open
from gateway.formats.values import a_count, a_flag, a_list, a_number, a_text, an_object, maybe, one_of

from .block_reader import TEXTS, read_content, read_mark, texts_among
from .message_reader import read_messages
from .places import required
from .tool_reader import read_choice, read_tools

TIERS = ("auto", "standard_only")

_REMEMBERED = ("mcp_servers", "thread")
"""What only Anthropic's servers can reach or remember."""

_READ = frozenset(
    {
        "model",
        "messages",
        "max_tokens",
        "system",
        "stop_sequences",
        "stream",
        "temperature",
        "top_p",
        "top_k",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "output_format",
        "metadata",
        "cache_control",
        "betas",
        *_REMEMBERED,
    }
)

_HOLDS_ANYWAY = {"service_tier": "auto", "speed": "standard"}
"""Values that change nothing, and whose loss is none."""

_THINKING: dict[str, Literal["on", "adaptive", "off"]] = {
    "enabled": "on",
    "adaptive": "adaptive",
    "disabled": "off",
    "between_tools": "off",
}
"""`between_tools` is read as off: others think before their answer or not at all (REAS-4)."""


def read_prompt(fields: Fields, losses: Losses) -> Prompt:
    """The prompt. Raises InvalidRequest with the field at fault, and UnsupportedParameter for what needs state."""
    given = {name: value for name, value in fields.items() if value is not None}
    for name in _REMEMBERED:
        if given.get(name):
            losses.refuse(name)
    system, turns = _conversation(given, losses)
    choice, parallel = read_choice(given.get("tool_choice"))
    config = _config(given, losses)
    prompt = Prompt(
        system,
        turns,
        stream="stream" in given and a_flag(given["stream"], "stream"),
        max_tokens=_limit(given),
        stop=_texts(given, "stop_sequences"),
        sampling=_sampling(given),
        tools=read_tools(given.get("tools"), losses),
        tool_choice=choice,
        parallel=parallel,
        thinking=_thinking(given, config, losses),
        output=_output(config.get("format", given.get("output_format"))),
        cache=read_mark(given),
        identity=_identity(given, losses),
    )
    _report(given, losses)
    return prompt


def _report(given: Fields, losses: Losses) -> None:
    """What is left out without another word: settings of Anthropic's own, and what nobody knows."""
    if "service_tier" in given:
        one_of(given["service_tier"], TIERS, "service_tier")
    for name, value in given.items():
        if name not in _READ and value != _HOLDS_ANYWAY.get(name):
            losses.drop(name)


def _conversation(given: Fields, losses: Losses) -> tuple[tuple[Text, ...], tuple[Turn, ...]]:
    """Instructions and turns; instructions before the first turn of anybody are leading ones too (SYS-1)."""
    leading, turns = read_messages(required(given, "messages"), losses)
    told = texts_among(read_content(given["system"], "system", TEXTS, losses)) if "system" in given else []
    return (*told, *leading), turns


def _limit(given: Fields) -> int:
    """0 means to fill the cache and answer nothing."""
    limit = a_count(required(given, "max_tokens"), "max_tokens")
    if limit < 0:
        raise InvalidRequest("max_tokens: Input should be greater than or equal to 0", param="max_tokens")
    return limit


def _sampling(given: Fields) -> Sampling:
    return Sampling(
        temperature=maybe(a_number, given, "temperature"),
        top_p=maybe(a_number, given, "top_p"),
        top_k=maybe(a_count, given, "top_k"),
    )


def _config(given: Fields, losses: Losses) -> Fields:
    """`output_config`, without what is null."""
    config = an_object(given.get("output_config", {}), "output_config")
    for name, value in config.items():
        if value is not None and name not in ("effort", "format"):
            losses.drop(f"output_config.{name}")
    return {name: value for name, value in config.items() if value is not None}


def _thinking(given: Fields, config: Fields, losses: Losses) -> Thinking | None:
    """How much to think: a level that is named wins over every other word (REAS-4). It is shown when thinking is on
    and not to be left out (REAS-5)."""
    effort = one_of(config["effort"], EFFORTS, "output_config.effort") if "effort" in config else None
    if "thinking" not in given:
        return Thinking(effort=effort) if effort is not None else None
    thinking = an_object(given["thinking"], "thinking")
    mode = _THINKING[one_of(required(thinking, "type", "thinking"), _THINKING, "thinking.type")]
    budget = (
        a_count(required(thinking, "budget_tokens", "thinking"), "thinking.budget_tokens") if mode == "on" else None
    )
    if thinking.get("block_binding") is not None:
        losses.drop("thinking.block_binding")
    if mode == "off":
        return Thinking("off") if effort is None else Thinking(effort=effort)
    return Thinking(mode, effort, budget, visible=thinking.get("display") != "omitted")


def _output(value: Any) -> Output | None:
    """What the answer must look like; decoding is constrained, which others call strict (FMT-1).

    Theirs knows no properties that may be left out, and is not asked for where there are such.
    """
    if value is None:
        return None
    form = an_object(value, "output_config.format")
    kind = required(form, "type", "output_config.format")
    one_of(kind, ("json_schema",), "output_config.format.type")
    schema = an_object(required(form, "schema", "output_config.format"), "output_config.format.schema")
    return Output("json_schema", schema, strict=None if leaves_open(schema) else True)


def _identity(given: Fields, losses: Losses) -> Identity:
    """The one id that Anthropic takes is what OpenAI calls both user and safety identifier (USER-1)."""
    metadata = an_object(given.get("metadata", {}), "metadata")
    for name, value in metadata.items():
        if name != "user_id" and value is not None:
            losses.drop(f"metadata.{name}")
    known = maybe(a_text, metadata, "user_id", "metadata")
    return Identity(user=known, safety_id=known)


def _texts(given: Fields, name: str) -> tuple[str, ...]:
    entries = a_list(given[name], name) if name in given else []
    return tuple(a_text(entry, f"{name}.{at}") for at, entry in enumerate(entries))
