"""Takes the reasoning of earlier turns out of a request, in its own dialect, for a provider that refuses it (REAS-8).

Signatures and encrypted reasoning are bound to a model, an account, sometimes a conversation. Without them a provider
answers; that it thought before is lost, everything that was said stays. Bodies as they came, parsed, in and out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from .format import Fields
from .gemini.state import BYPASS

_THOUGHTS = ("thinking", "redacted_thinking")
_CHAT_FIELDS = frozenset(("reasoning", "reasoning_content", "reasoning_details", "thinking_blocks"))
_SIGNATURES = frozenset(("thoughtSignature", "thought_signature"))

Refuses = Callable[[str], bool]
"""Whether the provider does not take this signature."""


def everything(signature: str) -> bool:
    """All of it is refused."""
    return True


def without_reasoning(dialect: str, fields: Fields, refuses: Refuses = everything) -> Fields | None:
    """The request without the reasoning of its history, as far as that is refused; None when there is none.

    Whatever is malformed stays.
    """
    changed = _FORGET[dialect](fields, refuses)
    return None if changed == fields else changed


def signatures_in(dialect: str, fields: Fields) -> list[str]:
    """The signatures of the reasoning in a request, as its client wrote them."""
    found: list[str] = []

    def note(signature: str) -> bool:
        found.append(signature)
        return False

    _FORGET[dialect](fields, note)
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is(value: Any, kinds: tuple[str, ...]) -> bool:
    return isinstance(value, dict) and value.get("type") in kinds


def _signature(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _kept(blocks: Iterable[Any], refuses: Refuses) -> Iterator[Any]:
    """Blocks but for refused thoughts, as Anthropic writes them."""
    for block in blocks:
        if not _is(block, _THOUGHTS) or not refuses(_signature(block.get("signature") or block.get("data"))):
            yield block


def _forget_messages(fields: Fields, refuses: Refuses) -> Fields:
    if not isinstance(fields.get("messages"), list):
        return fields
    messages = [_without_thoughts(message, refuses) for message in fields["messages"]]
    left = [message for message in messages if not (isinstance(message, dict) and message.get("content") == [])]
    changed = {**fields, "messages": left}
    if _is(fields.get("thinking"), ("enabled",)) and changed != fields and _has_lost_its_thought(left):
        del changed["thinking"]  # REAS-10: with a budget, the latest calls must follow upon a thought
    return changed


def _without_thoughts(message: Any, refuses: Refuses) -> Any:
    content = message.get("content") if isinstance(message, dict) and message.get("role") == "assistant" else None
    return {**message, "content": list(_kept(content, refuses))} if isinstance(content, list) else message


def _has_lost_its_thought(messages: list[Any]) -> bool:
    spoken = [each for each in messages if isinstance(each, dict) and each.get("role") == "assistant"]
    blocks = _list(spoken[-1].get("content")) if spoken else []
    return any(_is(block, ("tool_use",)) for block in blocks) and not _is(blocks[0], _THOUGHTS)


def _forget_responses(fields: Fields, refuses: Refuses) -> Fields:
    if not isinstance(fields.get("input"), list):
        return fields
    items = fields["input"]
    kept = [
        item
        for item in items
        if not _is(item, ("reasoning",)) or not refuses(_signature(item.get("encrypted_content")))
    ]
    return {**fields, "input": kept}


def _forget_chat(fields: Fields, refuses: Refuses) -> Fields:
    if not isinstance(fields.get("messages"), list):
        return fields
    return {**fields, "messages": [_without_chat_thoughts(message, refuses) for message in fields["messages"]]}


def _without_chat_thoughts(message: Any, refuses: Refuses) -> Any:
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return message
    kept = dict(message)
    blocks = message.get("thinking_blocks")
    if isinstance(blocks, list):
        kept["thinking_blocks"] = list(_kept(blocks, refuses))
    if kept.keys() & _CHAT_FIELDS and not kept.get("thinking_blocks") and refuses(""):
        kept = {name: value for name, value in kept.items() if name not in _CHAT_FIELDS}
    if isinstance(kept.get("tool_calls"), list):
        kept["tool_calls"] = [_call(call, refuses) for call in kept["tool_calls"]]
    return kept


def _call(call: Any, refuses: Refuses) -> Any:
    """A call with what Google's compatible endpoint takes in the place of a signature."""
    extra = call.get("extra_content") if isinstance(call, dict) else None
    google = extra.get("google") if isinstance(extra, dict) else None
    if not isinstance(extra, dict) or not isinstance(google, dict):
        return call
    signature = _signature(google.get("thought_signature"))
    if signature in ("", BYPASS) or not refuses(signature):
        return call
    return {**call, "extra_content": {**extra, "google": {**google, "thought_signature": BYPASS}}}


def _forget_gemini(fields: Fields, refuses: Refuses) -> Fields:
    if not isinstance(fields.get("contents"), list):
        return fields
    contents = [_without_signatures(content, refuses) for content in fields["contents"]]
    left = [content for content in contents if not (isinstance(content, dict) and content.get("parts") == [])]
    return {**fields, "contents": left}


def _without_signatures(content: Any, refuses: Refuses) -> Any:
    if not isinstance(content, dict) or content.get("role") != "model" or not isinstance(content.get("parts"), list):
        return content
    parts = (_part(part, refuses) for part in content["parts"])
    return {**content, "parts": [part for part in parts if part is not None]}


def _part(part: Any, refuses: Refuses) -> Any:
    """The part without what is refused; None when nothing is left of it."""
    if not isinstance(part, dict):
        return part
    signature = _signature(next((part[name] for name in _SIGNATURES if name in part), ""))
    thought = part.get("thought") is True
    if signature == BYPASS or not (signature or thought) or not refuses(signature):
        return part
    kept = {name: value for name, value in part.items() if name not in _SIGNATURES}
    if kept.keys() & {"functionCall", "function_call"}:
        return {**kept, "thoughtSignature": BYPASS}
    return None if thought or kept in ({}, {"text": ""}) else kept


_FORGET: Mapping[str, Callable[[Fields, Refuses], Fields]] = MappingProxyType(
    {
        "openai_chat": _forget_chat,
        "openai_responses": _forget_responses,
        "anthropic": _forget_messages,
        "gemini": _forget_gemini,
    }
)
