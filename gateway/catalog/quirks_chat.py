"""Fixes of requests to servers that take OpenAI's formats, each with whose word it is that they need it.

All are told the fields of a request and the provider's model id, change neither, and give back the same fields where
there is nothing to fix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

Fields = dict[str, Any]

_KIMI_SAMPLED = re.compile(r"(kimi-)?k(2\.[5-9]|[3-9])")
_KIMI_WITH_MAX = re.compile(r"(kimi-)?k[3-9]")
_GLM = re.compile(r"glm-(\d+)(?:\.(\d+))?", re.IGNORECASE)
_GROK_REASONS = re.compile(r"grok-(3-mini|4|code|[5-9])")
_GROK_TAKES_EFFORT = re.compile(r"grok-(3-mini|4\.[3-9](?!\d)|[5-9])")

_GLM_WITH_EFFORT = (5, 2)
_GLM_WITH_TOOL_STREAM = (4, 6)

# Of many


def developer_as_system(fields: Fields, model: str) -> Fields:
    """Messages of the role `developer` get the role `system`, which every server knows. `developer` is OpenAI's own
    word for it: https://platform.openai.com/docs/api-reference/chat/create"""
    return _with_messages(fields, _as_system)


def joined_text(fields: Fields, model: str) -> Fields:
    """Content that is a list of texts alone becomes one text, for servers that take no lists. Not of any preset: for
    small servers of your own."""
    return _with_messages(fields, _joined)


def without_names(fields: Fields, model: str) -> Fields:
    """Messages lose their `name`, which Groq refuses with 400: https://console.groq.com/docs/openai"""
    return _with_messages(fields, lambda message: _without(message, ("name",)))


def without_stream_options(fields: Fields, model: str) -> Fields:
    """`stream_options` is left out: some servers refuse it, and tell usage at the end of a stream anyway. Mistral with
    422 (https://github.com/openai/openai-agents-python/issues/442), Cohere
    (https://docs.cohere.com/docs/compatibility-api)."""
    return _without(fields, ("stream_options",))


def max_tokens(fields: Fields, model: str) -> Fields:
    """`max_completion_tokens` goes by its older name `max_tokens`, the only one that servers other than OpenAI's are
    sure to know: https://api-docs.deepseek.com/api/create-chat-completion"""
    if "max_completion_tokens" not in fields:
        return fields
    limit = fields["max_completion_tokens"]
    rest = _without(fields, ("max_completion_tokens",))
    return rest if rest.get("max_tokens") is not None else {**rest, "max_tokens": limit}


def choice_needs_tools(fields: Fields, model: str) -> Fields:
    """`tool_choice` and `parallel_tool_calls` are left out where there are no tools; xAI refuses them then:
    https://docs.x.ai/docs/guides/function-calling"""
    return fields if fields.get("tools") else _without(fields, ("tool_choice", "parallel_tool_calls"))


def reasoning_echo(fields: Fields, model: str) -> Fields:
    """Messages with tool calls whose client did not keep their `reasoning_content` get an empty word for it: DeepSeek
    (https://api-docs.deepseek.com/guides/thinking_mode) and Kimi (https://platform.moonshot.ai/docs) answer 400 where a
    model that thinks finds none."""
    if _kind_of_thinking(fields) == "disabled" or "deepseek-chat" in model:
        return fields
    return _with_messages(fields, _with_reasoning)


# DeepSeek

_DEEPSEEK_LEVELS = {"minimal": "low", "medium": "high", "xhigh": "high", "ultra": "max"}


def deepseek_effort(fields: Fields, model: str) -> Fields:
    """`reasoning_effort` becomes one of the levels that DeepSeek has (`low`, `high`, `max`), and `none` switches
    thinking off: https://api-docs.deepseek.com/guides/thinking_mode"""
    effort = fields.get("reasoning_effort")
    if effort == "none":
        return _switched(fields, on=False)
    level = _DEEPSEEK_LEVELS.get(effort) if isinstance(effort, str) else None
    return fields if level is None else {**fields, "reasoning_effort": level}


# Kimi


def kimi_model_name(fields: Fields, model: str) -> Fields:
    """Kimi Code calls its models without the prefix `kimi-` that the platform uses: https://www.kimi.com/code/docs"""
    name = fields.get("model")
    if not isinstance(name, str) or not re.match(r"kimi-k\d", name):
        return fields
    return {**fields, "model": name.removeprefix("kimi-")}


_KIMI_LEVELS = {
    "minimal": "low",
    "low": "low",
    "medium": "high",
    "high": "high",
    "xhigh": "max",
    "max": "max",
}


def kimi_thinking(fields: Fields, model: str) -> Fields:
    """`reasoning_effort` becomes Kimi's own `thinking`, which has `low` and `high`, and `max` from K3 on:
    https://platform.moonshot.ai/docs"""
    effort = fields.get("reasoning_effort")
    if not isinstance(effort, str) or "thinking" in fields or not _KIMI_SAMPLED.match(model):
        return fields
    if effort == "none":
        return _switched(fields, on=False)
    level = _KIMI_LEVELS.get(effort)
    if level is None:
        return fields
    if level == "max" and not _KIMI_WITH_MAX.match(model):
        level = "high"
    thinking = {"type": "enabled", "effort": level}
    return {**_without(fields, ("reasoning_effort",)), "thinking": thinking}


