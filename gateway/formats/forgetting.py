"""Takes the reasoning of earlier turns out of a request, in its own dialect, for a provider that refuses it (REAS-8).

Signatures and encrypted reasoning are bound to a model, an account, sometimes a conversation. Without them a provider
answers; that it thought before is lost, everything that was said stays. Bodies as they came, parsed, in and out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from .format import Fields
from .gemini.state import BYPASS

_THOUGHTS = ("thinking", "redacted_thinking")
_CHAT_FIELDS = frozenset(("reasoning", "reasoning_content", "reasoning_details", "thinking_blocks"))
_SIGNATURES = frozenset(("thoughtSignature", "thought_signature"))


def without_reasoning(dialect: str, fields: Fields) -> Fields | None:
    """The request without the reasoning of its history; None when it holds none. Whatever is malformed stays."""
    changed = _FORGET[dialect](fields)
    return None if changed == fields else changed


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is(value: Any, kinds: tuple[str, ...]) -> bool:
    return isinstance(value, dict) and value.get("type") in kinds


def _forget_messages(fields: Fields) -> Fields:
    if not isinstance(fields.get("messages"), list):
        return fields
    messages = [_without_thoughts(message) for message in fields["messages"]]
    left = [message for message in messages if not (isinstance(message, dict) and message.get("content") == [])]
    changed = {**fields, "messages": left}
    thinking = fields.get("thinking")
    if _is(thinking, ("enabled",)) and changed != fields and _ends_with_calls(left):
        del changed["thinking"]  # REAS-10: with a budget, the latest calls must follow upon a thought
    return changed


def _without_thoughts(message: Any) -> Any:
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return message
    content = message.get("content")
    if not any(_is(block, _THOUGHTS) for block in _list(content)):
        return message
    return {**message, "content": [block for block in _list(content) if not _is(block, _THOUGHTS)]}


def _ends_with_calls(messages: list[Any]) -> bool:
    spoken = [each for each in messages if isinstance(each, dict) and each.get("role") == "assistant"]
    return bool(spoken) and any(_is(block, ("tool_use",)) for block in _list(spoken[-1].get("content")))


def _forget_responses(fields: Fields) -> Fields:
    if not isinstance(fields.get("input"), list):
        return fields
    return {**fields, "input": [item for item in fields["input"] if not _is(item, ("reasoning",))]}


def _forget_chat(fields: Fields) -> Fields:
    if not isinstance(fields.get("messages"), list):
        return fields
    return {**fields, "messages": [_without_chat_fields(message) for message in fields["messages"]]}


def _without_chat_fields(message: Any) -> Any:
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return message
    kept = {name: value for name, value in message.items() if name not in _CHAT_FIELDS}
    if isinstance(kept.get("tool_calls"), list):
        kept["tool_calls"] = [_call(call) for call in kept["tool_calls"]]
    return kept


def _call(call: Any) -> Any:
    """A call with what Google's compatible endpoint asks for in the place of a signature."""
    if not isinstance(call, dict) or "extra_content" not in call:
        return call
    return {**call, "extra_content": {"google": {"thought_signature": BYPASS}}}


def _forget_gemini(fields: Fields) -> Fields:
    if not isinstance(fields.get("contents"), list):
        return fields
    contents = [_without_signatures(content) for content in fields["contents"]]
    left = [content for content in contents if not (isinstance(content, dict) and content.get("parts") == [])]
    return {**fields, "contents": left}


def _without_signatures(content: Any) -> Any:
    if not isinstance(content, dict) or content.get("role") != "model" or not isinstance(content.get("parts"), list):
        return content
    parts = (_part(part) for part in content["parts"] if not (isinstance(part, dict) and part.get("thought") is True))
    return {**content, "parts": [part for part in parts if part not in ({}, {"text": ""})]}


def _part(part: Any) -> Any:
    if not isinstance(part, dict) or not part.keys() & _SIGNATURES:
        return part
    kept = {name: value for name, value in part.items() if name not in _SIGNATURES}
    return {**kept, "thoughtSignature": BYPASS} if kept.keys() & {"functionCall", "function_call"} else kept


_FORGET: Mapping[str, Callable[[Fields], Fields]] = MappingProxyType(
    {
        "openai_chat": _forget_chat,
        "openai_responses": _forget_responses,
        "anthropic": _forget_messages,
        "gemini": _forget_gemini,
    }
)
