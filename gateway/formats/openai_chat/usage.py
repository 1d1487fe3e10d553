"""OpenAI's usage object as numbers that do not overlap, and back.

Fields: https://platform.openai.com/docs/api-reference/chat/object#chat-object-usage. Its totals include their details.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from gateway.formats.charged import charged
from gateway.formats.format import Fields
from gateway.formats.neutral import Usage
from gateway.formats.usages import counts_in, tokens_of, usage_object, within
from gateway.records import Tokens

Counts = dict[str, int]
"""Numbers of tokens by name, none of them 0."""

_KEY = b'"usage"'
_OBJECT = re.compile(rb"\s*:\s*(%b)" % usage_object(depth=2))
"""A `usage` object behind its key: details within it, and parts of what was cached within those."""


def read_usage(usage: Fields) -> Usage:
    """The numbers; what is larger than its whole is a server's mistake and clamps (USAGE-4)."""
    if "prompt_tokens" not in usage and "input_tokens" in usage:
        usage = _of_media(usage)
    before, totals = usage.get("prompt_tokens_details"), counts_in(usage)
    parts, after = counts_in(before), counts_in(usage.get("completion_tokens_details"))
    entered, produced, reasoning = totals.get("prompt_tokens", 0), totals.get("completion_tokens", 0), 0
    spoken = drawn = audio = image = written = 0
    if after:
        produced, reasoning = _with_reasoning(totals, after.get("reasoning_tokens", 0))
        spoken, drawn = _media(after, produced - reasoning)
    if not (entered or produced):
        entered = totals.get("total_tokens", 0)
    cached = _cached(totals, parts)
    if cached > entered:
        cached = entered
    fresh = entered - cached
    if parts:
        written = min(parts.get("cache_write_tokens", 0), fresh)
        fresh -= written
        audio, image = _media(_uncached(parts, before), fresh)
    return Usage(
        fresh=fresh,
        cache_read=cached,
        cache_write=written,
        visible=produced - reasoning,
        reasoning=reasoning,
        input_audio=audio,
        input_image=image,
        output_audio=spoken,
        output_image=drawn,
        cost_nano_usd=charged(usage),
    )


def _of_media(usage: Fields) -> Fields:
    """Usage of images, transcriptions and speech under the names of Chat; transcriptions say `input_token_details`."""
    return {
        **usage,
        "prompt_tokens": usage.get("input_tokens"),
        "completion_tokens": usage.get("output_tokens"),
        "prompt_tokens_details": usage.get("input_tokens_details") or usage.get("input_token_details"),
        "completion_tokens_details": usage.get("output_tokens_details") or usage.get("output_token_details"),
    }


def _with_reasoning(totals: Counts, reasoning: int) -> tuple[int, int]:
    """All output, and how much of it was reasoning.

    xAI leaves reasoning out of `completion_tokens`, and has it in the total: https://docs.x.ai/docs/guides/reasoning.
    """
    produced = totals.get("completion_tokens", 0)
    if totals.get("total_tokens") == totals.get("prompt_tokens", 0) + produced + reasoning:
        produced += reasoning
    return produced, min(reasoning, produced)


def _cached(totals: Counts, parts: Counts) -> int:
    """DeepSeek tells its cache hits beside the totals (https://api-docs.deepseek.com/guides/kv_cache), and so does Kimi
    (https://platform.moonshot.ai/docs/api/chat)."""
    return parts.get("cached_tokens") or totals.get("prompt_cache_hit_tokens") or totals.get("cached_tokens") or 0


def _media(parts: Counts, whole: int) -> tuple[int, int]:
    """Audio and images in a part of the tokens."""
    return within(whole, parts.get("audio_tokens", 0), parts.get("image_tokens", 0))


def _uncached(parts: Counts, before: Any) -> Counts:
    """The parts of a prompt, audio and images without those that were in a cache. OpenAI tells these apart:
    https://platform.openai.com/docs/guides/realtime-costs."""
    cached = counts_in(before.get("cached_tokens_details"))
    return {name: max(count - cached.get(name, 0), 0) for name, count in parts.items()} if cached else parts


def write_usage(usage: Usage) -> Fields:
    """The `usage` object for a client (USAGE-1, USAGE-2)."""
    before: Fields = {"cached_tokens": usage.cache_read}
    if usage.cache_write:
        before["cache_write_tokens"] = usage.cache_write
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": before,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def tokens_in(body: bytes) -> Tokens | None:
    """Tokens in the last bytes of a whole reply, None where it has none. Only `usage`, and what follows it, is parsed:
    where it is a member of the reply itself, that with a brace in front of it is an object again."""
    key = body.rfind(_KEY)
    if key < 0:
        return None
    try:
        usage = orjson.loads(b"{" + body[key:])["usage"]
    except orjson.JSONDecodeError:
        usage = _usage_within(body, key)
    return tokens_of(read_usage(usage)) if usage.__class__ is dict else None


def _usage_within(body: bytes, key: int) -> Fields | None:
    """The object behind the key, where it is a member of something within the reply."""
    found = _OBJECT.match(body, key + len(_KEY))
    try:
        return orjson.loads(found[1]) if found else None
    except orjson.JSONDecodeError:
        return None
