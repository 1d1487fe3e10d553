"""A chat request as OpenAI reads it: which arguments there are, what they may be, and what the model takes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.mock import openai_schemas
from gateway.mock.answers import Call
from gateway.mock.checks import Check, either
from gateway.mock.openai import refuse
from gateway.mock.openai_calls import Choice, Offered
from gateway.mock.openai_messages import Message, read_messages
from gateway.mock.openai_models import check_sampling, find_abilities, unsupported
from gateway.mock.openai_shapes import (
    a_flag,
    a_name,
    a_text,
    an_integer,
    an_object,
    anything,
    at_most,
    between,
    closed,
    invalid,
    list_of,
    not_one_of,
    one_of,
    pairs,
    tagged,
    wrong_type,
)

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
LEVELS = ("low", "medium", "high")


class Asked(NamedTuple):
    """A request that passed all checks."""

    document: Mapping[str, Any]
    messages: list[Message]
    tools: list[Offered]
    choice: Choice


def read_request(call: Call) -> Asked:
    """The request. Raises `Refused` for the first thing wrong with it."""
    document = call.document
    messages = read_messages(document)
    unrecognized = [name for name in document if name not in _ARGUMENTS]
    if unrecognized and not call.script.lenient:
        plural = "s" if len(unrecognized) > 1 else ""
        raise refuse(f"Unrecognized request argument{plural} supplied: {', '.join(unrecognized)}")
    for name, value in document.items():
        if value is not None and name in _ARGUMENTS:
            _ARGUMENTS[name](value, name)
    _check_together(document)
    _check_model(document, call.model)
    tools = [_offered(tool) for tool in document.get("tools") or ()]
    tools += [Offered("function", each["name"], each.get("parameters")) for each in document.get("functions") or ()]
    return Asked(document, messages, tools, _choice(document, tools))


_GRAMMAR = closed({"definition": a_text, "syntax": one_of("lark", "regex")})
_TOOLS = tagged(
    {
        "function": closed(
            {
                "type": anything,
                "function": closed(
                    {"name": a_name}, {"description": a_text, "parameters": an_object, "strict": a_flag}
                ),
            }
        ),
        "custom": closed(
            {
                "type": anything,
                "custom": closed(
                    {"name": a_name},
                    {
                        "description": a_text,
                        "format": tagged(
                            {
                                "text": closed({"type": anything}),
                                "grammar": closed({"type": anything, "grammar": _GRAMMAR}),
                            }
                        ),
                    },
                ),
            }
        ),
    }
)


def _tool(value: Any, where: str) -> None:
    _TOOLS(value, where)
    if value["type"] == "function":
        openai_schemas.check_parameters(value["function"], f"{where}.function.parameters")


_NAMED = closed({"name": a_text})
_CHOICES = tagged(
    {
        "function": closed({"type": anything, "function": _NAMED}),
        "custom": closed({"type": anything, "custom": _NAMED}),
        "allowed_tools": closed(
            {
                "type": anything,
                "allowed_tools": closed({"mode": one_of("auto", "required"), "tools": list_of(an_object)}),
            }
        ),
    }
)
_SCHEMA = closed({"name": a_name}, {"description": a_text, "schema": an_object, "strict": a_flag})
_FORMATS = tagged(
    {
        "text": closed({"type": anything}),
        "json_object": closed({"type": anything}),
        "json_schema": closed({"type": anything, "json_schema": _SCHEMA}),
    }
)


def _response_format(value: Any, where: str) -> None:
    _FORMATS(value, where)
    schema = value.get("json_schema") or {}
    if schema.get("strict"):
        what = f"{where} '{schema['name']}'"
        openai_schemas.check_strict(schema.get("schema"), what, where, code=None)


_FUNCTIONS = list_of(closed({"name": a_name}, {"description": a_text, "parameters": an_object}), least=1, most=128)
_ARGUMENTS: dict[str, Check] = {
    "model": anything,
    "messages": anything,
    "audio": an_object,
    "frequency_penalty": between(-2, 2),
    "function_call": either(one_of("none", "auto"), closed({"name": a_text})),
    "functions": _FUNCTIONS,
    "logit_bias": an_object,
    "logprobs": a_flag,
    "max_completion_tokens": between(1, whole=True),
    "max_tokens": between(1, whole=True),
    "metadata": pairs,
    "modalities": list_of(one_of("text", "audio"), least=1),
    "moderation": an_object,
    "n": between(1, 128, whole=True),
    "parallel_tool_calls": a_flag,
    "prediction": an_object,
    "presence_penalty": between(-2, 2),
    "prompt_cache_key": a_text,
    "prompt_cache_options": an_object,
    "prompt_cache_retention": one_of("in_memory", "24h"),
    "reasoning_effort": one_of(*EFFORTS),
    "response_format": _response_format,
    "safety_identifier": at_most(128),
    "seed": an_integer,
    "service_tier": one_of("auto", "default", "flex", "scale", "priority", "fast"),
    "stop": either(anything, list_of(a_text, most=4)),
    "store": a_flag,
    "stream": a_flag,
    "stream_options": closed({}, {"include_usage": a_flag, "include_obfuscation": a_flag}),
    "temperature": between(0, 2),
    "tool_choice": either(one_of("none", "auto", "required"), _CHOICES),
    "tools": list_of(_tool, least=1, most=128),
    "top_logprobs": between(0, 20, whole=True),
    "top_p": between(0, 1),
    "user": a_text,
    "verbosity": one_of(*LEVELS),
    "web_search_options": an_object,
}


def _check_together(document: Mapping[str, Any]) -> None:
    """What goes only with something else, or only without it."""
    for name in ("tool_choice", "parallel_tool_calls"):
        if document.get(name) is not None and not document.get("tools"):
            said = f"Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified."
            raise refuse(said, param=name)
    if document.get("stream_options") is not None and not document.get("stream"):
        said = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise refuse(said, param="stream_options")
    if document.get("top_logprobs") is not None and not document.get("logprobs"):
        said = "must be set with 'logprobs' set to true."
        raise invalid("top_logprobs", said)
    if document.get("max_tokens") is not None and document.get("max_completion_tokens") is not None:
        said = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        raise refuse(said, code="invalid_parameter_combination")


def _check_model(document: Mapping[str, Any], model: str) -> None:
    abilities = find_abilities(model)
    if abilities.reasons and document.get("max_tokens") is not None:
        raise unsupported("max_tokens", "max_completion_tokens")
    if abilities.reasons and document.get("stop"):
        raise unsupported("stop")
    check_sampling(document, document.get("reasoning_effort"), abilities)


def _offered(tool: dict[str, Any]) -> Offered:
    kind = tool["type"]
    return Offered(kind, tool[kind]["name"], tool[kind].get("parameters"))


def _choice(document: Mapping[str, Any], tools: list[Offered]) -> Choice:
    said = document.get("tool_choice") or document.get("function_call") or "auto"
    parallel = document.get("parallel_tool_calls") is not False
    if isinstance(said, str):
        return Choice(said, parallel=parallel)
    allowed = said.get("allowed_tools") if said.get("type") == "allowed_tools" else None
    names = [_name_in(tool) for tool in (allowed["tools"] if allowed else [said])]
    known = [tool.name for tool in tools]
    for name in names:
        if name not in known:
            raise not_one_of("tool_choice", name, known)
    return Choice(allowed["mode"] if allowed else "required", tuple(names), parallel)


def _name_in(said: dict[str, Any]) -> str:
    named = said.get(str(said.get("type"))) if "type" in said else said
    name = named.get("name") if isinstance(named, dict) else None
    if not isinstance(name, str):
        raise wrong_type("tool_choice", "a tool's name", name)
    return name
