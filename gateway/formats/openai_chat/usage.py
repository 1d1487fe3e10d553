"""Usage in OpenAI's shape. Shapes: https://platform.openai.com/docs/api-reference."""

from __future__ import annotations

import re
from typing import Any

import orjson

from gateway.records import Tokens

_USAGE_KEY = b'"usage"'
_USAGE_OBJECT = re.compile(rb"\s*:\s*(\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})")
"""A `usage` object behind its key: objects within it, but none within those."""


def read_tokens(usage: dict[str, Any]) -> Tokens:
    """Tokens of a `usage` object: chat, completions and embeddings, or the newer names that images and audio use."""
    if "input_tokens" in usage:
        entered, produced = usage["input_tokens"], usage.get("output_tokens")
        details, more = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    else:
        entered, produced = usage.get("prompt_tokens"), usage.get("completion_tokens")
        details, more = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    entered, produced = _count(entered), _count(produced)
    if not (entered or produced):
        entered = _count(usage.get("total_tokens"))
    cached = written = reasoning = 0
    if isinstance(details, dict):
        cached = min(_count(details.get("cached_tokens")), entered)
        written = min(_count(details.get("cache_write_tokens")), entered - cached)
    if isinstance(more, dict):
        reasoning = min(_count(more.get("reasoning_tokens")), produced)
    return Tokens(entered, produced, cached, written, reasoning)


def read_reply_tokens(body: bytes) -> Tokens | None:
    """Tokens of a whole reply, None where it does not say. Only `usage` is parsed, however large the reply."""
    key = body.rfind(_USAGE_KEY)
    found = _USAGE_OBJECT.match(body, key + len(_USAGE_KEY)) if key >= 0 else None
    if found is None:
        return None
    try:
        return read_tokens(orjson.loads(found[1]))
    except orjson.JSONDecodeError:
        return None


def _count(value: Any) -> int:
    return value if value.__class__ is int and value > 0 else 0
