"""What Anthropic asks of a request: its fields, and which of them go together with which model. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from gateway.mock import anthropic
from gateway.mock.answers import Call
from gateway.mock.anthropic import LATEST, refuse
from gateway.mock.anthropic_blocks import CACHE_CONTROL, ID, NAME, TEXTS
from gateway.mock.anthropic_models import Abilities, find_abilities
from gateway.mock.anthropic_schemas import check_output_schema
from gateway.mock.anthropic_shapes import (
    a_flag,
    a_text,
    an_object,
    anything,
    between,
    closed,
    list_of,
    one_of,
    tagged,
    whole,
    wrong,
)
from gateway.mock.anthropic_turns import Turn, check_thoughts, check_turns, read_turns
from gateway.mock.checks import Check, either

MARKS = 4
"""Blocks that may have a cache_control."""
_SAMPLING: dict[str, Check] = {"temperature": between(0, 1), "top_p": between(0, 1), "top_k": whole(0)}
_DISPLAY = {"display": one_of("summarized", "omitted"), "block_binding": an_object}
_THINKING = tagged({
    "enabled": closed({"type": anything, "budget_tokens": whole(1024)}, _DISPLAY),
    "adaptive": closed({"type": anything}, _DISPLAY),
    "disabled": closed({"type": anything}, {}),
    "between_tools": closed({"type": anything}, _DISPLAY),
})  # fmt: skip
_PARALLEL = {"disable_parallel_tool_use": a_flag}
_TOOL_CHOICE = tagged({
    "auto": closed({"type": anything}, _PARALLEL),
    "any": closed({"type": anything}, _PARALLEL),
    "tool": closed({"type": anything, "name": a_text}, _PARALLEL),
    "none": closed({"type": anything}, {}),
})  # fmt: skip
_FORMAT = tagged({"json_schema": closed({"type": anything, "schema": check_output_schema}, {})})
_OUTPUT = closed({}, {"effort": one_of("low", "medium", "high", "xhigh", "max"), "format": _FORMAT})

OF_VENDORS = re.compile(r"(bash|text_editor|memory|computer|computer_toolset|browser_toolset)_20\d{6}")
_OF_SERVERS = re.compile(
    r"(web_search|web_fetch|code_execution|tool_search_tool_bm25|tool_search_tool_regex|advisor)_20\d{6}|mcp_toolset"
)


def _input_schema(value: Any, where: str) -> None:
    an_object(value, where)
    if "type" not in value:
        raise wrong(f"{where}.type", "Field required")
    one_of("object")(value["type"], f"{where}.type")
    if {"anyOf", "oneOf", "allOf"} & set(value):
        raise wrong(where, "input_schema does not support oneOf, allOf, or anyOf at the top level")


_CUSTOM_TOOL = closed(
    {"name": NAME, "input_schema": _input_schema},
    {"type": one_of("custom"), "description": a_text, "cache_control": CACHE_CONTROL, "strict": a_flag,
     "defer_loading": a_flag, "input_examples": list_of(an_object), "eager_input_streaming": a_flag,
     "allowed_callers": list_of(a_text)},
)  # fmt: skip


def _tool(value: Any, where: str) -> None:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind is None or kind == "custom":
        _CUSTOM_TOOL(value, f"{where}.custom")
    elif not isinstance(kind, str) or not (OF_VENDORS.fullmatch(kind) or _OF_SERVERS.fullmatch(kind)):
        raise wrong(where, f"Input tag '{kind}' found using 'type' does not match any of the expected tags: 'custom'")


def _stop_sequence(value: Any, where: str) -> None:
    a_text(value, where)
    if not value.strip():
        raise refuse("stop_sequences: each stop sequence must contain non-whitespace")


def _some_messages(value: Any, where: str) -> None:
    list_of(anything)(value, where)
    if not value:
        raise wrong(where, "at least one message is required")


_ALWAYS: dict[str, Check] = {"model": a_text, "messages": _some_messages}
_COUNTED: dict[str, Check] = {
    "system": TEXTS,
    "tools": list_of(_tool),
    "tool_choice": _TOOL_CHOICE,
    "thinking": _THINKING,
    "output_config": _OUTPUT,
    "cache_control": CACHE_CONTROL,
    "speed": one_of("standard", "fast"),
}
_ANSWERED: dict[str, Check] = _COUNTED | {
    "stream": a_flag,
    "stop_sequences": list_of(_stop_sequence),
    "metadata": closed({}, {"user_id": a_text}),
    "service_tier": one_of("auto", "standard_only"),
    "container": either(ID, an_object),
    "inference_geo": a_text,
    "diagnostics": an_object,
}
_BETA: dict[str, Check] = dict.fromkeys(
    ("mcp_servers", "context_management", "compaction", "fallbacks", "fallback_credit_token", "thread",
     "billing_policy", "output_format"), anything,
)  # fmt: skip


class Asked(NamedTuple):
    """A request that has been checked."""

    document: dict[str, Any]
    turns: list[Turn]
    tools: list[dict[str, Any]]
    choice: dict[str, Any]
    thinking: dict[str, Any]
    """Never without a `type`: disabled when the request does not say."""
    abilities: Abilities


def read_request(call: Call, *, counting: bool = False) -> Asked:
    """The request, with all that Anthropic checks checked. Raises `Refused`."""
    version = anthropic.check_version(call)
    document = dict(call.document)
    optional = dict(_COUNTED if counting else _ANSWERED)
    if not counting and version != LATEST:
        optional |= _SAMPLING
    if b"anthropic-beta" in call.headers:
        optional |= _BETA
    closed(_ALWAYS if counting else {**_ALWAYS, "max_tokens": whole(0)}, optional)(document, "")
    if document.get("thread") is not None:
        raise anthropic.refuse_thread()
    abilities = find_abilities(call.model)
    turns = read_turns(document["messages"], abilities)
    check_turns(turns, model=call.model, version=version, abilities=abilities)
    asked = Asked(
        document,
        turns,
        document.get("tools") or [],
        document.get("tool_choice") or {"type": "auto"},
        document.get("thinking") or {"type": "disabled"},
        abilities,
    )
    _check_marks(document)
    _check_tools(asked)
    _check_thinking(asked)
    _check_sampling(asked)
    _check_limits(asked, call.model)
    return asked


def _check_marks(document: dict[str, Any]) -> None:
    found = sum(1 for _ in _marks([document.get("tools"), document.get("system"), document["messages"]]))
    if found > MARKS:
        raise refuse(f"A maximum of {MARKS} blocks with cache_control may be provided. Found {found}.")


def _marks(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _marks(item)
    elif isinstance(value, dict):
        if value.get("cache_control") is not None:
            yield value["cache_control"]
        yield from _marks(value.get("content"))


def _check_tools(asked: Asked) -> None:
    names = [tool.get("name") for tool in asked.tools]
    if len(set(map(str, names))) < len(names):
        raise refuse("tools: Tool names must be unique.")
    if asked.document.get("tool_choice") is not None and not asked.tools:
        raise refuse("tool_choice: may only be specified while providing tools.")
    if asked.choice["type"] == "tool" and asked.choice["name"] not in names:
        raise refuse(f"tool_choice: Tool '{asked.choice['name']}' not found in provided tools")


def _check_thinking(asked: Asked) -> None:
    kind, abilities = asked.thinking["type"], asked.abilities
    if kind == "disabled":
        return
    if not abilities.thinking:
        raise refuse("thinking: This model does not support thinking.")
    if kind == "adaptive" and not abilities.adaptive_thinking:
        raise refuse("adaptive thinking is not supported on this model")
    if kind == "enabled":
        _check_budget(asked)


def _check_budget(asked: Asked) -> None:
    if not asked.abilities.budget_thinking:
        said = '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and'
        raise refuse(f'{said} "output_config.effort" to control thinking behavior.')
    if asked.choice["type"] in ("any", "tool"):
        raise refuse("Thinking may not be enabled when tool_choice forces tool use.")
    most = asked.document.get("max_tokens")
    if most is not None and asked.thinking["budget_tokens"] >= most:
        raise refuse("`max_tokens` must be greater than `thinking.budget_tokens`.")
    check_thoughts(asked.turns)


def _check_sampling(asked: Asked) -> None:
    given = {name: asked.document[name] for name in _SAMPLING if asked.document.get(name) is not None}
    if given and not asked.abilities.sampling:
        raise refuse(f"`{next(iter(given))}` is deprecated for this model.")
    if {"temperature", "top_p"} <= set(given) and not asked.abilities.both_samplings:
        raise refuse("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
    if asked.thinking["type"] not in ("enabled", "adaptive"):
        return
    if given.get("temperature", 1) != 1:
        raise refuse("`temperature` may only be set to 1 when thinking is enabled.")
    if given.get("top_p", 1) < 0.95:
        raise refuse("`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.")
    if "top_k" in given:
        raise refuse("`top_k` must be unset when thinking is enabled.")


def _check_limits(asked: Asked, model: str) -> None:
    most, limit = asked.document.get("max_tokens", 0), asked.abilities.output_limit
    if most > limit:
        said = f"max_tokens: {most} > {limit}, which is the maximum allowed number of output tokens for {model}"
        raise refuse(said)
    effort = (asked.document.get("output_config") or {}).get("effort")
    if effort is not None and not asked.abilities.effort:
        raise refuse("This model does not support the effort parameter.")