def kimi_sampling(fields: Fields, model: str) -> Fields:
    """From K2.5 on no other sampling than the usual one is taken, so that parameters for it are left out:
    https://platform.moonshot.ai/docs"""
    if not _KIMI_SAMPLED.match(model):
        return fields
    return _without(fields, ("temperature", "top_p", "presence_penalty", "frequency_penalty"))


# MiniMax, Qwen


def minimax_reasoning_split(fields: Fields, model: str) -> Fields:
    """Thoughts are asked for in a field of their own, and not between `<think>` marks within the answer:
    https://platform.minimax.io/docs/api-reference/text-openai-api"""
    return fields if "reasoning_split" in fields else {**fields, "reasoning_split": True}


def qwen_tool_choice(fields: Fields, model: str) -> Fields:
    """Qwen refuses to be made to call a tool while it thinks: any such `tool_choice` becomes `auto`:
    https://www.alibabacloud.com/help/en/model-studio/qwen-function-calling"""
    choice = fields.get("tool_choice")
    forced = choice == "required" or isinstance(choice, dict)
    thinks = fields.get("enable_thinking") is True or "thinking" in model
    return {**fields, "tool_choice": "auto"} if forced and thinks else fields


# xAI


def xai_reasoning(fields: Fields, model: str) -> Fields:
    """Grok models that reason refuse `stop` and penalties, and most of them an effort:
    https://docs.x.ai/docs/guides/reasoning"""
    if not _GROK_REASONS.search(model) or "non-reasoning" in model:
        return fields
    fields = _without(fields, ("stop", "presence_penalty", "frequency_penalty"))
    if _GROK_TAKES_EFFORT.search(model):
        return fields
    reasoning = fields.get("reasoning")
    if isinstance(reasoning, dict) and "effort" in reasoning:
        fields = {**fields, "reasoning": _without(reasoning, ("effort",))}
    return _without(fields, ("reasoning_effort",))


# Z.ai


def zai_thinking(fields: Fields, model: str) -> Fields:
    """Models before GLM-5.2 know no `reasoning_effort`, only `thinking` that is on or off:
    https://docs.z.ai/guides/capabilities/thinking-mode"""
    effort = fields.get("reasoning_effort")
    version = _glm_version(model)
    if not isinstance(effort, str) or version is None or version >= _GLM_WITH_EFFORT:
        return fields
    if "thinking" in fields:
        return _without(fields, ("reasoning_effort",))
    return _switched(fields, on=effort != "none")


def zai_tool_stream(fields: Fields, model: str) -> Fields:
    """From GLM-4.6 on the arguments of tools are streamed only where that is asked for:
    https://docs.z.ai/guides/capabilities/stream-tool"""
    version = _glm_version(model)
    if "tool_stream" in fields or fields.get("stream") is not True or not fields.get("tools"):
        return fields
    return {**fields, "tool_stream": True} if version and version >= _GLM_WITH_TOOL_STREAM else fields


# Parts of these


def _with_messages(fields: Fields, fix: Callable[[Fields], Fields]) -> Fields:
    """The request with each message as `fix` leaves it."""
    messages = fields.get("messages")
    if not isinstance(messages, list):
        return fields
    fixed = [fix(each) if isinstance(each, dict) else each for each in messages]
    changed = any(new is not old for new, old in zip(fixed, messages, strict=True))
    return {**fields, "messages": fixed} if changed else fields


def _as_system(message: Fields) -> Fields:
    return {**message, "role": "system"} if message.get("role") == "developer" else message


def _joined(message: Fields) -> Fields:
    parts = message.get("content")
    if not isinstance(parts, list) or not parts:
        return message
    texts = [each.get("text") for each in parts if isinstance(each, dict) and each.get("type") == "text"]
    if len(texts) != len(parts) or not all(isinstance(text, str) for text in texts):
        return message
    return {**message, "content": "\n\n".join(str(text) for text in texts)}


def _with_reasoning(message: Fields) -> Fields:
    if message.get("role") != "assistant" or not message.get("tool_calls") or message.get("reasoning_content"):
        return message
    return {**message, "reasoning_content": " "}


def _without(fields: Fields, names: Iterable[str]) -> Fields:
    left_out = [name for name in names if name in fields]
    return {name: value for name, value in fields.items() if name not in left_out} if left_out else fields


def _kind_of_thinking(fields: Fields) -> Any:
    thinking = fields.get("thinking")
    return thinking.get("type") if isinstance(thinking, dict) else None


def _switched(fields: Fields, *, on: bool) -> Fields:
    """With thinking switched on or off in place of an effort; what the client says of it itself stays."""
    kind = {"type": "enabled" if on else "disabled"}
    return {"thinking": kind, **_without(fields, ("reasoning_effort",))}


def _glm_version(model: str) -> tuple[int, int] | None:
    found = _GLM.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else None
