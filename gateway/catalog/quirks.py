"""Named fixes that requests or answers of some providers need: a table, and what of it a provider goes by.

A fix of requests works on the fields as they are about to be sent, the provider's own model id in them. It never
changes what it is given, and gives back the very same object where there is nothing to do, so that bytes can pass as
they came. Fields are the client's or a writer's: whatever is not as it should be is left for the provider to refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from gateway.catalog import quirks_answers as answers
from gateway.catalog import quirks_chat as chat
from gateway.catalog import quirks_clouds as clouds
from gateway.records import Provider

Fields = dict[str, Any]

Edit = Callable[[Fields, str], Fields]
"""The fields of a request and the provider's model id: the fields to send."""
Refusal = Callable[[Fields], tuple[str, str] | None]
"""The fields of an answer with status 200: code and message where it is an error."""
UsageFix = Callable[[Fields], Fields]
"""The usage that a provider tells: what it should have said."""

CHAT, RESPONSES, ANTHROPIC, GEMINI = "openai_chat", "openai_responses", "anthropic", "gemini"


class _Request(NamedTuple):
    """A fix of requests."""

    edit: Edit
    formats: tuple[str, ...] = (CHAT,)
    """Dialects in which it makes sense."""


_REQUESTS: Mapping[str, _Request] = MappingProxyType(
    {
        "developer_as_system": _Request(chat.developer_as_system),
        "joined_text": _Request(chat.joined_text),
        "without_names": _Request(chat.without_names),
        "without_stream_options": _Request(chat.without_stream_options),
        "max_tokens": _Request(chat.max_tokens),
        "choice_needs_tools": _Request(chat.choice_needs_tools, (CHAT, RESPONSES)),
        "reasoning_echo": _Request(chat.reasoning_echo),
        "deepseek_effort": _Request(chat.deepseek_effort),
        "kimi_model_name": _Request(chat.kimi_model_name, (CHAT, ANTHROPIC)),
        "kimi_thinking": _Request(chat.kimi_thinking),
        "kimi_sampling": _Request(chat.kimi_sampling),
        "minimax_reasoning_split": _Request(chat.minimax_reasoning_split),
        "qwen_tool_choice": _Request(chat.qwen_tool_choice),
        "xai_reasoning": _Request(chat.xai_reasoning, (CHAT, RESPONSES)),
        "zai_thinking": _Request(chat.zai_thinking),
        "zai_tool_stream": _Request(chat.zai_tool_stream),
        "vertex_contents": _Request(clouds.vertex_contents, (GEMINI,)),
        "vertex_anthropic": _Request(clouds.vertex_anthropic, (ANTHROPIC,)),
        "bedrock_anthropic": _Request(clouds.bedrock_anthropic, (ANTHROPIC,)),
    }
)

_REFUSALS: Mapping[str, Refusal] = MappingProxyType(
    {"minimax_errors": answers.minimax_errors, "deepseek_interrupted": answers.deepseek_interrupted}
)

_USAGES: Mapping[str, UsageFix] = MappingProxyType({"xai_usage": answers.xai_usage})
"""All of them of OpenAI Chat."""

BETAS_IN_BODY = "bedrock_anthropic"
"""The quirk of a provider that takes `anthropic-beta` as a field."""

QUIRKS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {**{name: each.edit for name, each in _REQUESTS.items()}, **_REFUSALS, **_USAGES}
)
"""All of them by name. Their docstrings say what they are for, and whose word it is."""


def edits_of(provider: Provider, format_name: str = "") -> Edit | None:
    """What makes requests to this provider fit; None where they need nothing. `format_name` is the dialect of the
    request, where it is not the provider's own."""
    return _edits(provider.quirks, format_name or provider.format) if provider.quirks else None


def needed_by(provider: Provider, fields: Fields, model: str, format_name: str = "") -> tuple[str, ...]:
    """The names of the fixes that change something in this request, in the order in which they do."""
    spoken, found = format_name or provider.format, []
    for name in provider.quirks:
        quirk = _REQUESTS.get(name)
        if quirk is None or spoken not in quirk.formats:
            continue
        fixed = quirk.edit(fields, model)
        if fixed is not fields:
            found.append(name)
        fields = fixed
    return tuple(found)


def refusals_of(provider: Provider) -> Refusal | None:
    """What finds the error in an answer with status 200; None where this provider answers as it should."""
    return _refusals(provider.quirks) if provider.quirks else None


def usage_fix_of(provider: Provider, format_name: str = "") -> UsageFix | None:
    """What puts the usage right that this provider tells; None where it needs nothing. `format_name` as in
    `edits_of`."""
    if (format_name or provider.format) != CHAT:
        return None
    return next((_USAGES[name] for name in provider.quirks if name in _USAGES), None)


def betas_in_body(provider: Provider) -> bool:
    """Whether the client's `anthropic-beta` goes into the body, by `with_betas`, and not into a header."""
    return BETAS_IN_BODY in provider.quirks


with_betas = clouds.with_betas


@lru_cache(maxsize=256)
def _edits(names: tuple[str, ...], format_name: str) -> Edit | None:
    found = [each.edit for name in names if (each := _REQUESTS.get(name)) and format_name in each.formats]
    if len(found) < 2:
        return found[0] if found else None

    def edited(fields: Fields, model: str) -> Fields:
        for edit in found:
            fields = edit(fields, model)
        return fields

    return edited


@lru_cache(maxsize=256)
def _refusals(names: tuple[str, ...]) -> Refusal | None:
    found = [_REFUSALS[name] for name in names if name in _REFUSALS]
    if not found:
        return None
    return lambda fields: next((refusal for find in found if (refusal := find(fields)) is not None), None)
