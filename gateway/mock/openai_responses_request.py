"""A request for a response as OpenAI reads it: its parameters, its tools, and the conversation it continues. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.mock import openai_schemas
from gateway.mock.answers import Call
from gateway.mock.checks import Check, either
from gateway.mock.openai import refuse
from gateway.mock.openai_calls import Choice, Offered
from gateway.mock.openai_models import check_sampling, find_abilities
from gateway.mock.openai_request import EFFORTS, LEVELS
from gateway.mock.openai_responses_items import Item, check_input, check_order, items_of, resolve
from gateway.mock.openai_shapes import (
    a_flag,
    a_name,
    a_text,
    an_object,
    anything,
    at_most,
    below,
    between,
    closed,
    list_of,
    not_one_of,
    one_of,
    opened,
    pairs,
    tagged,
    unknown,
)

INCLUDE = (
    "file_search_call.results", "web_search_call.results", "web_search_call.action.sources",
    "message.input_image.image_url", "computer_call_output.output.image_url", "code_interpreter_call.outputs",
    "reasoning.encrypted_content", "message.output_text.logprobs",
)  # fmt: skip
BUILT_IN = (
    "web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11", "file_search",
    "code_interpreter", "image_generation", "mcp", "computer", "computer_use_preview", "local_shell", "shell",
    "apply_patch", "tool_search", "programmatic_tool_calling",
)  # fmt: skip


class Asked(NamedTuple):
    """A request that passed all checks."""

    document: Mapping[str, Any]
    items: list[Item]
    """The whole conversation, with what this request continues."""
    tools: list[Offered]
    choice: Choice

    @property
    def instructions(self) -> str:
        """What the model is told for this response alone."""
        return self.document.get("instructions") or ""


def read_request(call: Call) -> Asked:
    """A request for a response. Raises `Refused` for the first thing wrong with it."""
    return _read(call, _PARAMETERS)


def read_count(call: Call) -> Asked:
    """A request for the number of tokens. Raises `Refused`."""
    return _read(call, _OF_COUNTS)


def read_compact(call: Call) -> Asked:
    """A request for a shorter conversation. Raises `Refused`."""
    return _read(call, _OF_COMPACTS)


def _read(call: Call, parameters: Mapping[str, Check]) -> Asked:
    document = call.document
    for name, value in document.items():
        check = parameters.get(name)
        if check is None and not call.script.lenient:
            raise unknown(name)
        if check is not None and value is not None:
            check(value, name)
    _check_together(document)
    abilities = find_abilities(call.model)
    check_sampling(document, (document.get("reasoning") or {}).get("effort"), abilities)
    items = _conversation(call)
    check_order(items)
    tools = list(_offered(document.get("tools") or ()))
    return Asked(document, items, tools, _choice(document, tools))


def _conversation(call: Call) -> list[Item]:
    """The input after what the response before was given and said."""
    own = resolve(items_of(call.document.get("input")), call.kept)
    name = call.document.get("previous_response_id")
    if name is None:
        return own
    before = call.kept.find(name)
    if before is None:
        said = f"Previous response with id '{name}' not found."
        raise refuse(said, param="previous_response_id", code="previous_response_not_found")
    return [*before.items, *before.response["output"], *own]


_FUNCTION = closed(
    {"type": anything, "name": a_name},
    {
        "description": a_text,
        "parameters": an_object,
        "strict": a_flag,
        "defer_loading": a_flag,
        "output_schema": an_object,
        "allowed_callers": list_of(a_text),
        "async": a_flag,
    },
)
_GRAMMAR = closed({"type": anything, "definition": a_text, "syntax": one_of("lark", "regex")})
_CUSTOM = closed(
    {"type": anything, "name": a_name},
    {
        "description": a_text,
        "format": tagged({"text": closed({"type": anything}), "grammar": _GRAMMAR}),
        "defer_loading": a_flag,
        "allowed_callers": list_of(a_text),
    },
)


def _function(value: Any, where: str) -> None:
    _FUNCTION(value, where)
    openai_schemas.check_parameters(value, below(where, "parameters"))


_OWN: dict[str, Check] = {"function": _function, "custom": _CUSTOM}
_NAMESPACE = closed({"type": anything, "name": a_name, "description": a_text, "tools": list_of(tagged(_OWN), least=1)})
_TOOLS = tagged({**_OWN, "namespace": _NAMESPACE, **dict.fromkeys(BUILT_IN, an_object)})
_NAMED = closed({"type": anything, "name": a_text}, {"namespace": a_text})
_ALLOWED = closed({"type": anything, "mode": one_of("auto", "required"), "tools": list_of(an_object)})
_CHOICES = tagged(
    {"function": _NAMED, "custom": _NAMED, "allowed_tools": _ALLOWED, **dict.fromkeys(BUILT_IN, an_object)}
)
_FORMATS = tagged(
    {
        "text": closed({"type": anything}),
        "json_object": closed({"type": anything}),
        "json_schema": closed(
            {"type": anything, "name": a_name, "schema": an_object}, {"description": a_text, "strict": a_flag}
        ),
    }
)


def _format(value: Any, where: str) -> None:
    _FORMATS(value, where)
    if value.get("strict"):
        what = f"response_format '{value['name']}'"
        openai_schemas.check_strict(value["schema"], what, below(where, "schema"), code="invalid_json_schema")


_SUMMARIES = one_of("auto", "concise", "detailed")
_REASONING = closed(
    {},
    {
        "effort": one_of(*EFFORTS),
        "summary": _SUMMARIES,
        "generate_summary": _SUMMARIES,
        "context": one_of("auto", "current_turn", "all_turns"),
        "mode": one_of("standard", "pro"),
    },
)
_CACHE = {"prompt_cache_key": a_text, "prompt_cache_options": an_object,
          "prompt_cache_retention": one_of("in_memory", "24h")}  # fmt: skip
_SHARED: dict[str, Check] = {
    "model": anything,
    "input": check_input,
    "instructions": a_text,
    "previous_response_id": a_text,
}
_OF_COUNTS: dict[str, Check] = {
    **_SHARED,
    "conversation": either(anything, opened({"id": a_text})),
    "parallel_tool_calls": a_flag,
    "personality": a_text,
    "reasoning": _REASONING,
    "text": closed({}, {"format": _format, "verbosity": one_of(*LEVELS)}),
    "tool_choice": either(one_of("none", "auto", "required"), _CHOICES),
    "tools": list_of(_TOOLS, most=128),
    "truncation": one_of("auto", "disabled"),
}
_OF_COMPACTS: dict[str, Check] = {
    **_SHARED,
    **_CACHE,
    "image": an_object,
    "service_tier": one_of("auto", "default", "fast", "flex", "priority"),
}
_PARAMETERS: dict[str, Check] = {
    **{name: check for name, check in _OF_COUNTS.items() if name != "personality"},
    **_CACHE,
    "access_programs": an_object,
    "background": a_flag,
    "context_management": list_of(opened({"type": a_text})),
    "image": an_object,
    "include": list_of(one_of(*INCLUDE)),
    "max_output_tokens": between(16, whole=True),
    "max_tool_calls": between(1, whole=True),
    "metadata": pairs,
    "moderation": an_object,
    "prompt": opened({"id": a_text}),
    "safety_identifier": at_most(128),
    "service_tier": one_of("auto", "default", "flex", "scale", "priority", "fast", "ultrafast"),
    "store": a_flag,
    "stream": a_flag,
    "stream_options": closed({}, {"include_obfuscation": a_flag}),
    "temperature": between(0, 2),
    "top_logprobs": between(0, 20, whole=True),
    "top_p": between(0, 1),
    "user": a_text,
}
_SOURCES = ("input", "previous_response_id", "prompt", "conversation")


def _check_together(document: Mapping[str, Any]) -> None:
    """What goes only with something else, or only without it."""
    if all(document.get(name) in (None, []) for name in _SOURCES):
        said = 'One of "input" or "previous_response_id" or "prompt" or "conversation" must be provided.'
        raise refuse(said, code="missing_required_parameter")
    if document.get("previous_response_id") is not None and document.get("conversation") is not None:
        said = "Mutually exclusive parameters: 'previous_response_id' and 'conversation'."
        raise refuse(said, code="mutually_exclusive_parameters")
    if document.get("stream_options") is not None and not document.get("stream"):
        said = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise refuse(said, param="stream_options")
    if document.get("background") and document.get("store") is False:
        raise refuse("Background mode requires 'store' to be true.", param="background")


def _offered(tools: Any, namespace: str = "") -> list[Offered]:
    found: list[Offered] = []
    for tool in tools:
        if tool["type"] == "namespace":
            found += _offered(tool["tools"], tool["name"])
        elif tool["type"] in _OWN:
            found.append(Offered(tool["type"], tool["name"], tool.get("parameters"), namespace))
    return found


def _choice(document: Mapping[str, Any], tools: list[Offered]) -> Choice:
    said = document.get("tool_choice") or "auto"
    parallel = document.get("parallel_tool_calls") is not False
    if isinstance(said, str):
        if said == "required" and not document.get("tools"):
            raise refuse("Tool choice 'required' must be specified with 'tools' parameter.", param="tool_choice")
        return Choice(said, parallel=parallel)
    if said["type"] == "allowed_tools":
        names = [tool["name"] for tool in said["tools"] if tool.get("type") in _OWN and "name" in tool]
        return Choice(said["mode"], tuple(_known(names, tools)), parallel)
    if said["type"] in _OWN:
        return Choice("required", tuple(_known([said["name"]], tools)), parallel)
    return Choice("none")


def _known(names: list[str], tools: list[Offered]) -> list[str]:
    known = [tool.name for tool in tools]
    for name in names:
        if name not in known:
            raise not_one_of("tool_choice", name, known)
    return names
